"""Take an accepted deposit to a later state by hand, with what a worker would have written."""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Now

from accounts import ledger
from deposits.models import Attempt, Deposit, DepositEvent
from deposits.states import Event, State

LIST = "/admin/deposits/deposit/"
EXCHANGE = {
    "method": "POST",
    "path": "/payments",
    "status": 201,
    "request": '{"clientCorrelator":"D-1"}',
    "answer": '{"transactionOperationStatus":"succeeded"}',
    "elapsed_ms": 41.7,
    "error": "",
}


def page_of(deposit: Deposit) -> str:
    """Return the address of the deposit's page."""
    return f"{LIST}{deposit.pk}/change/"


def sent(deposit: Deposit, **exchange: Any) -> Deposit:
    """Send `deposit` to its carrier; `exchange` overrides what went over the wire."""
    _move(deposit, Event.SENDING, State.SUBMITTING, "worker", lease_epoch=1, next_action_at=Now())
    Attempt.objects.create(
        deposit=deposit,
        epoch=1,
        step="authorise",
        worker="host:1",
        finished_at=Now(),
        outcome="approved",
        exchanges=[EXCHANGE | exchange],
    )
    return deposit


def credited(deposit: Deposit) -> Deposit:
    """Send, approve and book `deposit`."""
    sent(deposit)
    clearing = ledger.clearing_account_id(deposit.carrier, deposit.currency)
    purse = ledger.player_account_id(deposit.player_id, deposit.currency)
    lines = ((clearing, -deposit.amount_minor), (purse, deposit.amount_minor))
    ledger.post([ledger.Entry("deposit", deposit.pk, deposit.currency, lines, deposit.reference)])
    final = {"resolved_at": Now(), "next_action_at": None, "carrier_payment_id": f"pay-{deposit.reference}"}
    _move(deposit, Event.APPROVED, State.CREDITED, "carrier", **final)
    return deposit


def declined(deposit: Deposit, reason: str = "carrier_declined") -> Deposit:
    """Send and decline `deposit`."""
    sent(deposit)
    final = {"resolved_at": Now(), "next_action_at": None, "reason_code": reason}
    _move(deposit, Event.DECLINED, State.DECLINED, "carrier", **final)
    return deposit


def in_review(deposit: Deposit, taken_minor: int) -> Deposit:
    """Send `deposit`, of which the carrier took another amount."""
    sent(deposit)
    held = {"next_action_at": None, "reason_code": "under_review", "taken_minor": taken_minor}
    _move(deposit, Event.MISMATCH, State.REVIEW, "carrier", **held)
    return deposit


def _move(deposit: Deposit, event: Event, state: State, actor_kind: str, **columns: Any) -> None:
    DepositEvent.objects.create(
        deposit=deposit,
        event=event,
        from_state=deposit.state,
        to_state=state,
        actor_kind=actor_kind,
        actor=deposit.carrier if actor_kind == "carrier" else "host:1",
    )
    Deposit.objects.filter(pk=deposit.pk).update(state=state, **columns)
    deposit.refresh_from_db()
