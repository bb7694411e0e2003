"""Whose fault it is: outages, flapping, throttling, single bad items, bad jobs."""

import random
from uuid import UUID, uuid4

import pytest

from vision.provider.failures import Trouble
from worker.dispatch.health import ALIKE, LONE_SECONDS, REMEMBERED, Health, Key, Verdict

JOB, OTHER = uuid4(), uuid4()
ATTEMPTS = 5


def item(number: int, job: UUID = JOB) -> Key:
    return job, number


class Lane:
    """A lane whose items are tried until they are served or their attempts are used up; a tick is a call."""

    def __init__(self) -> None:
        self.health, self.now = Health(), 0.0
        self.uses_attempt: dict[Key, int] = {}

    def serve(self, *keys: Key) -> None:
        for key in keys:
            self.now += 0.1
            self.health.served(key, self.now)

    def fail(self, key: Key, trouble: Trouble = Trouble.GATEWAY, *, down: bool = False) -> Verdict:
        self.now += 0.1
        verdict = self.health.failed(key, trouble, self.now, down=down)
        self.uses_attempt[key] = self.uses_attempt.get(key, 0) + verdict.uses_attempt
        return verdict


@pytest.mark.parametrize("trouble", [Trouble.GATEWAY, Trouble.FAILED])
def test_a_bad_item_in_a_healthy_lane_fails_by_its_attempts(trouble: Trouble) -> None:
    lane, bad = Lane(), item(0)
    for turn in range(ATTEMPTS + 1):
        lane.serve(*[item(turn * 10 + n) for n in range(1, 11)])
        assert not lane.fail(bad, trouble).down
    assert lane.uses_attempt[bad] >= ATTEMPTS


@pytest.mark.parametrize("trouble", [Trouble.GATEWAY, Trouble.FAILED])
def test_several_bad_items_are_no_alibi_for_each_other_and_fail_when_nothing_else_is_left(trouble: Trouble) -> None:
    lane, bad = Lane(), [item(n) for n in range(3)]
    for turn in (1, 2):
        for key in bad:
            lane.fail(key, trouble)
        lane.serve(*[item(turn * 100 + n) for n in range(40)])
    for _ in range(ATTEMPTS):
        for key in bad:
            assert not lane.fail(key, trouble).down
    assert min(lane.uses_attempt.values()) >= ATTEMPTS


@pytest.mark.parametrize("trouble", [Trouble.UNREACHED, Trouble.GATEWAY])
def test_an_outage_burns_nothing(trouble: Trouble) -> None:
    lane = Lane()
    lane.serve(*[item(n) for n in range(100, 150)])
    verdicts = [lane.fail(item(n % 20), trouble) for n in range(400)]
    assert not any(verdict.uses_attempt for verdict in verdicts)
    assert verdicts[0].down == (trouble is Trouble.UNREACHED)
    assert all(verdict.down for verdict in verdicts[1:])


def test_items_that_fail_in_one_outage_are_not_to_blame_in_the_next_one() -> None:
    lane = Lane()
    for _ in range(5):
        for n in range(30):
            lane.fail(item(n))
        lane.serve(*[item(1_000 + n) for n in range(30)])
    assert max(lane.uses_attempt.values()) < ATTEMPTS


def test_errors_of_many_different_items_in_a_row_are_an_outage() -> None:
    lane = Lane()
    verdicts = [lane.fail(item(n), Trouble.FAILED) for n in range(ALIKE)]
    assert [verdict.down for verdict in verdicts] == [False] * (ALIKE - 1) + [True]
    assert not any(lane.fail(item(n), Trouble.FAILED, down=True).uses_attempt for n in range(100))


def test_one_item_s_errors_are_its_own_while_nobody_else_fails() -> None:
    lane = Lane()
    assert all(lane.fail(item(1), Trouble.FAILED) == Verdict(True, False, n) for n in range(1, ATTEMPTS + 1))


@pytest.mark.parametrize("trouble", [Trouble.GATEWAY, Trouble.FAILED])
@pytest.mark.parametrize("share", [0.9, 0.5, 0.25])
def test_a_flapping_or_throttling_server_fails_nobody(trouble: Trouble, share: float) -> None:
    dice = random.Random(7)
    lane, waiting = Lane(), [item(n) for n in range(2_000)]
    while waiting:
        key = waiting.pop(0)
        if dice.random() < share:
            lane.fail(key, trouble)
            waiting.insert(min(len(waiting), dice.randrange(60)), key)
        else:
            lane.serve(key)
    assert max(lane.uses_attempt.values()) < ATTEMPTS


def test_the_only_witness_is_believed_for_a_while() -> None:
    lane, lone = Lane(), item(1)
    lane.serve(*[item(n) for n in range(10, 50)])
    lane.fail(lone)
    for _ in range(20):
        lane.now += (LONE_SECONDS - 10) / 20
        assert not lane.fail(lone, down=True).uses_attempt
    lane.now += 20
    for _ in range(ATTEMPTS):
        assert lane.fail(lone, down=True).uses_attempt
    assert not lane.fail(lone, Trouble.UNREACHED).uses_attempt


def test_two_witnesses_are_believed_for_good() -> None:
    lane = Lane()
    for _ in range(200):
        lane.now += 8
        assert not lane.fail(item(1), down=True).uses_attempt
        assert not lane.fail(item(2), down=True).uses_attempt


def test_a_job_that_fails_as_a_whole_beside_others_is_to_blame() -> None:
    lane = Lane()
    for _ in range(ATTEMPTS + 3):
        for n in range(20):
            lane.fail(item(n), Trouble.FAILED)
            lane.serve(item(n, OTHER))
    assert min(lane.uses_attempt.values()) >= ATTEMPTS


def test_a_connection_that_was_never_made_is_never_the_item_s_fault() -> None:
    lane, bad = Lane(), item(0)
    for turn in range(10):
        lane.serve(*[item(turn * 10 + n) for n in range(1, 11)])
        assert lane.fail(bad, Trouble.UNREACHED) == Verdict(False, True, turn + 1)


def test_a_refusal_is_taken_for_the_key_s_only_when_nothing_else_comes() -> None:
    lane = Lane()
    assert [lane.health.refused(item(1), 0.0) for _ in range(20)] == [False] * 20, "one item only"
    assert [lane.health.refused(item(n), 0.0) for n in range(2, ALIKE + 1)] == [False] * (ALIKE - 2) + [True]
    assert not lane.health.refused(item(9), 0.0), "each resume tries anew"
    for n in range(20):
        lane.serve(item(100 + n))
        assert not lane.health.refused(item(n), lane.now)


def test_a_refused_key_is_believed_at_once_only_if_all_is_quiet() -> None:
    lane = Lane()
    assert lane.health.refused(item(1), 0.0, quiet_seconds=10)
    lane.serve(item(2))
    assert not lane.health.refused(item(1), lane.now + 9, quiet_seconds=10)
    assert lane.health.refused(item(1), lane.now + 11, quiet_seconds=10)


def test_what_is_remembered_is_bounded() -> None:
    lane = Lane()
    for n in range(3 * REMEMBERED):
        lane.fail(item(n))
    assert len(lane.health._pasts) == REMEMBERED
    assert len(lane.health._run) <= ALIKE
