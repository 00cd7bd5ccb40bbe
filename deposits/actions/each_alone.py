"""Answers are decided and recorded in batches, and what is wrong with one of them never holds up the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import structlog
from django.db import DatabaseError, OperationalError

from carriers import registry
from carriers.driver import Result as Ended

log = structlog.get_logger("deposits.record")


class _Claimed(Protocol):
    @property
    def reference(self) -> str: ...

    @property
    def carrier(self) -> str: ...


class _Result(Protocol):
    exchanges: Any


_C = TypeVar("_C", bound=_Claimed)
_R = TypeVar("_R", bound=_Result)
_Recorded = TypeVar("_Recorded")


def decided(claimed: _C, end: Ended, decide: Callable[..., _R]) -> _R | None:
    """Return what `decide` says is to be recorded, with what was exchanged; None, and a log line, when it cannot."""
    resend_is_safe = registry.adapter_for(claimed.carrier).resend_is_safe
    try:
        profile = registry.profile(claimed.carrier)
        result = decide(claimed, end.outcome, profile, resend_is_safe=resend_is_safe)
    except Exception:  # its lease runs out; in the end it is set aside for people
        log.exception("answer_not_understood", reference=claimed.reference, carrier=claimed.carrier)
        return None
    result.exchanges = end.exchanges
    return result


def recorded(
    answers: Sequence[tuple[_C, _R]], record: Callable[[Sequence[tuple[_C, _R]]], _Recorded]
) -> Iterator[tuple[Sequence[tuple[_C, _R]], _Recorded]]:
    """Record the answers as a whole; if the database refuses them, each alone. Yield what was recorded, and how.

    Raises OperationalError when the database cannot be reached: the leases run out and the carriers are asked again.
    """
    try:
        done = record(answers)
    except OperationalError:
        raise
    except DatabaseError as error:
        if len(answers) == 1:
            log.exception("record_refused", reference=answers[0][0].reference, error=str(error))
            return
        for one in answers:
            yield from recorded([one], record)
        return
    yield answers, done
