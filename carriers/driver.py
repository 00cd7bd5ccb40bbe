"""Runs adapters' conversations, many at once, and says how each ended.

The driver alone knows what the network did, so it alone judges silence. When a request fails without a
complete answer the conversation ends here: as `Unknown` if this is an inquiry, or if a request that moves
money may have put a byte on the wire in this conversation (an earlier one that was answered counts too: the
adapter was not through with it), and as `NotSent` otherwise.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

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

_log = structlog.get_logger(__name__)
_levels = logging.getLogger(__name__)


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
class _Talk:
    conversation: Conversation
    reference: str
    deadline: float
    request: HttpRequest | None = None
    outcome: Outcome | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    moved_money: bool = False


def run(
    conversations: Sequence[Conversation],
    profile: CarrierProfile,
    *,
    inquiry: bool = False,
    references: Sequence[str] = (),
) -> list[Result]:
    """Hold all `conversations` with one carrier at once; results in the same order.

    Each conversation as a whole, all its requests together, ends within `profile.http_total_s`. `inquiry`
    says that they only ask, so that a failing network means `Unknown`. `references` (ours, one each) only
    serve the log. Nothing that a carrier, the network or an adapter does is raised.
    """
    pool = pool_of_this_thread()
    deadline = time.monotonic() + profile.http_total_s
    talks = [
        _Talk(conversation, references[index] if index < len(references) else "", deadline)
        for index, conversation in enumerate(conversations)
    ]
    try:
        for talk in talks:
            _advance(talk, None, pool, profile, inquiry)
        while finished := pool.wait():
            for end in finished:
                _take(end, pool, profile, inquiry)
    finally:
        # Only when something interrupts us (a task's time limit): leave no half-read connection to the next
        # batch.
        pool.abandon()
        for talk in talks:
            with suppress(Exception):
                talk.conversation.close()
    return [
        Result(talk.outcome or Unknown("the conversation was cut off"), talk.exchanges, talk.moved_money)
        for talk in talks
    ]


def _take(end: Finished, pool: HttpPool, profile: CarrierProfile, inquiry: bool) -> None:
    """Record one finished request, then go on with its conversation or end it."""
    talk: _Talk = end.owner
    request = talk.request
    assert request is not None
    if request.moves_money and end.body_left:
        talk.moved_money = True
    exchange = _exchange(request, end)
    talk.exchanges.append(exchange)
    if _levels.isEnabledFor(logging.DEBUG):
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
        _end_in_silence(talk, end.error, inquiry)
    else:
        _advance(talk, end.answer, pool, profile, inquiry)


def _advance(
    talk: _Talk, answer: HttpAnswer | None, pool: HttpPool, profile: CarrierProfile, inquiry: bool
) -> None:
    """Give the adapter its answer (None to begin) and start the request it wants next."""
    try:
        # A generator that has not begun takes only None, which is what `send` is given then.
        request = next(talk.conversation) if answer is None else talk.conversation.send(answer)
        remaining_s = talk.deadline - time.monotonic()
        if remaining_s <= 0:
            _end_in_silence(talk, f"the conversation took longer than {profile.http_total_s:g} s", inquiry)
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


def _end_in_silence(talk: _Talk, error: str, inquiry: bool) -> None:
    talk.outcome = Unknown(error) if inquiry or talk.moved_money else NotSent(error)


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
