"""What an answer means: from a claimed deposit and the carrier's outcome to the result to be recorded (design §4).

Pure: no database, no clock but the database's own time of the claim.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog

from carriers import outcomes as carrier
from carriers import reasons
from carriers.profiles import CarrierProfile
from deposits import retry
from deposits.actions import not_found
from deposits.actions.decide_approval import (
    approval_exchanged,
    nobody_waits,
    redirect_required,
    undecided,
    within_time,
)
from deposits.actions.silence import age_s, next_inquiry_s, overdue, silence, to_review
from deposits.deadlines import CODE_LIFETIME_S
from deposits.models import Deposit
from deposits.states import NOTHING_TAKEN, Event, IllegalTransition, State
from deposits.transitions import Claimed, Result, result

log = structlog.get_logger("deposits.decide")

Step = Deposit.Next
#: How many tries carriers allow for a one-time code.
CODE_TRIES = 3
#: A code's end is enforced by us a moment after the carrier's, so that a last-second code still counts.
_CODE_GRACE_S = 5
#: News of an ended deposit that comes to no clear answer is asked about for a day, and then left alone.
_MOST_INQUIRIES_AFTER_END = 55


def decide(
    claimed: Claimed, outcome: carrier.Outcome, profile: CarrierProfile, *, resend_is_safe: bool
) -> Result:
    """Return what is to be recorded when `outcome` came back for `claimed`.

    Never raises: an outcome that makes no sense in this state is silence, to be asked about again.
    """
    name = snake(type(outcome).__name__)
    try:
        if claimed.state == State.CREDITED:
            return _after_credit(claimed, outcome, name)
        if claimed.state in NOTHING_TAKEN:
            return _after_end(claimed, outcome, name)
        if claimed.state == State.REVIEW and claimed.taken_minor is not None:
            return _for_people(claimed, outcome, name)
        decision: Callable[..., Result] = _DECISIONS.get(type(outcome), _out_of_place)
        decided = decision(claimed, outcome, name, profile, resend_is_safe)
        return within_time(claimed, decided)
    except IllegalTransition as error:
        log.error("outcome_out_of_place", reference=claimed.reference, state=claimed.state, outcome=name)
        return silence(claimed, name, str(error))


def decide_barred(claimed: Claimed, reason: str) -> Result:
    """Return what is to be recorded for a player who was barred after the acceptance: nothing was sent, ever."""
    return result(claimed, Event.BARRED, outcome="barred", reason_code=reason)


def _approved(claimed: Claimed, outcome: carrier.Approved, name: str, *_: Any) -> Result:
    return result(
        claimed,
        Event.APPROVED,
        outcome=name,
        payment_id=outcome.payment_id,
        verified=claimed.proof_needed,
    )


def _declined(claimed: Claimed, outcome: carrier.Declined, name: str, *_: Any) -> Result:
    facts = {"outcome": name, "payment_id": outcome.payment_id, "carrier_code": outcome.carrier_code}
    if claimed.step == Step.CANCEL and _code_ran_out(claimed):
        return result(claimed, Event.EXPIRED, reason_code="carrier_reply_timeout", **facts)
    if claimed.step in (Step.AUTHORISE, Step.CANCEL) and claimed.not_found_seen:
        # Sent again, or prepared to be closed, after "not found": the carrier may look at its caps before it looks at
        # our reference, so this refusal does not prove that the first send took nothing. The reason is kept, and asked.
        kept = dataclasses.replace(claimed, reason_code=outcome.reason)
        return silence(kept, name, outcome.carrier_code, next_in_s=0.0)
    return result(claimed, Event.DECLINED, reason_code=outcome.reason, detail=outcome.carrier_code, **facts)


def _pending(claimed: Claimed, outcome: carrier.Pending, name: str, *_: Any) -> Result:
    # What a cancel finds ordered after an approval cannot be called back, and has its name from here on.
    if claimed.step == Step.CANCEL and not claimed.credential:
        return silence(claimed, name, "cancel not confirmed yet")
    if overdue(claimed):
        return to_review(claimed, name)
    return result(
        claimed,
        Event.PENDING,
        outcome=name,
        payment_id=outcome.payment_id,
        next_in_s=next_inquiry_s(claimed),
    )


def _reserved(
    claimed: Claimed, outcome: carrier.Reserved, name: str, profile: CarrierProfile, _resend_is_safe: bool
) -> Result:
    """Confirmed at once, unless the order is so old that it would not be sent any more: then it is voided."""
    if claimed.step == Step.CANCEL:
        return silence(claimed, name, "cancel not confirmed yet")
    next_step = Step.CONFIRM if age_s(claimed) < profile.resend_within_s else Step.CANCEL
    return result(
        claimed,
        Event.RESERVED,
        outcome=name,
        payment_id=outcome.payment_id,
        next_step=next_step.value,
        next_in_s=0.0,
    )


def _code_lost(claimed: Claimed, outcome: carrier.CodeLost, name: str, *_: Any) -> Result:
    """The carrier waits for a code that nobody can check any more: the payment is voided there."""
    if claimed.step == Step.CANCEL:
        return silence(claimed, name, "cancel not confirmed yet")
    if overdue(claimed):
        return to_review(claimed, name)
    return result(
        claimed,
        Event.PENDING,
        outcome=name,
        payment_id=outcome.payment_id,
        next_step=Step.CANCEL.value,
        next_in_s=retry.resend_delay_s(claimed.tries),
    )


def _code_required(claimed: Claimed, outcome: carrier.CodeRequired, name: str, *_: Any) -> Result:
    if claimed.step == Step.CANCEL:
        return silence(claimed, name, "cancel not confirmed yet")
    # Asked about while the player is to enter a code, as news of it makes us: what the last one met still stands.
    stands = claimed.state == State.ACTION_REQUIRED and claimed.step == Step.INQUIRE
    return _await_code(
        claimed,
        outcome.expires_at,
        Event.CODE_REQUIRED,
        outcome=name,
        payment_id=outcome.payment_id,
        authorization_id=outcome.authorization_id,
        reason_code=claimed.reason_code if stands else "",
    )


def _code_rejected(claimed: Claimed, outcome: carrier.CodeRejected, name: str, *_: Any) -> Result:
    return _await_code(
        claimed,
        None,
        Event.CODE_REJECTED,
        outcome=name,
        payment_id=outcome.payment_id,
        carrier_code=outcome.carrier_code,
        reason_code="code_wrong",
        code_tries=claimed.code_tries + 1,
    )


def _await_code(claimed: Claimed, expires_at: Any, event: Event, **facts: Any) -> Result:
    """The deposit waits for the player; when the code runs out, the payment is voided at the carrier."""
    until = expires_at or claimed.action_expires_at
    until = until or claimed.claimed_at + timedelta(seconds=retry.scaled(CODE_LIFETIME_S))
    return result(
        claimed,
        event,
        action_expires_at=until,
        next_step=Step.CANCEL.value,
        next_in_s=max((until - claimed.claimed_at).total_seconds(), 0.0) + retry.scaled(_CODE_GRACE_S),
        **facts,
    )


def _cancelled(
    claimed: Claimed, outcome: carrier.Cancelled, name: str, profile: CarrierProfile, _resend_is_safe: bool
) -> Result:
    if claimed.step == Step.CANCEL and _code_ran_out(claimed):
        return result(claimed, Event.EXPIRED, outcome=name, reason_code="carrier_reply_timeout")
    if claimed.step == Step.CANCEL and claimed.state in (State.UNKNOWN, State.PENDING):
        # Nobody asked for this cancel but us: the payment can never be taken any more.
        why = claimed.bar or claimed.reason_code or reasons.unavailable(profile.method_type)
        return result(claimed, Event.TOMBSTONED, outcome=name, payment_id=outcome.payment_id, reason_code=why)
    return result(
        claimed, Event.CANCELLED, outcome=name, payment_id=outcome.payment_id, reason_code=claimed.bar
    )


def _already_known(claimed: Claimed, outcome: carrier.AlreadyKnown, name: str, *_: Any) -> Result:
    """The carrier has our reference: what became of it is asked at once, and never guessed."""
    return silence(claimed, name, outcome.carrier_code, next_in_s=0.0)


def _not_found(
    claimed: Claimed, _outcome: carrier.NotFound, name: str, profile: CarrierProfile, resend_is_safe: bool
) -> Result:
    """Final only twice, apart, past the carrier's horizon; then the same reference is sent again if that is safe.

    An order too old for that is closed by a tombstone. Neither is done once the carrier may have forgotten our
    reference: then it would not refuse a second charge, and is only asked.
    """
    if claimed.state in (State.ACTION_REQUIRED, State.REVIEW) or claimed.step == Step.CANCEL:
        return silence(claimed, name, "the carrier does not know it")
    if overdue(claimed):
        return to_review(claimed, name)
    now, sent_at = claimed.claimed_at, claimed.last_sent_at or claimed.created_at
    proven_in_s = not_found.proven_in_s(profile, now, sent_at, claimed.not_found_first_at)
    remembered = not_found.is_remembered(profile, now, claimed.first_sent_at or claimed.created_at)
    if claimed.state == State.UNKNOWN and claimed.not_found_seen and proven_in_s <= 0:
        if claimed.reason_code:  # declined when it was sent again, and still nothing to be found
            return result(claimed, Event.DECLINED, outcome=name, reason_code=claimed.reason_code)
        if resend_is_safe and remembered and age_s(claimed) < profile.resend_within_s:
            again = {"not_found": True, "next_step": Step.AUTHORISE.value, "next_in_s": 0.0}
            return result(claimed, Event.RESENT, outcome=name, **again)
        if resend_is_safe and remembered:
            close = {"not_found": True, "next_step": Step.CANCEL.value, "next_in_s": 0.0}
            return result(claimed, Event.NOT_FOUND, outcome=name, **close)
    next_in_s = next_inquiry_s(claimed)
    if 0 < proven_in_s < next_in_s:
        next_in_s = proven_in_s
    return result(
        claimed,
        Event.NOT_FOUND,
        outcome=name,
        not_found=True,
        next_in_s=next_in_s,
        reason_code=claimed.reason_code,
    )


def _not_done(
    claimed: Claimed, outcome: carrier.NotDone, name: str, profile: CarrierProfile, *_: Any
) -> Result:
    delay_s = retry.resend_delay_s(claimed.tries, outcome.retry_after_s)
    return _send_again(claimed, Event.NOT_DONE, name, outcome.detail, delay_s, profile)


def _not_sent(
    claimed: Claimed, outcome: carrier.NotSent, name: str, profile: CarrierProfile, *_: Any
) -> Result:
    return _send_again(
        claimed, Event.NOT_SENT, name, outcome.detail, retry.resend_delay_s(claimed.tries), profile
    )


def _our_fault(
    claimed: Claimed, outcome: carrier.OurFault, name: str, profile: CarrierProfile, *_: Any
) -> Result:
    log.error(
        "carrier_refuses_us", reference=claimed.reference, carrier=claimed.carrier, detail=outcome.detail
    )
    return _send_again(
        claimed, Event.REFUSED, name, outcome.detail, retry.scaled(retry.REFUSED_RETRY_S), profile
    )


def _send_again(
    claimed: Claimed, event: Event, name: str, detail: str, delay_s: float, profile: CarrierProfile
) -> Result:
    """Certainly not processed. A first charge goes out again later; anything else begins with an inquiry.

    One that had been sent before is still in doubt, so that it never waits to be given up as unsent.
    """
    in_doubt = claimed.step != Step.AUTHORISE or claimed.not_found_seen or claimed.credential
    if in_doubt or nobody_waits(claimed, profile):
        return silence(claimed, name, detail, next_in_s=max(delay_s, next_inquiry_s(claimed)))
    return result(
        claimed,
        event,
        outcome=name,
        detail=detail,
        action_expires_at=claimed.action_expires_at,
        next_step=Step.AUTHORISE.value,
        next_in_s=delay_s,
    )


def _mismatch(claimed: Claimed, outcome: carrier.Mismatch, name: str, *_: Any) -> Result:
    log.error("carrier_took_something_else", reference=claimed.reference, carrier=claimed.carrier)
    same_currency = outcome.currency == claimed.currency
    return result(
        claimed,
        Event.MISMATCH,
        outcome=name,
        detail=outcome.detail,
        payment_id=outcome.payment_id,
        reason_code="under_review",
        taken_minor=outcome.amount_minor if same_currency else None,
    )


def _out_of_place(claimed: Claimed, _outcome: carrier.Outcome, name: str, *_: Any) -> Result:
    """An answer about something else than a deposit says nothing about this one."""
    return silence(claimed, name, "no answer about a deposit")


def _unknown(claimed: Claimed, outcome: carrier.Unknown, name: str, *_: Any) -> Result:
    return silence(claimed, name, outcome.detail)


def _after_credit(claimed: Claimed, outcome: carrier.Outcome, name: str) -> Result:
    """A notification woke a credited deposit. Only the carrier's word that it took the money back changes anything."""
    if isinstance(outcome, carrier.Cancelled):
        return result(claimed, Event.REVERSED, outcome=name)
    answered = isinstance(outcome, carrier.Approved)
    return result(
        claimed, Event.SILENCE, outcome=name, next_in_s=None if answered else next_inquiry_s(claimed)
    )


