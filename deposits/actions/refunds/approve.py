"""The second person: approves or rejects what another one has requested to refund."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts import audit
from accounts.conflicts import again_on_conflict
from deposits import doorbell, refund_transitions
from deposits.actions.cases import Clerk
from deposits.actions.refunds import book
from deposits.actions.refusal import NotPossibleNow, Refusal
from deposits.models import Refund
from deposits.refund_states import Event, State


@again_on_conflict
def approve(refund_id: UUID, by: Clerk, reason: str) -> Refund:
    """Let a requested refund go out. Raises `Refusal` for the one who requested it, `NotPossibleNow` when it does not
    wait any more or the carrier has taken the deposit back meanwhile.
    """
    with transaction.atomic():
        refund = _waiting(refund_id)
        if refund.requested_by_id == by.user_id:
            raise Refusal("same_person", "Another person has to approve what you requested.", "approve")
        if refund.deposit.reversed_at is not None:
            raise NotPossibleNow("The carrier has taken the deposit back meanwhile: reject the refund.")
        refund_transitions.move(
            refund,
            Event.APPROVED,
            actor_kind="staff",
            actor=by.name,
            detail=reason,
            decided_by=by.user_id,
            approved_at=Now(),
            next_action_at=Now(),
        )
        note("refund.approved", refund, by, reason)
        doorbell.ring()
    return refund


@again_on_conflict
def reject(refund_id: UUID, by: Clerk, reason: str) -> Refund:
    """End a requested refund and put its amount back into the balance; one may withdraw what one requested oneself.

    Raises `NotPossibleNow` when it does not wait any more.
    """
    with transaction.atomic():
        refund = _waiting(refund_id)
        own = refund.requested_by_id == by.user_id
        refund_transitions.move(
            refund,
            Event.REJECTED,
            actor_kind="staff",
            actor=by.name,
            detail=reason,
            **({} if own else {"decided_by": by.user_id}),
        )
        book.end(refund, State(refund.state))
        note("refund.rejected", refund, by, reason)
    return refund


def note(action: str, refund: Refund, by: Clerk | None, reason: str) -> None:
    """Write an act on a refund into the audit trail of its deposit."""
    after: dict[str, Any] = {"refund": refund.reference, "state": refund.state}
    audit.note(
        action,
        actor_kind="staff" if by else "system",
        actor=by.name[:100] if by else "",
        subject_kind="deposit",
        subject=refund.deposit.reference,
        address=by.address if by else None,
        after=after,
        reason=reason,
        request_id=by.request_id if by else "",
    )


def _waiting(refund_id: UUID) -> Refund:
    refund = Refund.objects.select_for_update(of=("self",)).select_related("deposit").get(pk=refund_id)
    if refund.state != State.REQUESTED:
        raise NotPossibleNow(
            f"The refund does not wait for a second person: it is {refund.get_state_display()}."
        )
    return refund
