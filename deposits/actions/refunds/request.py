"""Ask for a refund: checked and taken from the balance in one transaction, once per idempotency key.

Nothing is sent here: a worker talks to the carrier or bank, after a second person where one is needed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Sum
from django.db.models.functions import Now

from accounts import audit, holds
from accounts.conflicts import again_on_conflict, sqlstate_of
from accounts.models import Player
from carriers import registry
from deposits import doorbell, refund_transitions
from deposits.actions.accept import canonical
from deposits.actions.cases import Clerk
from deposits.actions.command import Caller
from deposits.actions.refusal import IdempotencyConflict, NotPossibleNow, Refusal
from deposits.crash_points import reach
from deposits.models import Deposit, Refund
from deposits.references import new_id, new_reference
from deposits.refund_states import NOTHING_RETURNED, State
from deposits.states import State as DepositState

#: SQLSTATE that the database raises for a refund above what is left of its deposit.
_ABOVE = "PSR01"
SHORTEST_NOTE = 10


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What to give back and why. `amount_minor` None is all that is left. Staff sign as `by` and give a note."""

    deposit_id: UUID
    amount_minor: int | None
    reason: Refund.Reason
    note: str
    caller: Caller
    idempotency_key: str
    by: Clerk | None = None
    beyond_balance: bool = False
    request_id: str = ""

    @property
    def digest(self) -> bytes:
        """What must be the same for the same key to mean the same request."""
        content = [
            str(self.deposit_id),
            self.amount_minor,
            self.reason.value,
            self.note,
            self.beyond_balance,
        ]
        return hashlib.sha256(canonical(content)).digest()


@dataclass(frozen=True, slots=True)
class Requested:
    """The refund as it is now. `replayed`: the key was used before, and nothing new happened."""

    refund: Refund
    replayed: bool


def request(wanted: RefundRequest) -> Requested:
    """Take the amount from the player's balance and make the refund, exactly once per client and key.

    Raises `Refusal` (not offered, above what is left, balance too low), `NotPossibleNow` (nothing was credited, or all
    of it is returned or on its way) or `IdempotencyConflict`; nothing was done then.
    """
    try:
        requested = _request(wanted)
    except IntegrityError as error:
        if "refund_idempotency" in str(error):
            raise IdempotencyConflict from None  # the same key at the same instant, for another deposit
        raise
    except DatabaseError as error:
        if sqlstate_of(error) == _ABOVE:
            raise _above(left_minor(Deposit.objects.get(pk=wanted.deposit_id))) from None
        raise
    reach("refund.after_request")
    return requested


@again_on_conflict
def _request(wanted: RefundRequest) -> Requested:
    with transaction.atomic():
        deposit = Deposit.objects.select_for_update(of=("self",)).get(pk=wanted.deposit_id)
        known = Refund.objects.filter(
            client=wanted.caller.client, idempotency_key=wanted.idempotency_key
        ).first()
        if known is not None:
            if bytes(known.idempotency_hash) != wanted.digest:
                raise IdempotencyConflict
            return Requested(known, replayed=True)
        refund = _checked(wanted, deposit)
        _hold(wanted, deposit, refund)
        refund_transitions.begin(refund, actor_kind=wanted.caller.kind, actor=wanted.caller.actor)
        _note(wanted, deposit, refund)
        reach("refund.before_commit")
        if refund.state == State.APPROVED:
            doorbell.ring()
    return Requested(refund, replayed=False)


def credited_minor(deposit: Deposit) -> int:
    """Return what the player was credited with by this deposit and the carrier has not taken back; 0 for nothing."""
    if deposit.reversed_at is not None:
        return 0
    credited = deposit.state == DepositState.CREDITED or deposit.credited_late
    return (deposit.taken_minor or deposit.amount_minor) if credited else 0


def left_minor(deposit: Deposit) -> int:
    """Return how much of a deposit is neither returned nor on its way back."""
    on_its_way = deposit.refunds.exclude(state__in=NOTHING_RETURNED).aggregate(total=Sum("amount_minor"))
    return credited_minor(deposit) - (on_its_way["total"] or 0)


