"""Starts the product's processes by forking a parent that has imported it: a start costs a fork, not a second.

They are processes all the same, with signals, sockets and logs of their own, and their command lines are run word for
word. `tests/local_stack` starts everything as an operator does.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import weakref
from collections import deque
from pathlib import Path
from typing import BinaryIO

from paysite.local_stack.processes import Process, Program, launch
from tests.local_servers import ROOT

#: Of the environment what is read only when a process connects; by the rest settings differ, and so parents do.
_READ_LATE = "PGAPPNAME"
#: It is to import nothing of the product, so that it cannot be agreed with it.
_APART = "carriers.sandbox"
#: Where metrics are counted in files, the importing process opens some that are then its alone.
_COUNTED_IN = "PROMETHEUS_MULTIPROC_DIR"
#: Kept for the next stack when their children have ended; a stack needs two, each of some 100 MB.
_KEPT = 2
_NUMBER = struct.Struct("i")


def start(program: Program, root: Path, log: BinaryIO) -> Process:
    """Start a program as `paysite.local_stack.processes.launch` does; what is Python is forked."""
    if not _is_forked(program):
        return launch(program, root, log)
    return _parent_for(program).fork(program, root, log)


def load(program: Program) -> None:
    """Begin to import what this program needs, and return at once."""
    if _is_forked(program):
        _parent_for(program)


def _is_forked(program: Program) -> bool:
    at_home = Path(program.command[0]).parent == Path(sys.executable).parent
    return at_home and _APART not in program.command and not program.environment.get(_COUNTED_IN)


def _parent_for(program: Program) -> _Parent:
    environment = {name: value for name, value in program.environment.items() if name != _READ_LATE}
    key = frozenset(environment.items())
    with _lock:
        found = _living.get(key)
        if found is None:
            found = _living[key] = _Parent(environment)
        if found not in _recent:
            _recent.append(found)
        return found


class _Parent:
    """A running `tests.loaded_parent`. It ends when nobody knows it any longer, nor one of its children."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._control, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.loaded_parent", str(theirs.fileno())],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        weakref.finalize(self, _end, self._control, process)

    def fork(self, program: Program, root: Path, log: BinaryIO) -> Forked:
        request = {
            "command": list(program.command),
            "environment": dict(program.environment),
            "root": str(root),
        }
        answers, answer = os.pipe()
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], [log.fileno(), answer])
        finally:
            os.close(answer)
        return Forked(self, os.fdopen(answers, "rb", buffering=0))


def _end(control: socket.socket, process: subprocess.Popen[bytes]) -> None:
    control.close()
    process.wait()


class Forked:
    """A process that a loaded parent has forked; what `subprocess.Popen` is for a child of one's own."""

    def __init__(self, parent: _Parent, answers: BinaryIO) -> None:
        # Only it can say how its child has ended.
        self._parent = parent
        self._answers = answers
        self._lock = threading.Lock()
        self.returncode: int | None = None
        (self.pid,) = _NUMBER.unpack(answers.read(_NUMBER.size))

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""
        return self._look(0)

    def wait(self) -> int:
        """Wait for the end, and return the exit code."""
        ended = self._look(None)
        assert ended is not None
        return ended

    def terminate(self) -> None:
        """Send it SIGTERM, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def _look(self, timeout_s: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._answers], [], [], timeout_s)[0]:
                (self.returncode,) = _NUMBER.unpack(self._answers.read(_NUMBER.size))
                self._answers.close()
            return self.returncode


#: Environment → parent, for as long as somebody else knows it: one of its children, or `_recent`.
_living: weakref.WeakValueDictionary[frozenset[tuple[str, str]], _Parent] = weakref.WeakValueDictionary()
_recent: deque[_Parent] = deque(maxlen=_KEPT)
_lock = threading.Lock()
