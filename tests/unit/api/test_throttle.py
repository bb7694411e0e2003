"""Wrong keys are counted by address, in bounded memory."""

from api.middleware.throttle import MAX_ADDRESSES, MOST, SECONDS, Throttle


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_address_is_shut_after_so_many_and_opens_by_itself() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    assert [throttle.count("192.0.2.1") for _ in range(MOST + 1)] == [False] * MOST + [True]
    assert throttle.is_shut("192.0.2.1")
    assert not throttle.is_shut("192.0.2.2")
    clock.now = SECONDS
    assert not throttle.is_shut("192.0.2.1")
    assert not throttle.count("192.0.2.1")


def test_an_ipv6_network_counts_as_one() -> None:
    throttle = Throttle(Clock())
    for number in range(MOST):
        throttle.count(f"2001:db8::{number:x}")
    assert throttle.is_shut("2001:db8::ffff")
    assert not throttle.is_shut("2001:db8:0:1::1")


def test_memory_is_bounded() -> None:
    throttle = Throttle(Clock())
    for number in range(MAX_ADDRESSES + 100):
        throttle.count(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(throttle._counts) == MAX_ADDRESSES
