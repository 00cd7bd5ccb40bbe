"""The refunds' part in a worker's shift: which are due, what is said to whom, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from django.conf import settings

from carriers import registry
from carriers.driver import Result as Ended
from carriers.interface import Conversation, RefundOrder
from deposits import refund_transitions
from deposits.actions import each_alone
from deposits.actions.refunds.decide import decide
from deposits.actions.refunds.record import record
from deposits.breakers import REFUND, Sightings
from deposits.crash_points import reach
from deposits.refund_transitions import ClaimedRefund, Step

#: A worker that is busy with deposits looks for due refunds this often, and at the beginning and end of its shift.
_LOOK_EVERY_S = 1.0


class Turn:
    """When this worker looks for due refunds: they are rare, and a look must cost the deposits nothing."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._look_at = 0.0

    def claim(self, rooms: Mapping[str, int], *, now: bool) -> list[ClaimedRefund]:
        """Return the refunds that are due and this worker's from here on; `now` looks out of turn."""
        if not now and time.monotonic() < self._look_at:
            return []
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        batch = refund_transitions.claim(settings.WORKER_BATCH_SIZE, self._owner, rooms)
        if batch:
            # Where there were some there may be more.
            self._look_at = 0.0
            reach("refund.after_claim")
        return batch


def conversation(claimed: ClaimedRefund) -> Conversation:
    """Return what is to be said about the refund: the order itself, or the question what became of it."""
    adapter = registry.adapter_for(claimed.carrier)
    order = RefundOrder(
        reference=claimed.reference,
        payment_id=claimed.payment_id,
        payment_reference=claimed.deposit_reference,
        amount_minor=claimed.amount_minor,
        paid_minor=claimed.paid_minor,
        currency=claimed.currency,
        description=f"Refund {claimed.reference} of deposit {claimed.deposit_reference}",
        msisdn=claimed.phone_number,
        refund_id=claimed.carrier_refund_id,
        first_sent_at=claimed.first_sent_at,
        last_sent_at=claimed.last_sent_at,
    )
    return adapter.refund(order) if claimed.step == Step.REFUND else adapter.inquire_refund(order)


def conclude(ended: Sequence[tuple[ClaimedRefund, Ended]], sightings: Sightings) -> None:
    """Record what the conversations came to, and what those that sent have seen of their carriers."""
    if not ended:
        return
    reach("refund.after_answer")
    results = [(claimed, each_alone.decided(claimed, end, decide)) for claimed, end in ended]
    if decided := [(claimed, result) for claimed, result in results if result]:
        record(decided)
    reach("refund.after_commit")
    for claimed, end in ended:
        if claimed.step == Step.REFUND:
            sightings.add(
                claimed.carrier, REFUND, end.outcome, sends=int(claimed.in_doubt), probe=claimed.probe
            )
    sightings.tell()
