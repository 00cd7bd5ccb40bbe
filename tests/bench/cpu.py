"""CPU time by role, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def of_group(leader: int) -> float:
    """Return the CPU seconds of the process group that `leader` began, with its children that have ended."""
    return _sum(lambda fields: int(fields[2]) == leader)


def of_tree(root: int) -> float:
    """Return the CPU seconds of a process and its children, living and dead: PostgreSQL's, for example."""
    return _sum(lambda fields: int(fields[1]) == root) + _of_one(root)


def of_processes(pids: Iterable[int]) -> float:
    """Return the CPU seconds of these processes alone."""
    return sum(map(_of_one, pids))


def _sum(wanted: object) -> float:
    total = 0.0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _fields(int(entry.name))
            if fields is not None and wanted(fields):  # type: ignore[operator]
                total += _seconds(fields)
    return total


def _of_one(pid: int) -> float:
    fields = _fields(pid)
    return 0.0 if fields is None else _seconds(fields)


def _seconds(fields: list[str]) -> float:
    # utime, stime, cutime, cstime: fields 14 to 17 of proc(5), counted after the command's name.
    return sum(int(fields[index]) for index in range(11, 15)) / _TICKS_PER_S


def _fields(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()