def _after_end(claimed: Claimed, outcome: carrier.Outcome, name: str) -> Result:
    """News of a deposit that has ended without credit. Its state stays; money that was taken is a case for people."""
    kept: dict[str, Any] = {"outcome": name, "reason_code": claimed.reason_code}
    match outcome:
        case carrier.Approved() | carrier.Mismatch(amount_minor=int()) if claimed.taken_minor is None:
            log.error("taken_after_the_end", reference=claimed.reference, carrier=claimed.carrier)
            same_currency = outcome.currency == claimed.currency
            taken_minor = outcome.amount_minor if same_currency else None
            kept |= {"payment_id": outcome.payment_id, "taken_minor": taken_minor}
            return result(claimed, Event.LATE_SUCCESS, **kept)
        case carrier.Cancelled() if claimed.taken_minor is not None:
            return result(claimed, Event.REVERSED, **kept)
        case carrier.Approved() | carrier.Mismatch() | carrier.Declined() | carrier.Cancelled():
            return result(claimed, Event.SILENCE, **kept)
        case carrier.NotFound() | carrier.RedirectRequired():
            return result(claimed, Event.SILENCE, **kept)
    asks_on = claimed.inquiries < _MOST_INQUIRIES_AFTER_END
    return result(claimed, Event.SILENCE, **kept, next_in_s=next_inquiry_s(claimed) if asks_on else None)


