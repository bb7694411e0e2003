"""When leases may be taken back: by a clock of our own."""

import pytest

from worker.sweep import Contact

LEASE = 60.0
OLD = 1e9


class Clock:
    """Seconds that pass when told."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def contact(clock: Clock) -> Contact:
    return Contact(LEASE, clock)


def test_who_has_just_started_takes_leases_back_at_once(contact: Contact) -> None:
    contact.answered(OLD)
    assert contact.lasting


def test_but_not_from_a_server_that_has_just_started(contact: Contact, clock: Clock) -> None:
    for age in (30.0, 40.0, 50.0):
        contact.answered(age)
        assert not contact.lasting
        clock.now += 10
    contact.answered(60.0)
    assert contact.lasting


@pytest.mark.parametrize("seen", [True, False])
def test_after_silence_a_whole_lease_has_to_pass(contact: Contact, clock: Clock, seen: bool) -> None:
    """Whether it was told so, or the answer came late: from a server that was stopped, or a network that was cut."""
    contact.answered(OLD)
    clock.now += 300
    if seen:
        contact.lost()
    contact.answered(OLD)
    for _ in range(19):
        assert not contact.lasting
        clock.now += 3
        contact.answered(OLD)
    clock.now += 3
    contact.answered()
    assert contact.lasting


def test_answers_every_few_seconds_are_no_silence(contact: Contact, clock: Clock) -> None:
    for _ in range(100):
        clock.now += 5
        contact.answered(OLD)
        assert contact.lasting
