"""What the person sees, and how the person, or `make` in between, says stop."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from paysite.local_stack.errors import StopRequested

# A pause ends at most this long after the person asked to stop.
LONGEST_NAP_S = 0.1


def say(text: str = "") -> None:
    """Print a line at once, also into a pipe."""
    # Whoever read our output may have gone; that is no reason to leave processes behind.
    with contextlib.suppress(BrokenPipeError):
        print(text, flush=True)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done, and when it is done how many seconds it took."""
    started = time.monotonic()
    with contextlib.suppress(BrokenPipeError):
        print(f"  {what} … ", end="", flush=True)
    try:
        yield
    except BaseException:
        say()
        raise
    say(f"{time.monotonic() - started:.1f} s")


class StopSignal:
    """Turns Ctrl-C, SIGTERM, a closed terminal and the end of `make` into StopRequested, at the next pause.

    Never in the middle of something: a process that was started is always known before we stop.
    """

    def __init__(self) -> None:
        self._requested = False
        self._make = os.getppid() if "MAKELEVEL" in os.environ else None
        self._make_caught_interrupts = self._make is not None and _catches_interrupts(self._make)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup` ignores SIGHUP for us, and is to have its way.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._request)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self._requested = True

    def _make_gave_up(self) -> bool:
        if self._make is None:
            return False
        # An interrupted make goes back to the default for the signal, waits for us, and passes SIGINT on to nobody.
        return os.getppid() != self._make or (
            self._make_caught_interrupts and not _catches_interrupts(self._make)
        )

    def pause(self, seconds: float) -> None:
        """Sleep; raise StopRequested as soon as somebody wants the stack to stop."""
        end = time.monotonic() + seconds
        while True:
            if self._requested or self._make_gave_up():
                raise StopRequested
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, LONGEST_NAP_S))


def _catches_interrupts(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (signal.SIGINT - 1) & 1)


@contextlib.contextmanager
def terminal_of_our_own() -> Iterator[None]:
    """Take the terminal from `make` for as long as we run, so that Ctrl-C is ours alone and make ends with 0.

    Without a terminal, or not below make, nothing changes.
    """
    if "MAKELEVEL" not in os.environ or not sys.stdin.isatty():
        yield
        return
    terminal = sys.stdin.fileno()
    group = os.getpgrp()
    if os.tcgetpgrp(terminal) != group or os.getpid() == group:
        yield
        return
    os.setpgid(0, 0)
    _give_terminal(terminal, os.getpgrp())
    # Nobody would bring us back: the shell waits for make, which does not stop.
    signal.signal(signal.SIGTSTP, lambda number, frame: None)
    try:
        yield
    finally:
        _give_terminal(terminal, group)


def _give_terminal(terminal: int, group: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    with contextlib.suppress(OSError):
        os.tcsetpgrp(terminal, group)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})
