"""Take in what a player's browser brings back from the place where they were to approve.

Any browser may bring it, twice or late: what it brings says by itself which deposit it is about, and is good once.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from django.db import transaction
from django.db.models.functions import Now

from accounts.conflicts import again_on_conflict
from carriers import registry
from carriers.interface import Return, ReturnRefused
from deposits import doorbell, transitions
from deposits.crash_points import reach
from deposits.models import Deposit
from deposits.states import Event, State

log = structlog.get_logger("deposits.approve")

#: Shown while the player may still open the place again.
_NOT_APPROVED = "bank_not_approved"


def take_return(carrier: str, query: Mapping[str, str]) -> Deposit:
    """Take what came back to the return address of `carrier` (code), and return its deposit as it is now.

    An approval is handed to a worker, once; without one the carrier is asked what became of it. A deposit that waits
    for neither stays as it is. Raises `ReturnRefused` for what was not made by us for this carrier: nothing happened.
    """
    try:
        adapter = registry.find_adapter(carrier)
        if adapter is None:
            raise ReturnRefused("there is no such carrier")
        deposit = _take(carrier, adapter.read_return(query))
    except ReturnRefused as refused:
        log.warning("return_refused", carrier=carrier, detail=refused.detail)
        raise
    reach("web.after_return")
    return deposit


@again_on_conflict
def _take(carrier: str, brought: Return) -> Deposit:
    with transaction.atomic():
        found = Deposit.objects.select_for_update().filter(reference=brought.reference, carrier=carrier)
        deposit = found.first()
        if deposit is None:
            raise ReturnRefused("there is no such deposit with this carrier")
        structlog.contextvars.bind_contextvars(reference=deposit.reference)
        Deposit.objects.filter(pk=deposit.pk, return_seen_at=None).update(return_seen_at=Now())
        if not _awaited(deposit):
            log.info("return_not_awaited", state=deposit.state, approved=bool(brought.code))
        elif brought.code:
            _hand_over(deposit, brought.code)
        else:
            _ask(deposit, brought.error)
        deposit.refresh_from_db()
    return deposit


def _awaited(deposit: Deposit) -> bool:
    """Whether the deposit waits for the player to come back, and nobody has taken it up or asked for its cancel."""
    return (
        deposit.state == State.ACTION_REQUIRED
        and bool(deposit.consent_id)
        and not deposit.approval_code
        and deposit.next_step == Deposit.Next.INQUIRE
    )


def _hand_over(deposit: Deposit, code: str) -> None:
    transitions.move(
        deposit,
        Event.APPROVAL_RETURNED,
        actor_kind="player",
        actor=deposit.carrier,
        approval_code=code,
        reason_code="",
        next_step=Deposit.Next.CONFIRM,
        next_action_at=Now(),
    )
    doorbell.ring()


def _ask(deposit: Deposit, error: str) -> None:
    """A browser's word is no proof: the carrier says whether it was refused. Until then the player may go again."""
    log.info("not_approved", error=error)
    Deposit.objects.filter(pk=deposit.pk).update(reason_code=_NOT_APPROVED)
    transitions.wake(deposit.pk, "came back without an approval", deposit.carrier)
    doorbell.ring()
