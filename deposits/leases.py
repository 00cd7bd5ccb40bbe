"""Who holds a lease: a process, named so that its death can be told from the machine that it ran on.

The end of the lease is what makes it safe to take a deposit over, and the epoch what makes it certain. That a holder
is dead only spares the wait: a wrong guess would cost an inquiry, never money.
"""

from __future__ import annotations

import hashlib
import os
import socket
from functools import cache
from pathlib import Path

#: What a process id belongs to: this boot of the kernel, and the namespace in which it counts processes.
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
#: States of a process that runs no more, in /proc/<id>/stat (proc(5)): zombie and dead.
_ENDED = ("Z", "X")


def owner() -> str:
    """Return the name with which this process signs its leases and attempts: host, where its id counts, and the id."""
    return f"{_here()}:{os.getpid()}"


def here() -> str:
    """Return how the names of all processes begin that this one can see."""
    return f"{_here()}:"


def is_dead(name: str) -> bool:
    """Whether the process that signed with `name` has certainly ended: one of ours, and gone."""
    place, _, number = name.rpartition(":")
    if place != _here() or not _is_countable() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
        status = Path(f"/proc/{number}/stat").read_text()
    except ProcessLookupError:
        return True
    except OSError:
        return False
    # Dead, and its parent has not looked yet: one that is busy, frozen or reconnecting takes its time. The name of the
    # program, in brackets, may contain anything; the state follows it.
    return status.rpartition(")")[2].split()[0] in _ENDED


@cache
def _here() -> str:
    host = socket.gethostname()[:50]
    if not _is_countable():
        return host
    place = hashlib.sha256(f"{_BOOT.read_text()}{_NAMESPACE.readlink()}".encode()).hexdigest()
    return f"{host}:{place[:8]}"


@cache
def _is_countable() -> bool:
    """Whether this system tells where process ids count (Linux does); elsewhere nobody is taken for dead."""
    return _BOOT.exists() and _NAMESPACE.is_symlink()
