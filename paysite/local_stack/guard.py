"""Sees to it that no process outlives its supervisor: a watcher for now, a list on disk for the next start."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from paysite.local_stack import death_watch
from paysite.local_stack.files import write_private
from paysite.local_stack.os_processes import kill_group, signal_process, start_time, wait_until_gone

LEFTOVER_GRACE_S = 10.0
CLOSE_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Watched:
    """One process group: its leader, when the leader began (clock ticks since boot), and its stop signal."""

    pid: int
    started: int
    stop_signal: int


class Guard:
    """Watches over the processes of one supervisor.

    `register` is the file that lists them. Making a guard first stops what an earlier supervisor, killed together
    with its watcher, left on that list: so hold the lock of the directory before making one.
    """

    def __init__(self, register: Path) -> None:
        self._register = register
        self._watched: dict[int, Watched] = {}
        # The servers may be started and killed from a test's threads.
        self._lock = threading.Lock()
        stop_leftovers(register)
        self._watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", death_watch.__file__],
            stdin=subprocess.PIPE,
            # Whoever reads the supervisor's output is not to wait for the watcher.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            cwd="/",
        )

    def watch(self, pid: int, stop_signal: signal.Signals) -> None:
        """Stop the process group led by `pid` with `stop_signal` should this supervisor die."""
        with self._lock:
            self._watched[pid] = Watched(pid, start_time(pid) or 0, int(stop_signal))
            self._tell(f"+ {pid} {int(stop_signal)}")

    def forget(self, pid: int) -> None:
        """The process has ended, or somebody else looks after it."""
        with self._lock:
            if self._watched.pop(pid, None) is not None:
                self._tell(f"- {pid}")

    def _tell(self, line: str) -> None:
        assert self._watcher.stdin is not None
        # Should somebody have killed the watcher, the list on disk still lets the next start clean up.
        with contextlib.suppress(BrokenPipeError):
            self._watcher.stdin.write(line + "\n")
            self._watcher.stdin.flush()
        write_private(self._register, json.dumps([asdict(one) for one in self._watched.values()]))

    def close(self) -> None:
        """Let the watcher stop whatever is still watched, and wait for it."""
        with contextlib.suppress(BrokenPipeError):
            self._watcher.communicate(timeout=CLOSE_TIMEOUT_S)
        self._register.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def stop_leftovers(register: Path) -> None:
    """Stop the processes that an earlier supervisor listed and that still run."""
    try:
        listed = [Watched(**one) for one in json.loads(register.read_text())]
    except (FileNotFoundError, ValueError, TypeError):
        return
    ours = [one for one in listed if start_time(one.pid) == one.started and one.pid != os.getpid()]
    for one in ours:
        signal_process(one.pid, signal.Signals(one.stop_signal))
    wait_until_gone([one.pid for one in ours], LEFTOVER_GRACE_S)
    for one in ours:
        # Also after a clean end: the leader's children would hold its port.
        kill_group(one.pid)
    register.unlink(missing_ok=True)
