"""Starts the site's processes, keeps them running, and stops them with all their children."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Protocol

from paysite.local_stack.errors import LocalStackError
from paysite.local_stack.guard import Guard
from paysite.local_stack.logs import open_log, tail
from paysite.local_stack.os_processes import kill_group

POLL_S = 0.05
PROBE_TIMEOUT_S = 2.0
# Longer than any start seen on two busy cores.
READY_TIMEOUT_S = 90.0
# Work that is cut off is safe: rows have leases. A person at a terminal waits no longer than this.
STOP_GRACE_S = 10.0

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 15.0
# Who has run for this long has recovered: the next death counts as the first.
STEADY_AFTER_S = 30.0

# Whether a process that was started does its work by now.
Probe = Callable[["Running"], bool]


@dataclass(frozen=True)
class Program:
    """A command and how to see that it is ready. `name` names its log file as well."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Probe | None = None


class Process(Protocol):
    """What the supervisor asks of a process: as much of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """Process id, which is that of its group as well."""

    @property
    def returncode(self) -> int | None:
        """Exit code as `poll` or `wait` has seen it; negative: the signal that ended it."""

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""

    def wait(self) -> int:
        """Wait for the end, and return the exit code."""

    def terminate(self) -> None:
        """Send it SIGTERM, unless it has ended."""


@dataclass
class Running:
    """A program and its process of the moment."""

    program: Program
    log_path: Path
    process: Process
    log_start: int
    started_at: float = field(default_factory=time.monotonic)
    backoff_s: float = FIRST_BACKOFF_S
    restart_at: float | None = None
    # Somebody stops it on purpose; it is theirs to start again.
    told_to_stop: bool = False

    def log_text(self) -> str:
        """What the process has written since this start."""
        with self.log_path.open("rb") as file:
            file.seek(self.log_start)
            return file.read().decode(errors="replace")


def http_ready(url: str) -> Probe:
    """A probe: the address answers a GET with status 200."""

    def answers(_: Running) -> bool:
        try:
            with urllib.request.urlopen(url, timeout=PROBE_TIMEOUT_S) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return answers


def log_says(words: str) -> Probe:
    """A probe: the process has written these words to its log."""
    return lambda running: words in running.log_text()


def alive_for(seconds: float) -> Probe:
    """A probe: the process has lived for this long."""
    return lambda running: time.monotonic() - running.started_at >= seconds


def launch(program: Program, root: Path, log: BinaryIO) -> Process:
    """Start a program in the directory `root`, in a session of its own, with its output in `log`."""
    return subprocess.Popen(
        list(program.command),
        cwd=root,
        env=dict(program.environment),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


class Supervisor:
    """The processes of one site, each in a process group of its own, with its output in `<log_dir>/<name>.log`.

    `say` prints a line for the person; `pause` sleeps, in seconds, and raises to make the supervisor give up; `start`
    turns a program into a process, as `launch` does.
    """

    def __init__(
        self,
        root: Path,
        log_dir: Path,
        guard: Guard,
        *,
        say: Callable[[str], None] = print,
        pause: Callable[[float], None] = time.sleep,
        start: Callable[[Program, Path, BinaryIO], Process] = launch,
    ) -> None:
        self._root = root
        self._log_dir = log_dir
        self._guard = guard
        self._say = say
        self._pause = pause
        self._start = start
        self._running: dict[str, Running] = {}

    def pid(self, name: str) -> int:
        """Process id of the program with this name."""
        return self._running[name].process.pid

    def forgive(self, name: str) -> None:
        """Count the next death of this program as its first: somebody is about to kill it on purpose."""
        self._running[name].backoff_s = FIRST_BACKOFF_S
        self._running[name].started_at = time.monotonic()

    def start(self, program: Program) -> None:
        """Start a program; await_ready waits for it."""
        self._running[program.name] = self._spawn(program)

    def _spawn(self, program: Program) -> Running:
        path = self._log_dir / f"{program.name}.log"
        with open_log(path) as log:
            start = log.seek(0, 2)
            # PostgreSQL shows by this name whose connection is whose.
            named = {"PGAPPNAME": f"paysite {program.name}", **program.environment}
            process = self._start(replace(program, environment=named), self._root, log)
        self._guard.watch(process.pid, signal.SIGTERM)
        return Running(program, path, process, start)

    def run(self, program: Program) -> str:
        """Run a program to its end and return what it wrote, which its log does not keep.

        Raises LocalStackError when it fails; then the log is kept.
        """
        running = self._spawn(program)
        try:
            while running.process.poll() is None:
                self._pause(POLL_S)
        finally:
            self._end(running)
        if running.process.returncode != 0:
            raise _failure(running, f"failed with exit code {running.process.returncode}")
        written = running.log_text()
        # It is the caller's now, and may hold a key that was just made: logs are shown around.
        os.truncate(running.log_path, running.log_start)
        return written

    def await_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until every program is ready; raise LocalStackError when one ends or takes longer than that."""
        deadline = time.monotonic() + timeout_s
        for running in self._running.values():
            self._await(running, deadline, timeout_s)

    def _await(self, running: Running, deadline: float, timeout_s: float) -> None:
        ready = running.program.ready
        while ready is not None and not ready(running):
            if running.process.poll() is not None:
                code = running.process.returncode
                raise _failure(running, f"ended while starting, with exit code {code}")
            if time.monotonic() > deadline:
                raise _failure(running, f"was not ready after {timeout_s:.0f} s")
            self._pause(POLL_S)

    def restart_dead(self) -> None:
        """Start again, after a growing pause, what has ended though nobody asked it to. Returns at once."""
        for name, running in list(self._running.items()):
            if running.told_to_stop:
                continue
            if running.restart_at is None and running.process.poll() is not None:
                self._plan_restart(running)
            elif running.restart_at is not None and time.monotonic() >= running.restart_at:
                again = self._spawn(running.program)
                again.backoff_s = min(2 * running.backoff_s, LONGEST_BACKOFF_S)
                self._running[name] = again

    def _plan_restart(self, running: Running) -> None:
        now = time.monotonic()
        if now - running.started_at >= STEADY_AFTER_S:
            running.backoff_s = FIRST_BACKOFF_S
        running.restart_at = now + running.backoff_s
        # Its children would hold its port and go on without their parent.
        self._end(running)
        self._say(
            f"{running.program.name} ended with exit code {running.process.returncode}; "
            f"starting it again in {running.backoff_s:.1f} s (see {running.log_path})"
        )

    def end(self, name: str, grace_s: float = STOP_GRACE_S) -> float:
        """Ask one program to stop and wait; kill what still lives after the grace. Return how many seconds it took.

        It stays stopped until `begin`.
        """
        running = self._running[name]
        running.told_to_stop = True
        started = time.monotonic()
        running.process.terminate()
        while running.process.poll() is None and time.monotonic() < started + grace_s:
            time.sleep(POLL_S)
        took_s = time.monotonic() - started
        self._end(running)
        return took_s

    def begin(self, name: str, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Start again what `end` has stopped, and wait until it is ready; raise LocalStackError when it is not."""
        running = self._running[name] = self._spawn(self._running[name].program)
        self._await(running, time.monotonic() + timeout_s, timeout_s)

    def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """Ask every process to stop, and kill the groups that still live after the grace."""
        living = [running for running in self._running.values() if running.process.poll() is None]
        for running in living:
            # Only the leader: it stops its children in good order.
            running.process.terminate()
        deadline = time.monotonic() + grace_s
        while any(running.process.poll() is None for running in living) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        for running in self._running.values():
            self._end(running)
        self._running.clear()

    def _end(self, running: Running) -> None:
        # The leader may be gone already; its group lives as long as one of its children does.
        pid = running.process.pid
        kill_group(pid)
        running.process.wait()
        self._guard.forget(pid)


def _failure(running: Running, what: str) -> LocalStackError:
    lines = tail(running.log_path, running.log_start)
    return LocalStackError(f"{running.program.name} {what}; the end of {running.log_path}:\n{lines}")
