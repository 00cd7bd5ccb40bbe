"""Whether this program has been asked to stop: one flag, shared with every process that it forks.

The parent of a program gets SIGTERM and raises the flag; its children look at it and finish what they have, without
beginning anything new. Import this before forking.
"""

from __future__ import annotations

import mmap

# Memory that a fork shares instead of copying. Nothing is left behind on disk, whoever dies.
_flag = mmap.mmap(-1, 1)


def ask() -> None:
    """Ask this process, the processes that it has forked, and its parent, to stop soon. Safe in a signal handler."""
    _flag[0] = 1


def asked() -> bool:
    """Whether somebody has asked."""
    return _flag[0] == 1