def _for_people(claimed: Claimed, outcome: carrier.Outcome, name: str) -> Result:
    """The carrier took something else, and it is booked as nobody's: only that it gave it back ends that by itself."""
    if isinstance(outcome, carrier.Cancelled):
        return result(claimed, Event.REVERSED, outcome=name, reason_code="carrier_unavailable")
    return result(claimed, Event.SILENCE, outcome=name, reason_code=claimed.reason_code)


def _code_ran_out(claimed: Claimed) -> bool:
    return claimed.action_expires_at is not None and claimed.action_expires_at <= claimed.claimed_at


def snake(name: str) -> str:
    """Return the name of an outcome's class as attempts keep it: "NotFound" is "not_found"."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


_DECISIONS: dict[type[Any], Callable[..., Result]] = {
    carrier.Approved: _approved,
    carrier.Declined: _declined,
    carrier.Pending: _pending,
    carrier.Reserved: _reserved,
    carrier.CodeRequired: _code_required,
    carrier.CodeLost: _code_lost,
    carrier.CodeRejected: _code_rejected,
    carrier.RedirectRequired: redirect_required,
    carrier.ApprovalExchanged: approval_exchanged,
    carrier.Undecided: undecided,
    carrier.Cancelled: _cancelled,
    carrier.AlreadyKnown: _already_known,
    carrier.NotFound: _not_found,
    carrier.NotDone: _not_done,
    carrier.NotSent: _not_sent,
    carrier.OurFault: _our_fault,
    carrier.Mismatch: _mismatch,
    carrier.Unknown: _unknown,
}
