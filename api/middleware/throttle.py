"""Wrong keys by address: a few a minute are mistakes, more are guesses or a program gone wild."""

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from time import monotonic

MOST, SECONDS = 20, 60.0
MAX_ADDRESSES = 10_000


class Throttle:
    """Counts for each address in windows of SECONDS, in this process; memory is bounded.

    Behind a proxy whose word on addresses is not taken (FORWARDED_ALLOW_IPS) all callers are one address. So that one
    of them does not shut the others out, only keys that can be guessed are refused unread while it is shut.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def is_shut(self, address: str) -> bool:
        """Whether too many wrong keys have come from there."""
        return self._count(_network(address))[1] >= MOST

    def count(self, address: str) -> bool:
        """Note a wrong key; returns whether there are too many now."""
        network = _network(address)
        began, count = self._count(network)
        self._counts[network] = began, count + 1
        self._counts.move_to_end(network)
        if len(self._counts) > MAX_ADDRESSES:
            self._counts.popitem(last=False)
        return count >= MOST

    def _count(self, network: str) -> tuple[float, int]:
        now = self._clock()
        began, count = self._counts.get(network, (now, 0))
        return (began, count) if now - began < SECONDS else (now, 0)


def _network(address: str) -> str:
    """An IPv6 address counts as its /64, since one caller usually has all of it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:100]
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) and not parsed.ipv4_mapped else address
