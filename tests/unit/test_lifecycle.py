"""States of a job: what may follow what, and that every code is given for some reason."""

import re
from pathlib import Path

import pytest

import vision
from vision.lifecycle import MOVES, TERMINAL, ItemStatus, JobStatus, StatusCode, may_move
from vision.storage import finish

SOURCE = Path(vision.__file__).parent.parent


def test_every_state_has_its_moves() -> None:
    assert MOVES.keys() == set(JobStatus)
    assert all(state not in targets for state, targets in MOVES.items())
    assert all(JobStatus.QUEUED not in targets for targets in MOVES.values())


def test_every_state_can_be_reached_and_every_job_can_end() -> None:
    reached, frontier = {JobStatus.QUEUED}, [JobStatus.QUEUED]
    while frontier:
        found = MOVES[frontier.pop()] - reached
        reached |= found
        frontier += found
    assert reached == set(JobStatus)
    assert all(targets & TERMINAL for state, targets in MOVES.items() if state not in TERMINAL)


def test_only_a_retry_leaves_an_end() -> None:
    assert {target for state in TERMINAL for target in MOVES[state]} == {JobStatus.RUNNING}
    assert not MOVES[JobStatus.CANCELLED] | MOVES[JobStatus.EXPIRED]


@pytest.mark.parametrize(
    ("current", "target", "may"),
    [
        (JobStatus.QUEUED, JobStatus.RUNNING, True),
        (JobStatus.PAUSED, JobStatus.RUNNING, True),
        (JobStatus.RUNNING, JobStatus.QUEUED, False),
        (JobStatus.SUCCEEDED, JobStatus.RUNNING, True),
        (JobStatus.SUCCEEDED, JobStatus.CANCELLED, False),
        (JobStatus.CANCELLED, JobStatus.RUNNING, False),
    ],
)
def test_moves(current: JobStatus, target: JobStatus, may: bool) -> None:
    assert may_move(current, target) is may


def test_every_ending_leads_to_a_terminal_state() -> None:
    assert {status for status, _ in finish._ENDINGS.values()} == {JobStatus.CANCELLED, JobStatus.EXPIRED}
    assert all(status == ending for ending, (status, _) in finish._ENDINGS.items())


def test_an_item_ends_in_the_words_of_its_job() -> None:
    assert {status.value for status in TERMINAL} <= {status.value for status in ItemStatus}


@pytest.mark.parametrize("code", list(StatusCode))
def test_every_status_code_is_given_somewhere(code: StatusCode) -> None:
    files = [path for folder in ("vision", "worker") for path in (SOURCE / folder).rglob("*") if path.is_file()]
    given = re.compile(rf"StatusCode\.{code.name}\b|(status_code|code)\W{{1,4}}{code.value}\b|\"{code.value}\"")
    sources = [path for path in files if path.suffix in {".py", ".toml"} and path.name != "lifecycle.py"]
    assert any(given.search(path.read_text(encoding="utf-8")) for path in sources)
