"""Stops the processes that a supervisor leaves behind when it is killed.

Run as a script with nothing but the standard library: the supervisor holds the other end of its standard input,
and that closes however the supervisor ends. Lines it reads: `+ <pid> <signal>` to watch over a process group's
leader, `- <pid>` to forget it. It lives in a session of its own, so that Ctrl-C and a closed terminal miss it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

GRACE_S = 5.0
POLL_S = 0.05


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and it is more than a zombie that nobody has waited for."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def stop_all(watched: dict[int, int]) -> None:
    """Ask every process to stop with its own signal, then kill the groups that are left after the grace."""
    for pid, number in watched.items():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    deadline = time.monotonic() + GRACE_S
    while any(map(is_alive, watched)) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    for pid in watched:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def main() -> None:
    """Keep the list until standard input closes, then stop what is on it."""
    watched: dict[int, int] = {}
    for line in sys.stdin:
        action, pid, *rest = line.split()
        if action == "+":
            watched[int(pid)] = int(rest[0])
        else:
            watched.pop(int(pid), None)
    stop_all(watched)


if __name__ == "__main__":
    main()
