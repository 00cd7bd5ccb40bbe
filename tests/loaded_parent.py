"""A process that has imported the product, and becomes by forking whatever it is asked to be.

`python -m tests.loaded_parent <descriptor>` reads requests from the socket with that number, see `tests/loaded.py`. A
child is a process as if it had been started by its command line: a session of its own, its own output, no other
descriptors, and Python's ordinary end. Only the imports have been made before.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any

#: What the processes have in common. What they run themselves, such as `paysite.wsgi`, is left to them.
_PRODUCT = ("paysite.celery", "paysite.urls", "deposits.ui.live", "deposits.management.commands.sweep")
_PROGRAMS = ("granian.server.mp", "celery.bin.celery", "celery.concurrency.prefork", "kombu.transport.redis")
#: Longer than any request, and more descriptors than any process here opens while it imports.
_REQUEST_BYTES = 100_000
_DESCRIPTORS = 1_024
_NUMBER = struct.Struct("i")


def main() -> None:
    """Import, then fork on request, until the socket closes. Only children return, each with its command to run."""
    control = socket.socket(fileno=int(sys.argv[1]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
    importlib.import_module("django").setup()
    for name in (*_PRODUCT, *_PROGRAMS):
        importlib.import_module(name)
    # What is imported stays: no child is to copy all of it only to look whether it is garbage.
    gc.freeze()
    command = _Parent(control).serve()
    if command is None:
        return
    _become(command)


class _Parent:
    """Forks, and tells through each child's own pipe first its process id, then its exit code."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._answers: dict[int, int] = {}

    def serve(self) -> dict[str, Any] | None:
        """Return in each child what it is to be, and None in the parent when nobody can ask any longer."""
        woken, wakes = socket.socketpair()
        wakes.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._control, selectors.EVENT_READ)
            waiting.register(woken, selectors.EVENT_READ)
            while True:
                for key, _ in waiting.select():
                    if key.fileobj is woken:
                        woken.recv(_DESCRIPTORS)
                        self._tell_ends()
                        continue
                    request, descriptors, *_ = socket.recv_fds(self._control, _REQUEST_BYTES, 2)
                    if not request:
                        return None
                    if self._is_child(*descriptors):
                        return dict(json.loads(request))

    def _is_child(self, log: int, answer: int) -> bool:
        if pid := os.fork():
            os.close(log)
            self._answers[pid] = answer
            return False
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Before anybody hears of this process: from then on its group can be killed.
        os.setsid()
        for number, target in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
            os.dup2(target, number)
        os.write(answer, _NUMBER.pack(os.getpid()))
        return True

    def _tell_ends(self) -> None:
        for pid, answer in list(self._answers.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._answers[pid]
                # Nobody may want to know any longer.
                with contextlib.suppress(BrokenPipeError):
                    os.write(answer, _NUMBER.pack(os.waitstatus_to_exitcode(status)))
                os.close(answer)


def _become(program: dict[str, Any]) -> None:
    os.closerange(3, _DESCRIPTORS)
    # The flag to stop is shared by forking, from its import on: each program has its own.
    importlib.reload(sys.modules["deposits.stopping"])
    os.chdir(program["root"])
    os.environ.clear()
    os.environ.update(program["environment"])
    _, *words = program["command"]
    if program["command"][0] != sys.executable:
        words = program["command"]
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        sys.path[0] = str(Path(words[0]).parent)
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    main()
