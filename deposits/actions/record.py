"""Record what carriers answered: states, ledger entries and limits in one transaction, then what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog
from django.db import DatabaseError, OperationalError, transaction

from accounts import ledger
from accounts.conflicts import again_on_conflict
from deposits import transitions
from deposits.actions import book
from deposits.actions.notify import wake_waiting
from deposits.actions.reroute import reroute_unsent
from deposits.crash_points import reach
from deposits.states import Event
from deposits.transitions import Claimed, Result

log = structlog.get_logger("deposits.record")


def record(answers: Sequence[tuple[Claimed, Result]]) -> None:
    """Record the answers as a whole; if the database refuses them, each alone: one cannot hold up the rest.

    Raises OperationalError when the database cannot be reached: the leases run out and the deposits are asked about.
    """
    try:
        moved = _record_all(answers)
    except OperationalError:
        raise
    except DatabaseError as error:
        if len(answers) == 1:
            log.exception("record_refused", reference=answers[0][0].reference, error=str(error))
            return
        for one in answers:
            record([one])
        return
    _follow_up([(claimed, result) for claimed, result in answers if result.id in moved])
    _log(answers)


@again_on_conflict
@transaction.atomic
def _record_all(answers: Sequence[tuple[Claimed, Result]]) -> set[UUID]:
    moved = set(transitions.record([result for _, result in answers]))
    ledger.post([entry for claimed, r in answers if r.id in moved for entry in book.entries(claimed, r)])
    reach("worker.after_ledger")
    for claimed, r in answers:
        if r.id in moved and r.event == Event.REVERSED:
            book.reverse(claimed)
    reach("worker.before_commit")
    return moved


def _follow_up(moved: Sequence[tuple[Claimed, Result]]) -> None:
    # A payment that the carrier named only now may have been spoken of before.
    named: dict[str, dict[str, UUID]] = {}
    for claimed, r in moved:
        if r.payment_id and not r.final:
            named.setdefault(claimed.carrier, {})[r.payment_id] = r.id
    for carrier, payments in named.items():
        wake_waiting(carrier, payments)
    reroute_unsent([claimed for claimed, r in moved if r.event == Event.NOT_SENT])


def _log(answers: Sequence[tuple[Claimed, Result]]) -> None:
    for claimed, r in answers:
        log.info(
            "attempt",
            reference=claimed.reference,
            request_id=claimed.request_id,
            carrier=claimed.carrier,
            step=claimed.step.value,
            epoch=r.epoch,
            outcome=r.outcome,
            state=r.to_state,
        )
