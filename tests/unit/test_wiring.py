"""Whatever is named in one place is known in the other: tasks, codes, errors."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.errors import STATUS, status_of
from vision import errors
from vision.errors import Detail, Retry, TesseraError
from vision.jobs.lifecycle import JobStatus, StatusCode
from vision.jobs.wake_ups import WAKE_UPS, Task, application
from vision.outbound.webhooks import EventType
from vision.provider.catalogue import Catalogue
from vision.provider.failures import Then
from vision.provider.failures.table import _rows, _table
from vision.settings import Settings
from worker import tasks
from worker.process.runtime import Runtime

ROOT = Path(__file__).parents[2]
BROKER = "redis://127.0.0.1:1/0"


def classes(base: type[TesseraError] = TesseraError) -> Iterator[type[TesseraError]]:
    """Every error class of vision.errors."""
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from classes(kind)


def test_every_task_is_registered_and_takes_what_it_is_sent_with() -> None:
    app = application(BROKER)
    settings = Settings(redis_url=BROKER)  # type: ignore[arg-type] # pydantic makes it a secret
    tasks.register(app, Runtime(settings, Catalogue({})))
    ours = {name: task for name, task in app.tasks.items() if name.startswith("tessera.")}
    assert ours.keys() == {task.value for task in Task}
    sent_with = {task: len(inspect.signature(ours[task].run).parameters) for task in Task}
    assert sent_with == {Task.DISPATCH: 1, Task.MEASURE: 1, Task.LOOK: 0, Task.DELIVER: 0}


def test_a_wake_up_reaches_every_worker_and_is_not_kept() -> None:
    assert (WAKE_UPS.type, WAKE_UPS.durable) == ("fanout", False)
    conf = application(BROKER).conf
    assert conf.task_ignore_result
    assert conf.accept_content == ["json"]


def test_the_table_of_failures_is_well_formed() -> None:
    says = _table()["says"]
    assert all(phrase == phrase.lower() for phrases in says.values() for phrase in phrases)
    for row in _rows():
        assert row["match"].get("says", "key") in says
        assert row.keys() - {"hint"} == {"match", "then", "code"}
        assert row["match"].keys() <= {"status", "class", "code", "contains", "says"}
        assert row["match"].keys() & {"status", "class"}
        if Then(row["then"]) in {Then.PAUSE, Then.UNCLEAR}:
            assert StatusCode(row["code"])


def test_every_row_of_the_table_can_be_reached() -> None:
    """No row stands behind one that already takes all that it would."""
    rows = [row["match"] for row in _rows()]
    for index, match in enumerate(rows):
        for earlier in rows[:index]:
            assert not earlier.items() <= match.items(), match


@pytest.mark.parametrize("kind", list(classes()))
def test_every_error_has_a_status_a_code_and_a_message(kind: type[TesseraError]) -> None:
    error = kind()
    assert 400 <= status_of(error) < 600
    assert error.code == error.code.lower().replace(" ", "_")
    assert error.message.endswith((".", "`."))
    assert error.retry in Retry
    if issubclass(kind, errors.RequestError):
        assert kind in STATUS


def test_the_tree_of_errors_is_the_one_that_is_drawn() -> None:
    drawn = errors.__doc__ or ""
    assert all(kind.__name__ in drawn for kind in classes())


def test_an_error_can_say_more_than_its_class() -> None:
    detail = Detail("missing_field", "custom_id is missing.", line=3)
    error = errors.InvalidRequest("No.", code="invalid_manifest", param="items", retry=Retry.NOW, details=[detail])
    assert (error.message, str(error), error.code, error.param) == ("No.", "No.", "invalid_manifest", "items")
    assert (error.retry, error.details) == (Retry.NOW, (detail,))


def test_every_state_that_is_announced_has_an_event_type() -> None:
    """`finish.announce` makes the type of the state."""
    assert {f"job.{status}" for status in JobStatus} - {event.value for event in EventType} == {
        "job.queued",
        "job.running",
    }


STATEMENTS = {"text", "select", "insert", "update", "delete", "func"}
"""What statements are built with."""
SQL_PLACES = ("vision/storage/", "embedded/postgres.py")
"""The second one makes its cluster's database before there are any tables."""


def test_sql_is_in_one_place() -> None:
    elsewhere = [path for path in _modules() if not path.startswith(SQL_PLACES) and _builds_statements(path)]
    assert elsewhere == []
    assert _builds_statements("vision/storage/files.py")
    assert _builds_statements("embedded/postgres.py")


def _modules() -> list[str]:
    folders = ("api", "cli", "embedded", "local", "vision", "worker")
    return [str(path.relative_to(ROOT)) for name in folders for path in (ROOT / name).rglob("*.py")]


def _builds_statements(path: str) -> bool:
    """Whether a module imports what statements are built with, or connects to a database by itself."""
    return any(_is_about_sql(node) for node in ast.walk(ast.parse((ROOT / path).read_text())))


def _is_about_sql(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "sqlalchemy" and bool(STATEMENTS & {name.name for name in node.names})
    return isinstance(node, ast.Attribute) and ast.unparse(node) == "psycopg.connect"
