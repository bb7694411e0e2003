"""States of a job: how a job may end, and that every code is given for some reason."""

import re
from pathlib import Path

import pytest

import vision
from vision.jobs.lifecycle import MOVES, OPEN, RETRY, RUNNABLE, TERMINAL, ItemStatus, JobStatus, StatusCode, sql_list
from vision.storage.outcomes import finish

SOURCE = Path(vision.__file__).parent.parent


def test_every_ending_leads_to_a_terminal_state() -> None:
    assert {move.target for move, _ in finish._ENDINGS.values()} == {JobStatus.CANCELLED, JobStatus.EXPIRED}
    assert all(move.target == ending for ending, (move, _) in finish._ENDINGS.items())


def test_every_state_can_be_reached_and_left_unless_it_is_the_end() -> None:
    assert {move.target for move in MOVES} | {JobStatus.QUEUED, JobStatus.FAILED} == set(JobStatus)
    assert {source for move in MOVES for source in move.sources} >= OPEN
    assert {source for move in MOVES for source in move.sources} & TERMINAL == RETRY.sources


def test_the_page_shows_the_table_of_moves() -> None:
    page = (SOURCE / "docs" / "job-lifecycle.md").read_text(encoding="utf-8").partition("## Item")[0]
    drawn = set(re.findall(r"^    (\w+) --> (\w+):", page, re.MULTILINE))
    assert drawn == {(source.value, move.target.value) for move in MOVES for source in move.sources}


def test_states_are_written_for_sql() -> None:
    assert sql_list(RUNNABLE) == "'queued', 'running'"


def test_an_item_ends_in_the_words_of_its_job() -> None:
    assert {status.value for status in TERMINAL} <= {status.value for status in ItemStatus}


@pytest.mark.parametrize("code", list(StatusCode))
def test_every_status_code_is_given_somewhere(code: StatusCode) -> None:
    files = [path for folder in ("vision", "worker", "api") for path in (SOURCE / folder).rglob("*") if path.is_file()]
    given = re.compile(rf"StatusCode\.{code.name}\b|(status_code|code)\W{{1,4}}{code.value}\b|\"{code.value}\"")
    sources = [path for path in files if path.suffix in {".py", ".toml"} and path.name != "lifecycle.py"]
    assert any(given.search(path.read_text(encoding="utf-8")) for path in sources)
