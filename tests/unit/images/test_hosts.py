"""A host's health, by a clock of our own: what is its fault, and what an image's."""

from contextlib import ExitStack, suppress

import pytest

from vision.errors import ImageError, Retry
from vision.images.host import (
    DEAD_SECONDS,
    FAILURES,
    FORGOTTEN_SECONDS,
    LONGEST_AWAY,
    LONGEST_PAUSE,
    LONGEST_RETRY_AFTER,
    Host,
    HostBusy,
    HostFailed,
)


class Clock:
    """Seconds that pass when told."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def ask(host: Host, url: str, error: ImageError | None = None) -> None:
    """One request that ends so."""
    with host.queued(), host.request(url):
        if error:
            raise error


def fail(host: Host, url: str, **more: float | bool) -> type[Exception]:
    """One request that fails; what its image hears of it."""
    with pytest.raises(ImageError) as caught:
        ask(host, url, HostFailed("No.", **more))  # type: ignore[arg-type]
    return caught.type


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def host(clock: Clock) -> Host:
    return Host(8, clock)


def test_one_bad_image_is_to_blame_however_often_it_is_tried(host: Host) -> None:
    assert {fail(host, "bad") for _ in range(50)} == {HostFailed}
    ask(host, "good")


def test_an_answer_between_failures_shows_a_healthy_host(host: Host) -> None:
    for number in range(50):
        assert fail(host, f"bad-{number}") is HostFailed
        with suppress(ImageError):
            ask(host, "gone", ImageError("404", retry=Retry.NEVER))
        assert not host.unhealthy


def test_a_host_that_fails_many_images_is_asked_by_one_at_a_time_with_growing_pauses(host: Host, clock: Clock) -> None:
    heard = [fail(host, f"{number}") for number in range(FAILURES)]
    assert heard == [HostFailed] * (FAILURES - 1) + [HostBusy]
    pauses = []
    for number in range(6):
        began = clock.now
        while fail_fast(host):
            clock.now += 0.25
        pauses.append(clock.now - began)
        with host.queued(), suppress(HostBusy), host.request("probe"):
            with pytest.raises(HostBusy):
                ask(host, "second")
            raise HostFailed(f"Still not: {number}.")
    assert pauses == [1, 2, 4, 8, LONGEST_PAUSE, LONGEST_PAUSE]
    clock.now += LONGEST_PAUSE
    ask(host, "probe")
    for _ in range(3):
        ask(host, "others")


def fail_fast(host: Host) -> bool:
    """Whether nobody may ask it now."""
    try:
        host.require()
    except HostBusy:
        return True
    return False


def test_a_host_is_left_alone_for_as_long_as_it_asks(host: Host, clock: Clock) -> None:
    assert fail(host, "a", retry_after=30.0) is HostBusy
    clock.now += 29
    assert fail(host, "b") is HostBusy
    clock.now += 1
    ask(host, "a")
    assert fail(host, "a", retry_after=1e9) is HostBusy
    clock.now += LONGEST_RETRY_AFTER
    ask(host, "a")


def test_a_host_that_is_asked_too_often_says_nothing_about_an_image(host: Host) -> None:
    assert fail(host, "a", overrun=True) is HostBusy
    assert host.unhealthy


def test_what_fails_for_too_long_counts_against_images_again(host: Host, clock: Clock) -> None:
    began = clock.now
    while clock.now - began < DEAD_SECONDS:
        for number in range(FAILURES):
            heard = fail(host, f"{number}")
        assert heard is HostBusy
        clock.now += 10
    assert fail(host, "probe") is HostFailed
    assert fail(host, "at once") is HostFailed
    clock.now += LONGEST_PAUSE
    ask(host, "probe")
    assert not host.gone


def test_a_host_that_nobody_asks_any_more_is_forgotten(host: Host, clock: Clock) -> None:
    fail(host, "a", retry_after=LONGEST_RETRY_AFTER)
    clock.now += LONGEST_RETRY_AFTER
    assert not host.expired
    with host.queued():
        clock.now += 10 * FORGOTTEN_SECONDS
        assert not host.expired
    clock.now += FORGOTTEN_SECONDS + 1
    assert host.expired


def test_who_is_sent_away_comes_back_one_after_the_other(host: Host, clock: Clock) -> None:
    fail(host, "a", retry_after=60.0)
    with pytest.raises(HostBusy):
        host.require()
    away = [host.busy().seconds for _ in range(10_000)]
    assert min(away) >= 60
    assert max(away) <= 60 + LONGEST_AWAY
    assert away[:5] == sorted(set(away[:5]))
    in_a_second = sum(70 <= seconds < 71 for seconds in away)
    assert in_a_second < len(away) / LONGEST_AWAY * 1.5


def test_nobody_joins_a_line_that_is_too_long(host: Host, clock: Clock) -> None:
    with host.queued(), host.request("slow"):
        clock.now += 6
    with ExitStack() as others:
        joined = 0
        while joins(host, others):
            joined += 1
    assert 8 + 10 < joined < 8 + 20, "eight have their turns; in ten seconds thirteen more have theirs"
    ask(host, "now")


def joins(host: Host, stack: ExitStack) -> bool:
    """Whether one more stands in line now."""
    try:
        stack.enter_context(host.queued())
    except HostBusy:
        return False
    return True
