"""Every call in flight is a connection, and that a file descriptor; many systems allow 1,024 until they are asked."""

import resource

SPARE = 200
"""For everything else: databases, images, logs, libraries."""


def allow(calls: int) -> int:
    """Ask for room for so many calls at once; how many there is room for (at least one)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft - SPARE >= calls:
        return calls
    wanted = calls + SPARE if hard == resource.RLIM_INFINITY else min(hard, calls + SPARE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(1, min(calls, wanted - SPARE))
