"""A worker's side of the doorbell: while it looks for due rows by itself nobody need ring, and it calls others to help.

All of that is said in a thread of its own. A Redis that is frozen, full or away holds up no conversation with a carrier
and no record of an answer: what was not said in time is made up for by the next ring, or by the sweeper.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

import structlog

from deposits import doorbell

log = structlog.get_logger("deposits.attendance")

_ATTEND_EVERY_S = 0.1
_HELP_EVERY_S = doorbell.RUNG_FOR_MS / 1_000
#: A worker that leaves gives Redis this long to hear of it before it looks for the last time.
_LEAVING_S = 0.05


class Attendance:
    """One worker that looks for due rows by itself for a while, so that nobody need ring meanwhile.

    It is remembered in Redis for as long as an unanswered ring is: a worker that dies is soon rung for again.
    """

    def __init__(self) -> None:
        self._speaker = _current_speaker()
        self._again_at = self._help_at = 0.0

    def come(self) -> None:
        """Say that the bell was answered."""
        self._speaker.say(doorbell.answered)

    def attend(self) -> None:
        """Say that this worker is looking."""
        now = time.monotonic()
        if now >= self._again_at:
            self._speaker.say(doorbell.hold)
            self._again_at = now + _ATTEND_EVERY_S

    def leave(self) -> None:
        """The next accepted deposit rings again. Called before the worker looks for the last time."""
        self._speaker.say(doorbell.release).wait(_LEAVING_S)
        self._again_at = 0.0

    def call_help(self) -> None:
        """There is more than this worker can do: have another one come, if there is one."""
        now = time.monotonic()
        if now >= self._help_at:
            self._speaker.say(lambda: doorbell.release() and doorbell.ring_now())
            self._again_at, self._help_at = 0.0, now + _HELP_EVERY_S


class _Speaker:
    """The thread of one process that speaks to Redis for it. Made anew after a fork: threads do not survive one."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._waiting: SimpleQueue[tuple[Callable[[], bool], threading.Event]] = SimpleQueue()
        self._silent_until = 0.0
        threading.Thread(target=self._run, name="attendance", daemon=True).start()

    def say(self, what: Callable[[], bool]) -> threading.Event:
        """Have `what` called after all that was given before it; return an event that is set when that is over.

        For a while after Redis did not hear, nothing is said.
        """
        said = threading.Event()
        self._waiting.put((what, said))
        return said

    def _run(self) -> None:
        while True:
            what, said = self._waiting.get()
            try:
                if time.monotonic() >= self._silent_until and not what():
                    self._silent_until = time.monotonic() + doorbell.PAUSE_AFTER_FAILURE_S
            except Exception:
                # The thread goes on: without it this worker would never be heard of again.
                log.exception("attendance_not_told")
            said.set()


_speaker: _Speaker | None = None


def _current_speaker() -> _Speaker:
    global _speaker
    if _speaker is None or _speaker.pid != os.getpid():
        _speaker = _Speaker()
    return _speaker
