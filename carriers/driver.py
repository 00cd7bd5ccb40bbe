"""Runs adapters' conversations, many at once, and says how each ended.

The driver alone knows what the network did, so it alone judges silence. When a request fails without a
complete answer the conversation ends here: as `Unknown` if this is an inquiry, or if a request that moves
money may have put a byte on the wire in this conversation (an earlier one that was answered counts too: the
adapter was not through with it), and as `NotSent` otherwise.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

import msgspec
import structlog

from carriers.http import Finished, HttpPool, pool_of_this_thread
from carriers.interface import Conversation, HttpAnswer, HttpRequest
from carriers.outcomes import NotSent, Outcome, Unknown
from carriers.profiles import CarrierProfile
from carriers.redaction import redact_text

# Enough of a body to see what was meant; the row that stores it must stay small.
STORED_BODY_CHARACTERS = 2_048
# Masked before the last cut, so that no half of a secret stays; masking 64 kB to keep 2 would be waste.
_LOOKED_AT_BYTES = 2 * STORED_BODY_CHARACTERS

_CUT_OFF = "the conversation was cut off"

_log = structlog.get_logger(__name__)


Owner = TypeVar("Owner")


class Exchange(msgspec.Struct, frozen=True):
    """One request and what came back, for the deposit's timeline: masked, cut, and without the host.

    `status` is None and `error` says why when there was no complete answer. Times in milliseconds.
    """

    method: str
    path: str
    status: int | None
    request: str
    answer: str
    elapsed_ms: int
    error: str = ""


@dataclass(slots=True)
class Result:
    """How a conversation ended, what was exchanged, and whether a request that moves money may have left."""

    outcome: Outcome
    exchanges: list[Exchange]
    moved_money: bool


@dataclass(slots=True, eq=False)
class _Talk(Generic[Owner]):
    owner: Owner
    conversation: Conversation
    profile: CarrierProfile
    inquiry: bool
    reference: str
    deadline: float
    request: HttpRequest | None = None
    outcome: Outcome | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    moved_money: bool = False


class Conversations(Generic[Owner]):
    """The conversations that one thread holds at once, with any carriers; each ends on its own.

    Use it as a context manager: leaving it cuts off what is still running, so that no half-read connection is
    left to the next user of the thread.
    """

    def __init__(self) -> None:
        self._pool = pool_of_this_thread()
        self._running: set[_Talk[Owner]] = set()
        self._ended: list[_Talk[Owner]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.abandon()
        for talk in self._running:
            with suppress(Exception):
                talk.conversation.close()

    def __len__(self) -> int:
        return len(self._running) + len(self._ended)

    def held_with(self, carrier: str) -> int:
        """How many conversations are running with `carrier` (its code)."""
        return sum(talk.profile.code == carrier for talk in self._running)

    def start(
        self,
        owner: Owner,
        conversation: Conversation,
        profile: CarrierProfile,
        *,
        inquiry: bool = False,
        reference: str = "",
        within_s: float | None = None,
    ) -> None:
        """Begin `conversation`; `wait` hands `owner` back with its result.

        The conversation as a whole, all its requests together, ends within `within_s` seconds (by default, and at
        most, `profile.http_total_s`). `inquiry` says that it only asks, so that a failing network means `Unknown`.
        `reference` (ours) only serves the log. Nothing that a carrier, the network or an adapter does is raised.
        """
        total_s = profile.http_total_s if within_s is None else min(within_s, profile.http_total_s)
        talk = _Talk(owner, conversation, profile, inquiry, reference, time.monotonic() + total_s)
        self._running.add(talk)
        self._go_on(talk, None)

    def wait(self, until: float = math.inf) -> list[tuple[Owner, Result]]:
        """Block until one or more have ended, or `until` on the monotonic clock; return those that ended.

        Empty when the time has come, or when nothing is running.
        """
        while self._running and not self._ended:
            finished = self._pool.wait(until)
            for end in finished:
                talk: _Talk[Owner] = end.owner
                if _take(talk, end):
                    self._go_on(talk, end.answer)
                else:
                    self._end(talk)
            if not finished:
                break
        ended, self._ended = self._ended, []
        return [
            (talk.owner, Result(talk.outcome or Unknown(_CUT_OFF), talk.exchanges, talk.moved_money))
            for talk in ended
        ]

    def _go_on(self, talk: _Talk[Owner], answer: HttpAnswer | None) -> None:
        _advance(talk, answer, self._pool)
        if talk.outcome is not None:
            self._end(talk)

    def _end(self, talk: _Talk[Owner]) -> None:
        self._running.remove(talk)
        self._ended.append(talk)
        with suppress(Exception):
            talk.conversation.close()


def run(
    conversations: Sequence[Conversation],
    profile: CarrierProfile,
    *,
    inquiry: bool = False,
    references: Sequence[str] = (),
) -> list[Result]:
    """Hold all `conversations` with one carrier at once and wait for the last; results in the same order.

    As `Conversations.start` for each; `references` are one each, or none.
    """
    results: dict[int, Result] = {}
    with Conversations[int]() as talks:
        for index, conversation in enumerate(conversations):
            reference = references[index] if index < len(references) else ""
            talks.start(index, conversation, profile, inquiry=inquiry, reference=reference)
        while len(talks):
            results.update(talks.wait())
    return [results[index] for index in range(len(conversations))]


def _take(talk: _Talk[Any], end: Finished) -> bool:
    """Keep one finished request; return whether there is an answer to go on with."""
    profile, request = talk.profile, talk.request
    assert request is not None
    if request.moves_money and end.body_left:
        talk.moved_money = True
    exchange = _exchange(request, end)
    talk.exchanges.append(exchange)
    _log.debug(
        "carrier_exchange",
        carrier=profile.code,
        reference=talk.reference,
        method=exchange.method,
        path=exchange.path.partition("?")[0],
        status=exchange.status,
        elapsed_ms=exchange.elapsed_ms,
    )
    if end.answer is None:
        _end_in_silence(talk, end.error)
        return False
    return True


def _advance(talk: _Talk[Any], answer: HttpAnswer | None, pool: HttpPool) -> None:
    """Give the adapter its answer (None to begin) and start the request it wants next."""
    profile = talk.profile
    try:
        # A generator that has not begun takes only None, which is what `send` is given then.
        request = next(talk.conversation) if answer is None else talk.conversation.send(answer)
        remaining_s = talk.deadline - time.monotonic()
        if remaining_s <= 0:
            _end_in_silence(talk, "the conversation took longer than it may")
            return
        talk.request = request
        pool.start(request, owner=talk, timeout_s=remaining_s, connect_timeout_s=profile.connect_timeout_s)
    except StopIteration as end:
        # A conversation that returns something else has not told us what happened.
        talk.outcome = (
            end.value if isinstance(end.value, Outcome) else Unknown("the adapter returned no outcome")
        )
    except Exception as error:  # noqa: BLE001 - one mistake must not end the others
        # Its text may quote a body, so only the class and the place are kept.
        place = traceback.extract_tb(error.__traceback__)[-1]
        name = type(error).__name__
        talk.outcome = Unknown(f"{name} in the adapter")
        _log.error(
            "adapter_failed",
            carrier=profile.code,
            reference=talk.reference,
            error=name,
            place=f"{place.filename}:{place.lineno}",
        )


def _end_in_silence(talk: _Talk[Any], error: str) -> None:
    talk.outcome = Unknown(error) if talk.inquiry or talk.moved_money else NotSent(error)


def _exchange(request: HttpRequest, end: Finished) -> Exchange:
    path = "/" + request.url.partition("://")[2].partition("/")[2]
    answer = end.answer
    return Exchange(
        method=request.method,
        path=redact_text(path, ours=True),
        status=None if answer is None else answer.status,
        request=_stored(request.body, ours=True),
        answer="" if answer is None else _stored(answer.body, ours=False),
        elapsed_ms=round(end.elapsed_ms),
        error=redact_text(end.error) if end.error else "",
    )


def _stored(body: bytes, *, ours: bool) -> str:
    if not body:
        return ""
    # PostgreSQL's text takes no NUL.
    text = body[:_LOOKED_AT_BYTES].decode("utf-8", "replace").replace("\x00", "\ufffd")
    return redact_text(text, ours=ours)[:STORED_BODY_CHARACTERS]
