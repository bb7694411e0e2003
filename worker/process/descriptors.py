"""File descriptors: every call in flight needs one, and many systems allow 1,024 unless a process asks for more."""

import resource

SPARE = 200
"""For everything else: databases, images, logs, libraries."""


def allow(calls: int) -> int:
    """Ask the system for enough of them; returns how many calls may be in flight, at least one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft - SPARE >= calls:
        return calls
    wanted = calls + SPARE if hard == resource.RLIM_INFINITY else min(hard, calls + SPARE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(1, min(calls, wanted - SPARE))
