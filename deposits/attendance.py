"""A worker's side of the doorbell: while it looks for due rows by itself nobody need ring, and it calls others to help.

All of that is said in a thread of its own. A Redis that is frozen, full or away holds up no conversation with a carrier
and no record of an answer: what was not said in time is made up for by the next ring, or by the sweeper.
"""

from __future__ import annotations

import os
import threading
import time

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
        self._speaker.say(came=True)

    def attend(self) -> None:
        """Say that this worker is looking."""
        now = time.monotonic()
        if now >= self._again_at:
            self._speaker.say(attends=True)
            self._again_at = now + _ATTEND_EVERY_S

    def leave(self) -> None:
        """The next accepted deposit rings again. Called before the worker looks for the last time."""
        self._speaker.say(leaves=True)
        self._speaker.silent.wait(_LEAVING_S)
        self._again_at = 0.0

    def call_help(self) -> None:
        """There is more than this worker can do: have another one come, if there is one."""
        now = time.monotonic()
        if now >= self._help_at:
            self._speaker.say(calls=True)
            self._again_at, self._help_at = 0.0, now + _HELP_EVERY_S


class _Speaker:
    """The thread of one process that speaks to Redis for it. Made anew after a fork: threads do not survive one.

    What is to be said is kept as it is now, and not as a queue: a Redis that is slow hears no old news.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        #: Set while there is nothing left to say.
        self.silent = threading.Event()
        self._changed = threading.Condition()
        self._came = self._calls = self._attends = self._leaves = False
        threading.Thread(target=self._run, name="attendance", daemon=True).start()

    def say(
        self, *, came: bool = False, calls: bool = False, attends: bool = False, leaves: bool = False
    ) -> None:
        """Have this said soon. Leaving takes back that somebody attends, and attending that somebody has left."""
        with self._changed:
            self._came |= came
            self._calls |= calls
            if attends or leaves:
                self._attends, self._leaves = attends, leaves
            self.silent.clear()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            try:
                heard = self._speak()
            except Exception:
                # The thread goes on: without it this worker would never be heard of again.
                log.exception("attendance_not_told")
                heard = False
            if not heard:
                time.sleep(doorbell.PAUSE_AFTER_FAILURE_S)

    def _speak(self) -> bool:
        """Wait until there is something to say, say it, and return whether Redis has heard."""
        with self._changed:
            while not (self._came or self._calls or self._attends or self._leaves):
                self.silent.set()
                self._changed.wait()
            came, calls, attends, leaves = self._came, self._calls, self._attends, self._leaves
            self._came = self._calls = self._attends = self._leaves = False
        if came and not doorbell.answered():
            return False
        # Whoever calls for help goes on looking, but the bell is to be heard again.
        if calls:
            return doorbell.release() and doorbell.ring_now()
        if leaves:
            return doorbell.release()
        return doorbell.hold() if attends else True


_speaker: _Speaker | None = None


def _current_speaker() -> _Speaker:
    global _speaker
    if _speaker is None or _speaker.pid != os.getpid():
        _speaker = _Speaker()
    return _speaker
