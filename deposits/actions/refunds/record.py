"""Record what carriers and banks answered about refunds: states and ledger entries in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from django.db import transaction

from accounts.conflicts import again_on_conflict
from deposits import refund_transitions
from deposits.actions import each_alone
from deposits.actions.refunds import book
from deposits.crash_points import reach
from deposits.refund_states import State
from deposits.refund_transitions import ClaimedRefund, RefundResult

log = structlog.get_logger("deposits.refunds.record")

Answers = Sequence[tuple[ClaimedRefund, RefundResult]]


def record(answers: Answers) -> None:
    """Record the answers as a whole; if the database refuses them, each alone: one cannot hold up the rest.

    Raises OperationalError when the database cannot be reached: the leases run out and the refunds are asked about.
    """
    recorded = each_alone.recorded(answers, _record)
    for claimed, result in (answer for done, _ in recorded for answer in done):
        log.info(
            "refund_attempt",
            reference=claimed.reference,
            deposit=claimed.deposit_reference,
            request_id=claimed.request_id,
            carrier=claimed.carrier,
            step=claimed.step.value,
            epoch=result.epoch,
            outcome=result.outcome,
            state=result.to_state,
        )


@again_on_conflict
def _record(answers: Answers) -> None:
    with transaction.atomic():
        counted = refund_transitions.record([result for _, result in answers])
        for claimed, result in answers:
            if (result.id, result.epoch) in counted:
                book.end(claimed, State(result.to_state))
        reach("refund.after_ledger")
