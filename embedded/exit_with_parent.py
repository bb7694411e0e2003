"""Becomes another program that the kernel signals when its parent dies. Run as a script by `embedded.child`.

A script and not a `preexec_fn`: Python code between fork and exec is not safe in a process with threads.
"""

import ctypes
import os
import sys

SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG, linux/prctl.h. Elsewhere than on Linux an orphan lives on until the next start says so."""


def become(parent: str, death_signal: str, uid: str, gid: str, *command: str) -> None:
    """Drop to a user (`-` for none), tie this process to its parent, and exec; never returns."""
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":  # after setuid, which clears it
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, int(death_signal))
    if os.getppid() != int(parent):
        sys.exit("The parent is gone already.")
    os.execvp(command[0], command)  # noqa: S606 - the caller gives a whole command; no shell is wanted


if __name__ == "__main__":
    try:
        become(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"{sys.argv[5]} cannot be run: {error}")
