"""What several threads ask of the database at the same moment, asked by one of them for all.

A statement costs its start, its commit and its way there and back, for one deposit as for eight. Nobody waits for
company: who comes while nobody is at the database goes there at once, alone; who comes meanwhile goes next, together.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class NotTogether(Exception):
    """The whole group was refused, for one of its members or for somebody else's lock: nothing was done."""


class NotReached(Exception):
    """Those before were not done in time: nothing was asked for this one, and nothing will be."""


class _Waiting(Generic[Item, Answer]):
    """One caller. `turn` is held until there is an answer, an error, or the lead to take."""

    __slots__ = ("answer", "error", "item", "leads", "turn")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.answer: Answer | None = None
        self.error: BaseException | None = None
        self.leads = False
        self.turn = threading.Lock()
        self.turn.acquire()


class Gathering(Generic[Item, Answer]):
    """Calls `ask` with what has come together, at most `most` at a time, one call at a time in this process.

    Who has to wait calls `before_waiting` first, to let go of what whoever asks may need, and waits for at most
    `patience_s` until its own call begins. An error that `is_everybodys` is raised for all who wait as well: they would
    only meet it one after the other.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Item]], Sequence[Answer]],
        most: int,
        patience_s: float,
        before_waiting: Callable[[], object] = lambda: None,
        is_everybodys: Callable[[BaseException], bool] = lambda _: False,
    ) -> None:
        self._ask = ask
        self._most = most
        self._patience_s = patience_s
        self._before_waiting = before_waiting
        self._is_everybodys = is_everybodys
        self._lock = threading.Lock()
        self._waiting: list[_Waiting[Item, Answer]] = []
        self._led = False

    def ask(self, item: Item) -> Answer:
        """Return the answer for `item`, asked alone or together with others'.

        Raises what asking raised: for a group, the same for each of its members. `NotTogether` means that nothing was
        done and that each may ask again by itself, `NotReached` that the others took too long.
        """
        mine: _Waiting[Item, Answer] = _Waiting(item)
        with self._lock:
            self._waiting.append(mine)
            mine.leads = not self._led
            self._led = True
        if not mine.leads:
            try:
                self._wait(mine)
            except BaseException:
                # Whatever it is that interrupts: the others count on this one taking the lead.
                self._leave(mine)
                raise
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.answer  # type: ignore[return-value]

    def _wait(self, mine: _Waiting[Item, Answer]) -> None:
        # What cannot be let go of is kept.
        with suppress(Exception):
            self._before_waiting()
        if mine.turn.acquire(timeout=self._patience_s):
            return
        with self._lock:
            # Not while it is being asked: then it has to be known what becomes of it.
            if mine in self._waiting and not mine.leads:
                self._waiting.remove(mine)
                raise NotReached
        mine.turn.acquire()

    def _leave(self, mine: _Waiting[Item, Answer]) -> None:
        """Where nothing is being asked for this one yet, have nothing asked, and hand on the lead it may have."""
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                if mine.leads:
                    self._hand_on()

    def __len__(self) -> int:
        """How many wait for whoever is asking now."""
        return len(self._waiting)

    def _lead(self) -> None:
        """Ask for all that wait, oneself among them, and hand the lead to who has come meanwhile."""
        with self._lock:
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            for one, answer in zip(group, self._ask([one.item for one in group]), strict=True):
                one.answer = answer
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody is left waiting
            if self._is_everybodys(error):
                with self._lock:
                    group, self._waiting = group + self._waiting, []
            for one in group:
                one.error = error
        finally:
            with self._lock:
                self._hand_on()
            for one in group:
                one.turn.release()

    def _hand_on(self) -> None:
        self._led = bool(self._waiting)
        if self._led:
            self._waiting[0].leads = True
            self._waiting[0].turn.release()
