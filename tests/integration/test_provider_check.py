"""`tessera providers check` against servers of several dialects."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from cli.commands.providers import command
from tests.fakes import FakeProcess, start


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProcess]:
    """A fake provider."""
    with start("provider", "--key", "none") as process:
        yield process


@pytest.fixture
def run(fake: FakeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """With a providers.toml of two lanes, one of them of Anthropic's kind."""
    fake.post("/_/reset")
    model = '[provider.models."gpt-4o-mini"]\nrpm = 500\ntpm = 200_000\n'
    tables = [
        f'[[provider]]\nname = "{name}"\nbase_url = "{fake.url}/v1"\napi = "{api}"\n{model}'
        for name, api in (("fake", "chat"), ("other", "messages"))
    ]
    path = tmp_path / "providers.toml"
    path.write_text("".join(tables))
    monkeypatch.setenv("TESSERA_PROVIDERS_FILE", str(path))
    return CliRunner()


def test_every_lane_is_asked_once(run: CliRunner, fake: FakeProcess) -> None:
    done = run.invoke(command, ["check"])
    assert done.exit_code == 0, done.output
    first, second = done.output.splitlines()
    assert first.startswith("fake/gpt-4o-mini: takes the call, answers by the schema, states its usage, states its")
    assert second.startswith("other/gpt-4o-mini: takes the call, answers by the schema, states its usage")
    assert fake.get("/_/stats")["calls"] == 2


def test_what_to_write_is_said(run: CliRunner, fake: FakeProcess) -> None:
    fields = ["max_completion_tokens", "response_format", "messages.content.image_url.detail"]
    fake.post("/_/dialect", {"refuses": fields, "style": "fastapi"})
    done = run.invoke(command, ["check", "fake", "--json"])
    (found,) = orjson.loads(done.output)
    assert found["problem"] is None
    assert found["providers_toml"] == ['ceiling = "max_tokens"', 'structure = "prompt"', 'omit = ["detail"]']


def test_a_server_that_ignores_the_schema_is_told_by_its_answer(run: CliRunner, fake: FakeProcess) -> None:
    fake.post("/_/faults", [{"fault": {"kind": "text", "text": "It is red."}}])
    (found,) = orjson.loads(run.invoke(command, ["check", "fake/gpt-4o-mini", "--json"]).output)
    assert (found["structured"], found["providers_toml"]) == (False, ['structure = "prompt"'])


def test_a_refused_key_is_a_failure(run: CliRunner, fake: FakeProcess) -> None:
    fake.post("/_/faults", [{"fault": {"kind": "status", "status": 401, "body": {"error": {"message": "No key."}}}}])
    done = run.invoke(command, ["check", "fake"])
    assert (done.exit_code, done.output) == (1, "fake/gpt-4o-mini: no call was taken: No key.\n")
    assert run.invoke(command, ["check", "nobody"]).exit_code == 2
