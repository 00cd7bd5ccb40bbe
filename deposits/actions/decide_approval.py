"""What an answer means where the player approves the payment elsewhere: sent there, back again, or never seen again.

Nothing can be taken before we order the payment with what the approval was exchanged for. So whoever holds no such
credential may end the deposit by the clock; whoever holds one finds out first.
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

from accounts import sealing
from carriers import outcomes as carrier
from carriers import registry
from carriers.profiles import CarrierProfile
from deposits import retry
from deposits.actions.not_found import is_remembered
from deposits.actions.silence import age_s, next_inquiry_s, silence
from deposits.models import Deposit
from deposits.states import Event, State
from deposits.transitions import Claimed, Result, result

Step = Deposit.Next
#: While the player is away, the carrier is asked so seldom: most come back, and that is what we wait for.
FIRST_LOOK_S = 60
#: Nothing has been ordered in these, as long as there is no credential.
_BEFORE_THE_ORDER = (State.ACTION_REQUIRED, State.SUBMITTING, State.UNKNOWN)
_CAME_TO_NOTHING = frozenset(
    {Event.SILENCE, Event.OVERDUE, Event.NOT_SENT, Event.NOT_DONE, Event.REFUSED, Event.RESENT}
)
#: The end is enforced by us a moment after it is reached, so that an approval of the last second still counts.
GRACE_S = 5


def redirect_required(
    claimed: Claimed,
    outcome: carrier.RedirectRequired,
    name: str,
    profile: CarrierProfile,
    _resend_is_safe: bool,
) -> Result:
    """The player is sent to approve, for the first time or again, or has not approved yet."""
    if claimed.state == State.ACTION_REQUIRED:
        return silence(claimed, name, "not approved yet")
    ends_at = claimed.action_expires_at or claimed.claimed_at + timedelta(seconds=profile.approval_within_s)
    ends_at = min(ends_at, outcome.expires_at) if outcome.expires_at else ends_at
    if ends_at <= claimed.claimed_at:
        return _expired(claimed, name)
    again = dataclasses.replace(claimed, action_expires_at=ends_at)
    return result(
        claimed,
        Event.REDIRECT_REQUIRED,
        outcome=name,
        consent_id=outcome.consent_id,
        action_url=outcome.url,
        action_expires_at=ends_at,
        # Whatever was brought back before is of no use any more.
        approval_spent=True,
        next_in_s=_next_look_s(again),
    )


def approval_exchanged(claimed: Claimed, outcome: carrier.ApprovalExchanged, name: str, *_: Any) -> Result:
    """The payment can be ordered, and that is due at once. What it takes is kept sealed until then."""
    return result(
        claimed,
        Event.APPROVAL_EXCHANGED,
        outcome=name,
        credential=sealing.seal(outcome.credential),
        approval_spent=True,
        action_expires_at=claimed.action_expires_at,
        next_step=Step.CONFIRM.value,
        next_in_s=0.0,
    )


def undecided(
    claimed: Claimed, outcome: carrier.Undecided, name: str, profile: CarrierProfile, _resend_is_safe: bool
) -> Result:
    """Only sending the same again tells what became of it, for as long as the carrier replays our reference.

    Without an approval nothing can have been taken: an order that nobody waits for any more is closed.
    """
    if claimed.state != State.UNKNOWN:
        return silence(claimed, name, outcome.detail)
    kept = {"action_expires_at": claimed.action_expires_at, "reason_code": claimed.reason_code}
    if not (claimed.credential or claimed.approval_code) and age_s(claimed) >= profile.resend_within_s:
        close = {"next_step": Step.CANCEL.value, "next_in_s": 0.0}
        return result(claimed, Event.SILENCE, outcome=name, detail=outcome.detail, **close, **kept)
    if not is_remembered(profile, claimed.claimed_at, claimed.first_sent_at or claimed.created_at):
        return silence(claimed, name, outcome.detail)
    return result(
        claimed,
        Event.RESENT,
        outcome=name,
        detail=outcome.detail,
        next_step=Step.AUTHORISE.value,
        # The first time at once; a carrier that answers inquiries and no orders is not hurried.
        next_in_s=0.0
        if claimed.inquiries <= 1 and claimed.tries < 5
        else retry.resend_delay_s(claimed.tries // 3),
        **kept,
    )


def within_time(claimed: Claimed, decided: Result) -> Result:
    """End what the player has not approved in time and nobody has ordered, whether the carrier answers or not.

    Anything else stays as it was decided; while the player is away it is looked at seldom.
    """
    ends_at = claimed.action_expires_at
    ordered = claimed.credential or claimed.carrier_payment_id
    open_still = claimed.consent_id and claimed.step != Step.CANCEL and claimed.state in _BEFORE_THE_ORDER
    if not open_still or ordered or ends_at is None or decided.event not in _CAME_TO_NOTHING:
        return decided
    if ends_at + timedelta(seconds=retry.scaled(GRACE_S)) <= claimed.claimed_at:
        return _expired(claimed, decided.outcome)
    if claimed.state == State.ACTION_REQUIRED:
        decided.next_in_s = _next_look_s(claimed)
    return decided


def is_approved_only(claimed: Claimed) -> bool:
    """Whether the approval has been exchanged and no worker has gone on to order the payment yet.

    An order that may have left makes the deposit unknown; one that the carrier has answered gives it a payment's id.
    """
    return claimed.state == State.PENDING and bool(claimed.credential) and not claimed.carrier_payment_id


def nobody_waits(claimed: Claimed, profile: CarrierProfile) -> bool:
    """Whether it is too late to send the player anywhere, for a deposit that has not come so far."""
    sends_players = profile.method_type == registry.BANK and not claimed.consent_id
    return sends_players and age_s(claimed) >= profile.resend_within_s


def _expired(claimed: Claimed, name: str) -> Result:
    reason_code = claimed.reason_code or "bank_approval_timeout"
    return result(claimed, Event.EXPIRED, outcome=name, reason_code=reason_code)


def _next_look_s(claimed: Claimed) -> float:
    """Seldom while the player is away, and at the end."""
    assert claimed.action_expires_at is not None
    ends_in_s = (claimed.action_expires_at - claimed.claimed_at).total_seconds() + retry.scaled(GRACE_S)
    return min(max(next_inquiry_s(claimed), retry.scaled(FIRST_LOOK_S)), max(ends_in_s, 0.0))
