"""What an answer means: from a claimed refund and the outcome of its conversation to the result to be recorded.

As decide.py does for deposits, with the same rules of doubt. Pure: no database, no clock but the database's own time
of the claim.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import structlog

from carriers import outcomes as carrier
from carriers.profiles import CarrierProfile
from deposits import retry
from deposits.actions import not_found
from deposits.actions.decide import snake
from deposits.refund_states import Event, IllegalTransition, State
from deposits.refund_transitions import ClaimedRefund, RefundResult, Step, result

log = structlog.get_logger("deposits.refunds.decide")

#: What may be with its carrier, and is a case for people after a day.
_WAITING = (State.SUBMITTING, State.PENDING, State.UNKNOWN)


def decide(
    claimed: ClaimedRefund, outcome: carrier.Outcome, profile: CarrierProfile, *, resend_is_safe: bool
) -> RefundResult:
    """Return what is to be recorded when `outcome` came back for `claimed`.

    Never raises: an outcome that makes no sense about a refund is silence, to be asked about again.
    """
    name = snake(type(outcome).__name__)
    known = _DECISIONS.get(type(outcome))
    try:
        if known is None:
            return _silence(claimed, name, "no answer about a refund")
        return known(claimed, outcome, name, profile, resend_is_safe)
    except IllegalTransition as error:
        log.error("outcome_out_of_place", reference=claimed.reference, state=claimed.state, outcome=name)
        return _silence(claimed, name, str(error))


def _refunded(claimed: ClaimedRefund, outcome: carrier.Refunded, name: str, *_: Any) -> RefundResult:
    asked = (claimed.reference, claimed.amount_minor, claimed.currency)
    if (outcome.reference, outcome.amount_minor, outcome.currency) != asked:
        told = f"{outcome.amount_minor} {outcome.currency} returned under {outcome.reference}"
        return _mismatch(claimed, carrier.Mismatch(outcome.refund_id, told), name)
    return result(claimed, Event.RETURNED, outcome=name, refund_id=outcome.refund_id)


def _pending(claimed: ClaimedRefund, outcome: carrier.RefundPending, name: str, *_: Any) -> RefundResult:
    if _overdue(claimed):
        return _to_review(claimed, name)
    return result(
        claimed, Event.PENDING, outcome=name, refund_id=outcome.refund_id, next_in_s=_next_inquiry_s(claimed)
    )


def _refused(claimed: ClaimedRefund, outcome: carrier.RefundRefused, name: str, *_: Any) -> RefundResult:
    """Certain for a first try, and for what an inquiry finds; after a doubtful try it is asked about first.

    A refund that did arrive uses up what may be returned: the second send of it can be refused for that very reason.
    """
    if claimed.step == Step.REFUND and claimed.in_doubt:
        kept = dataclasses.replace(claimed, carrier_code=outcome.carrier_code or name)
        return _silence(kept, name, outcome.detail, next_in_s=0.0)
    return result(
        claimed,
        Event.REFUSED,
        outcome=name,
        detail=outcome.detail[:300],
        carrier_code=outcome.carrier_code,
        refund_id=outcome.refund_id,
    )


def _already_known(claimed: ClaimedRefund, outcome: carrier.AlreadyKnown, name: str, *_: Any) -> RefundResult:
    return _silence(claimed, name, outcome.carrier_code, next_in_s=0.0)


def _undecided(
    claimed: ClaimedRefund, outcome: carrier.Undecided, name: str, profile: CarrierProfile, *_: Any
) -> RefundResult:
    """Only a repeat of the same order tells; it is replayed, as long as the reference is surely remembered.

    A repeat that was refused has told: had an earlier one arrived, its answer would have been replayed.
    """
    if claimed.state == State.UNKNOWN and claimed.carrier_code:
        return result(claimed, Event.REFUSED, outcome=name, carrier_code=claimed.carrier_code)
    if claimed.state == State.UNKNOWN and _remembered(claimed, profile):
        return result(
            claimed,
            Event.RESENT,
            outcome=name,
            detail=outcome.detail[:300],
            carrier_code=claimed.carrier_code,
            next_in_s=_soon_s(claimed),
        )
    return _silence(claimed, name, outcome.detail)


def _not_found(
    claimed: ClaimedRefund,
    _outcome: carrier.NotFound,
    name: str,
    profile: CarrierProfile,
    resend_is_safe: bool,
) -> RefundResult:
    """Final only twice, apart, past the carrier's horizon; then the same reference is sent again if that is safe."""
    if claimed.state == State.REVIEW:
        return _silence(claimed, name, "it is not known there")
    if _overdue(claimed):
        return _to_review(claimed, name)
    sent_at = claimed.last_sent_at or claimed.approved_at
    proven_in_s = not_found.proven_in_s(profile, claimed.claimed_at, sent_at, claimed.not_found_first_at)
    if claimed.state == State.UNKNOWN and claimed.not_found_seen and proven_in_s <= 0:
        if claimed.carrier_code:  # refused when it was sent again, and still nothing to be found
            return result(claimed, Event.REFUSED, outcome=name, carrier_code=claimed.carrier_code)
        if resend_is_safe and _remembered(claimed, profile):
            return result(claimed, Event.RESENT, outcome=name, not_found=True, next_in_s=0.0)
    next_in_s = _next_inquiry_s(claimed)
    if 0 < proven_in_s < next_in_s:
        next_in_s = proven_in_s
    return result(
        claimed,
        Event.NOT_FOUND,
        outcome=name,
        not_found=True,
        carrier_code=claimed.carrier_code,
        next_in_s=next_in_s,
    )