def needs_second_person(deposit: Deposit, amount_minor: int, *, beyond_balance: bool) -> bool:
    """Whether staff may not do it alone: above the line together with what one person has refunded of it before."""
    alone = deposit.refunds.filter(requested_by__isnull=False, decided_by=None)
    so_far = alone.exclude(state__in=NOTHING_RETURNED).aggregate(total=Sum("amount_minor"))["total"] or 0
    return beyond_balance or so_far + amount_minor > settings.REFUND_ALONE_MINOR


def _checked(wanted: RefundRequest, deposit: Deposit) -> Refund:
    """Return the refund, not yet stored. The caller has locked the deposit."""
    if not registry.offers_refunds(deposit.carrier):
        raise Refusal(
            "refund_not_offered", "This deposit came by a way that takes no refunds: give it back by hand."
        )
    if not credited_minor(deposit):
        raise NotPossibleNow(
            "The carrier has taken the money back already."
            if deposit.reversed_at is not None
            else f"Nothing was credited that could be refunded: the deposit is {deposit.get_state_display()}."
        )
    left = left_minor(deposit)
    if not left:
        raise NotPossibleNow("All of the deposit is refunded already, or on its way back.")
    amount_minor = left if wanted.amount_minor is None else wanted.amount_minor
    if not 1 <= amount_minor <= left:
        raise _above(left)
    if wanted.by is not None and len(wanted.note.strip()) < SHORTEST_NOTE:
        raise Refusal("validation_failed", f"Say why in at least {SHORTEST_NOTE} characters.", "note")
    waits = wanted.by is not None and needs_second_person(
        deposit, amount_minor, beyond_balance=wanted.beyond_balance
    )
    return Refund(
        id=new_id(),
        reference=new_reference("R"),
        deposit=deposit,
        carrier=deposit.carrier,
        amount_minor=amount_minor,
        currency=deposit.currency,
        reason=wanted.reason,
        note=wanted.note,
        beyond_balance=wanted.beyond_balance,
        client=wanted.caller.client,
        idempotency_key=wanted.idempotency_key,
        idempotency_hash=wanted.digest,
        request_id=wanted.request_id,
        requested_by_id=wanted.by.user_id if wanted.by else None,
        state=State.REQUESTED if waits else State.APPROVED,
        approved_at=None if waits else Now(),
        next_action_at=None if waits else Now(),
    )


def _hold(wanted: RefundRequest, deposit: Deposit, refund: Refund) -> None:
    try:
        owed_minor = holds.hold(
            refund.id,
            deposit.player_id,
            deposit.carrier,
            refund.amount_minor,
            deposit.currency,
            refund.reference,
            beyond_balance=wanted.beyond_balance,
        )
    except holds.BalanceTooLow as low:
        raise Refusal(
            "balance_too_low",
            f"The player's balance is {low.balance_minor} minor units: it does not cover {refund.amount_minor}.",
            "amount",
            {"left_minor": max(low.balance_minor, 0)},
        ) from None
    if owed_minor:
        Player.objects.filter(pk=deposit.player_id, flagged_at=None).update(flagged_at=Now())


def _above(left: int) -> Refusal:
    return Refusal(
        "above_refundable",
        f"At most {left} minor units of this deposit are left to refund.",
        "amount",
        {"maximum_minor": left},
    )


def _note(wanted: RefundRequest, deposit: Deposit, refund: Refund) -> None:
    after: dict[str, Any] = {
        "refund": refund.reference,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "reason": refund.reason,
        "state": refund.state,
        "beyond_balance": refund.beyond_balance,
    }
    audit.note(
        "refund.requested",
        actor_kind=wanted.caller.kind,
        actor=wanted.caller.actor[:100],
        subject_kind="deposit",
        subject=deposit.reference,
        address=wanted.by.address if wanted.by else None,
        after=after,
        reason=wanted.note,
        request_id=wanted.request_id,
    )
