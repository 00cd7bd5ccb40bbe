"""What two people decide about a refund in review: the state, and the ledger with it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from deposits import refund_transitions, retry
from deposits.actions.cases import Clerk
from deposits.actions.refunds import book
from deposits.actions.refusal import NotPossibleNow, Refusal
from deposits.models import Case, Refund, RefundAttempt
from deposits.refund_states import Event, State

#: An inquiry this young that says "returned" forbids to say that it was not.
RECENT_INQUIRY_S = 300
RESOLUTIONS = (Case.Resolution.RETURNED, Case.Resolution.NOT_RETURNED)
_EVENTS = {
    Case.Resolution.RETURNED: Event.STAFF_RETURNED,
    Case.Resolution.NOT_RETURNED: Event.STAFF_FAILED,
}


def locked(reference: str) -> Refund:
    """Return the refund that a case is about, its row locked: before its deposit and the case, as by workers."""
    refund: Refund = Refund.objects.select_for_update(of=("self",)).get(reference=reference)
    return refund


def check(refund: Refund, resolution: Case.Resolution) -> None:
    """Raise `NotPossibleNow` where the refund has ended, `Refusal` where a young answer forbids `resolution`."""
    if refund.state != State.REVIEW:
        raise NotPossibleNow(
            f"The refund is {refund.get_state_display()} by now: there is nothing to settle."
        )
    if resolution == Case.Resolution.NOT_RETURNED and _says_returned(refund):
        raise Refusal(
            "was_returned",
            "The latest answer, not five minutes old, says that money was returned.",
            "resolution",
        )


def carry_out(refund: Refund, resolution: Case.Resolution, by: Clerk, reason: str) -> None:
    """Move the refund and book its end. The caller holds its row's lock and a transaction."""
    refund_transitions.move(refund, _EVENTS[resolution], actor_kind="staff", actor=by.name, detail=reason)
    book.end(refund, State(refund.state))


def _says_returned(refund: Refund) -> bool:
    since = Now() - timedelta(seconds=retry.scaled(RECENT_INQUIRY_S))
    latest: RefundAttempt | None = refund.attempts.exclude(finished_at=None).order_by("-finished_at").first()
    if latest is None or latest.outcome not in ("refunded", "mismatch"):
        return False
    return RefundAttempt.objects.filter(pk=latest.pk, finished_at__gte=since).exists()
