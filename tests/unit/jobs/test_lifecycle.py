"""States of a job: how a job may end, and that every code is given for some reason."""

import re
from pathlib import Path

import pytest

import vision
from vision.jobs.lifecycle import TERMINAL, ItemStatus, JobStatus, StatusCode
from vision.storage.outcomes import finish

SOURCE = Path(vision.__file__).parent.parent


def test_every_ending_leads_to_a_terminal_state() -> None:
    assert {status for status, _ in finish._ENDINGS.values()} == {JobStatus.CANCELLED, JobStatus.EXPIRED}
    assert all(status == ending for ending, (status, _) in finish._ENDINGS.items())


def test_an_item_ends_in_the_words_of_its_job() -> None:
    assert {status.value for status in TERMINAL} <= {status.value for status in ItemStatus}


@pytest.mark.parametrize("code", list(StatusCode))
def test_every_status_code_is_given_somewhere(code: StatusCode) -> None:
    files = [path for folder in ("vision", "worker", "api") for path in (SOURCE / folder).rglob("*") if path.is_file()]
    given = re.compile(rf"StatusCode\.{code.name}\b|(status_code|code)\W{{1,4}}{code.value}\b|\"{code.value}\"")
    sources = [path for path in files if path.suffix in {".py", ".toml"} and path.name != "lifecycle.py"]
    assert any(given.search(path.read_text(encoding="utf-8")) for path in sources)
