"""What follows when nothing usable came back: ask again, for as long as it takes, and in the end ask people."""

from __future__ import annotations

import structlog

from deposits import retry
from deposits.models import Deposit
from deposits.states import Event, State
from deposits.transitions import Claimed, Result, result

log = structlog.get_logger("deposits.decide")

Step = Deposit.Next


def silence(claimed: Claimed, name: str, detail: str, next_in_s: float | None = None) -> Result:
    """Nothing usable came back: ask again, in `next_in_s` seconds or by the schedule; in the end people look."""
    if overdue(claimed):
        return to_review(claimed, name)
    waits = next_inquiry_s(claimed) if next_in_s is None else next_in_s
    keeps_step = claimed.state == State.ACTION_REQUIRED
    return result(
        claimed,
        Event.SILENCE,
        outcome=name,
        detail=detail[:300],
        reason_code=claimed.reason_code,
        action_expires_at=claimed.action_expires_at,
        next_step=claimed.step.value if keeps_step else Step.INQUIRE.value,
        next_in_s=waits,
    )


def to_review(claimed: Claimed, name: str) -> Result:
    """It has been without an answer for too long."""
    log.error("unanswered_for_too_long", reference=claimed.reference, carrier=claimed.carrier)
    return result(
        claimed, Event.OVERDUE, outcome=name, reason_code="under_review", next_in_s=next_inquiry_s(claimed)
    )


def overdue(claimed: Claimed) -> bool:
    """Whether the deposit is so old that its outcome is for people to find out."""
    waits = claimed.state in (State.ACTION_REQUIRED, State.PENDING, State.UNKNOWN)
    return waits and age_s(claimed) > retry.scaled(retry.REVIEW_AFTER_S)


def age_s(claimed: Claimed) -> float:
    """Return how long ago the deposit was accepted, in seconds."""
    return (claimed.claimed_at - claimed.created_at).total_seconds()


def next_inquiry_s(claimed: Claimed) -> float:
    """Return how long to wait for the next inquiry, in seconds."""
    return retry.inquiry_delay_s(claimed.inquiries)
