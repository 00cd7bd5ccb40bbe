"""What PostgreSQL and Valkey have in common: one process, its log, how it starts, stops and dies."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from paysite.local_stack.errors import LocalStackError
from paysite.local_stack.guard import Guard
from paysite.local_stack.logs import open_log, tail
from paysite.local_stack.os_processes import POLL_S, kill_group, processes_in, wait_until_gone
from paysite.local_stack.service_account import ServiceAccount

# After a crash PostgreSQL replays its log before it answers.
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
KILL_TIMEOUT_S = 10.0

Pause = Callable[[float], None]


@dataclass(frozen=True)
class Place:
    """Where a server lives: its home, who runs it, where it logs, who watches over it."""

    home: Path
    account: ServiceAccount
    log_dir: Path
    guard: Guard


class Server(ABC):
    """A server process on a port of the loopback address."""

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, place: Place, port: int, password: str) -> None:
        self.place = place
        self.port = port
        self.password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def data(self) -> Path:
        """Directory of the server's data, which is also its current directory."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Address with user and password, for the application."""

    @abstractmethod
    def launch(self, output: int) -> subprocess.Popen[bytes]:
        """Start the process; its output goes to the open file `output`."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the process that was started takes connections."""

    @property
    def log_path(self) -> Path:
        """The file with the server's own words."""
        return self.place.log_dir / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Process id of the server, None when it is not running."""
        return self._process.pid if self.is_running() and self._process is not None else None

    def is_running(self) -> bool:
        """Whether the process that was started still lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; await_ready waits for it."""
        if self.is_running():
            return
        self._clear_up()
        with open_log(self.log_path) as log:
            self._process = self.launch(log.fileno())
        self.place.guard.watch(self._process.pid, self.stop_signal)

    def await_ready(self, pause: Pause = time.sleep) -> None:
        """Wait until the server answers; raise LocalStackError when it ends or takes too long."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            if not self.is_running() or time.monotonic() > deadline:
                what = "does not answer" if self.is_running() else "ended while starting"
                raise LocalStackError(
                    f"{self.name} {what}; the end of {self.log_path}:\n{tail(self.log_path)}"
                )
            pause(POLL_S)

    def stop(self) -> None:
        """Stop the server in good order; kill it when that takes too long."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT_S)
        self.kill()

    def kill(self) -> None:
        """Kill the server and all it started at once, as a power cut would."""
        if self._process is None:
            return
        pid = self._process.pid
        kill_group(pid)
        self._process.wait(KILL_TIMEOUT_S)
        self._process = None
        self._clear_up()
        self.place.guard.forget(pid)

    def _clear_up(self) -> None:
        """Kill what still works on the data: PostgreSQL's processes each lead a group of their own."""
        if not self.data.exists():
            return
        left = processes_in(self.data)
        for pid in left:
            kill_group(pid)
            if pid in wait_until_gone([pid], timeout_s=0):
                os.kill(pid, signal.SIGKILL)
        living = wait_until_gone(left, KILL_TIMEOUT_S)
        if living:
            raise LocalStackError(
                f"processes {living} of an earlier {self.name} do not end; stop them by hand"
            )
