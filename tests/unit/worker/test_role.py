"""Which work a dedicated worker takes."""

import pytest

from vision.errors import ConfigurationError
from vision.jobs.wake_ups import Task
from worker.process.role import Role

OFFERED = ("openai/gpt-4o", "openai/gpt-4o-mini", "local/tessera-local")
ALL = "measure,dispatch,deliver"


def test_by_default_everything_is_taken() -> None:
    role = Role.of("*", ALL, OFFERED)
    assert role == Role()
    assert all(role.takes(task, lane) for task in Task for lane in ("a lane that came later", *OFFERED, ""))
    assert role.count(OFFERED) == 3


def test_a_dedicated_worker_takes_its_lanes_and_phases_and_always_looks() -> None:
    role = Role.of("openai/gpt-4o, local/*", "dispatch", OFFERED)
    taken = {(task, lane) for task in Task for lane in ("", *OFFERED) if role.takes(task, lane)}
    looks = {(Task.LOOK, lane) for lane in ("", *OFFERED)}
    assert taken - looks == {(Task.DISPATCH, lane) for lane in ("", "openai/gpt-4o", "local/tessera-local")}
    assert looks <= taken
    assert role.count(OFFERED) == 2
    assert not Role.of("*", "measure", OFFERED).takes(Task.DELIVER)


@pytest.mark.parametrize(
    ("lanes", "phases", "says"),
    [
        ("*", "measure,call", "TESSERA_WORKER_PHASES names call; there are measure, dispatch, deliver."),
        ("*", " , ", "must name something"),
        (",", ALL, "must name something"),
        ("openai/*,azure/*", ALL, "no lane is like 'azure/*'. Offered: openai/gpt-4o, "),
    ],
)
def test_what_cannot_be_meant_is_refused(lanes: str, phases: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Role.of(lanes, phases, OFFERED)
    assert says in refused.value.message
