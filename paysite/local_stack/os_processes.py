"""Facts about the machine's processes, read from Linux's /proc, and signals to whole process groups."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

POLL_S = 0.02

# Field 22 of /proc/<pid>/stat, counted after the closing bracket of field 2: proc_pid_stat(5).
_STATE_INDEX = 0
_START_TIME_INDEX = 19


def _stat_fields(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def start_time(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None when there is no such process or it is a zombie.

    A process id together with its start time names one process for good: ids are used again, pairs are not.
    """
    fields = _stat_fields(pid)
    if fields is None or fields[_STATE_INDEX] in "ZX":
        return None
    return int(fields[_START_TIME_INDEX])


def is_alive(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    return start_time(pid) is not None


def processes_in(directory: Path) -> list[int]:
    """Ids of the processes whose current directory is `directory`, as far as this user may see."""
    wanted = os.path.realpath(directory)
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            here = os.readlink(entry / "cwd")
        except OSError:
            continue
        if here == wanted and is_alive(int(entry.name)):
            found.append(int(entry.name))
    return found


def signal_process(pid: int, number: signal.Signals) -> None:
    """Send a signal to one process; nothing happens when it is gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def kill_group(leader: int) -> None:
    """Kill at once every process of the group that `leader` began; nothing happens when none is left."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def wait_until_gone(pids: Iterable[int], timeout_s: float) -> list[int]:
    """Wait until none of the processes lives; return those that still do after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    living = [pid for pid in pids if is_alive(pid)]
    while living and time.monotonic() < deadline:
        time.sleep(POLL_S)
        living = [pid for pid in living if is_alive(pid)]
    return living