def _not_done(claimed: ClaimedRefund, outcome: carrier.NotDone, name: str, *_: Any) -> RefundResult:
    delay_s = retry.resend_delay_s(claimed.tries, outcome.retry_after_s)
    return _send_again(claimed, Event.NOT_DONE, name, outcome.detail, delay_s)


def _not_sent(claimed: ClaimedRefund, outcome: carrier.NotSent, name: str, *_: Any) -> RefundResult:
    return _send_again(claimed, Event.NOT_SENT, name, outcome.detail, retry.resend_delay_s(claimed.tries))


def _our_fault(claimed: ClaimedRefund, outcome: carrier.OurFault, name: str, *_: Any) -> RefundResult:
    log.error(
        "refund_refuses_us", reference=claimed.reference, carrier=claimed.carrier, detail=outcome.detail
    )
    return _send_again(claimed, Event.OUR_FAULT, name, outcome.detail, retry.scaled(retry.REFUSED_RETRY_S))


def _send_again(claimed: ClaimedRefund, event: Event, name: str, detail: str, delay_s: float) -> RefundResult:
    """Certainly not processed: sent again later, for as long as an earlier try left no doubt; else asked about."""
    if claimed.step != Step.REFUND or claimed.in_doubt:
        return _silence(claimed, name, detail, next_in_s=max(delay_s, _next_inquiry_s(claimed)))
    return result(claimed, event, outcome=name, detail=detail[:300], next_in_s=delay_s)


def _mismatch(claimed: ClaimedRefund, outcome: carrier.Mismatch, name: str, *_: Any) -> RefundResult:
    log.error("something_else_was_returned", reference=claimed.reference, carrier=claimed.carrier)
    return result(
        claimed,
        Event.MISMATCH,
        outcome=name,
        detail=outcome.detail[:300],
        refund_id=outcome.payment_id,
        next_in_s=None,
    )


def _unknown(claimed: ClaimedRefund, outcome: carrier.Unknown, name: str, *_: Any) -> RefundResult:
    return _silence(claimed, name, outcome.detail)


def _silence(claimed: ClaimedRefund, name: str, detail: str, next_in_s: float | None = None) -> RefundResult:
    if _overdue(claimed):
        return _to_review(claimed, name)
    waits = _next_inquiry_s(claimed) if next_in_s is None else next_in_s
    return result(
        claimed,
        Event.SILENCE,
        outcome=name,
        detail=detail[:300],
        carrier_code=claimed.carrier_code,
        doubtful=claimed.step == Step.REFUND,
        next_in_s=waits,
    )


def _to_review(claimed: ClaimedRefund, name: str) -> RefundResult:
    log.error("refund_unanswered_for_too_long", reference=claimed.reference, carrier=claimed.carrier)
    return result(
        claimed,
        Event.OVERDUE,
        outcome=name,
        carrier_code=claimed.carrier_code,
        next_in_s=_next_inquiry_s(claimed),
    )


def _overdue(claimed: ClaimedRefund) -> bool:
    """A day after the first send; what waited to be sent until then has not kept anybody waiting for an answer."""
    since = claimed.first_sent_at or claimed.approved_at
    age_s = (claimed.claimed_at - since).total_seconds()
    return claimed.state in _WAITING and age_s > retry.scaled(retry.REVIEW_AFTER_S)


def _remembered(claimed: ClaimedRefund, profile: CarrierProfile) -> bool:
    return not_found.is_remembered(profile, claimed.claimed_at, claimed.first_sent_at or claimed.approved_at)


def _next_inquiry_s(claimed: ClaimedRefund) -> float:
    return retry.inquiry_delay_s(claimed.inquiries)


def _soon_s(claimed: ClaimedRefund) -> float:
    """At once after the first doubt; then as what was not sent: only a repeat tells, and so long the money is held."""
    return 0.0 if claimed.tries <= 2 else retry.resend_delay_s(claimed.tries // 2)


_DECISIONS: dict[type[Any], Callable[..., RefundResult]] = {
    carrier.Refunded: _refunded,
    carrier.RefundPending: _pending,
    carrier.RefundRefused: _refused,
    carrier.AlreadyKnown: _already_known,
    carrier.Undecided: _undecided,
    carrier.NotFound: _not_found,
    carrier.NotDone: _not_done,
    carrier.NotSent: _not_sent,
    carrier.OurFault: _our_fault,
    carrier.Mismatch: _mismatch,
    carrier.Unknown: _unknown,
}
