"""Claim, call, record: what a worker does each time the bell rings, until nothing is due.

No transaction is open while the carrier is being called. The claim commits first; the record and the ledger entries
of what was credited commit together.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, OperationalError, transaction

from accounts import ledger
from carriers import driver, registry
from carriers.interface import CarrierAdapter, Conversation, Order
from deposits import transitions
from deposits.actions import book
from deposits.actions.decide import decide
from deposits.actions.notify import wake_waiting
from deposits.crash_points import reach
from deposits.models import Deposit
from deposits.states import Event
from deposits.transitions import Claimed, Result

log = structlog.get_logger("deposits.drain")

#: Deadlocks and serialisation failures undo the whole transaction, so it may be run again this often.
_RECORD_TRIES = 3
_RETRYABLE = frozenset({"40001", "40P01"})


def drain(owner: str | None = None) -> int:
    """Work through due deposits until none is left or the task's time is nearly up; return how many were handled.

    What remains is found by the next ring or sweep. `owner` signs the leases (default: this process).
    """
    owner = owner or transitions.worker_name()
    limits = settings.TIME_LIMITS
    ends_at = time.monotonic() + max(limits.task_soft - limits.http_total - 2 / settings.TIME_DIVISOR, 0)
    handled = 0
    reach("worker.before_claim")
    while batch := transitions.claim(settings.WORKER_BATCH_SIZE, owner):
        handle(batch)
        handled += len(batch)
        if time.monotonic() > ends_at:
            break
    return handled


def handle(batch: Sequence[Claimed]) -> None:
    """Call the carriers about a claimed batch and record what came back."""
    results: list[Result] = []
    reach("worker.after_claim")
    for code, group in groupby(sorted(batch, key=attrgetter("carrier")), key=attrgetter("carrier")):
        results += _call(code, list(group))
    reach("worker.after_answer")
    _record(batch, results)
    reach("worker.after_commit")
    _log(batch, results)


def _call(code: str, group: list[Claimed]) -> list[Result]:
    profile, adapter = registry.profile(code), registry.adapter_for(code)
    ended = driver.run(
        [_conversation(adapter, claimed) for claimed in group],
        profile,
        references=[claimed.reference for claimed in group],
    )
    results = []
    for claimed, end in zip(group, ended, strict=True):
        decided = decide(claimed, end.outcome, profile, resend_is_safe=adapter.resend_is_safe)
        decided.exchanges = end.exchanges
        results.append(decided)
    return results


def _conversation(adapter: CarrierAdapter, claimed: Claimed) -> Conversation:
    order = Order(
        reference=claimed.reference,
        msisdn=claimed.phone_number,
        amount_minor=claimed.amount_minor,
        currency=claimed.currency,
        description=f"Deposit {claimed.reference}",
        proof_needed=claimed.proof_needed,
        payment_id=claimed.carrier_payment_id,
        authorization_id=claimed.authorization_id,
        code=claimed.one_time_code,
        created_at=claimed.created_at,
        first_sent_at=claimed.first_sent_at,
    )
    match claimed.step:
        case Deposit.Next.AUTHORISE:
            return adapter.authorise(order)
        case Deposit.Next.CONFIRM:
            return adapter.confirm(order)
        case Deposit.Next.CANCEL:
            return adapter.cancel(order)
        case _:
            return adapter.inquire(order)


def _record(batch: Sequence[Claimed], results: Sequence[Result]) -> None:
    """Record the batch as a whole; if the database refuses it, each deposit alone: one cannot hold up the rest."""
    by_id = {claimed.id: claimed for claimed in batch}
    try:
        _record_with_retries(by_id, results)
    except OperationalError:
        raise  # the leases run out and the deposits are asked about
    except DatabaseError as error:
        if len(results) == 1:
            log.exception("record_refused", reference=by_id[results[0].id].reference, error=str(error))
            return
        for one in results:
            _record(batch, [one])


def _record_with_retries(by_id: dict[UUID, Claimed], results: Sequence[Result]) -> None:
    for left in reversed(range(_RECORD_TRIES)):
        try:
            with transaction.atomic():
                moved = set(transitions.record(results))
                ledger.post(
                    [entry for r in results if r.id in moved for entry in book.entries(by_id[r.id], r)]
                )
                reach("worker.after_ledger")
                for r in results:
                    if r.id in moved and r.event == Event.REVERSED:
                        book.reverse(by_id[r.id])
                reach("worker.before_commit")
            break
        except OperationalError as error:
            if not left or getattr(error.__cause__, "sqlstate", "") not in _RETRYABLE:
                raise
    # A payment that the carrier named only now may have been spoken of before.
    named: dict[str, dict[str, UUID]] = {}
    for r in results:
        if r.payment_id and r.id in moved and not r.final:
            named.setdefault(by_id[r.id].carrier, {})[r.payment_id] = r.id
    for carrier, payments in named.items():
        wake_waiting(carrier, payments)


def _log(batch: Sequence[Claimed], results: Sequence[Result]) -> None:
    by_id = {claimed.id: claimed for claimed in batch}
    for r in results:
        claimed = by_id[r.id]
        log.info(
            "attempt",
            reference=claimed.reference,
            request_id=claimed.request_id,
            step=claimed.step.value,
            epoch=r.epoch,
            outcome=r.outcome,
            state=r.to_state,
        )
