"""What the end of a refund means for the ledger: the entry that is booked in the transaction that records it."""

from __future__ import annotations

from accounts import holds, ledger
from deposits.models import Refund
from deposits.refund_states import NOTHING_RETURNED, State
from deposits.refund_transitions import ClaimedRefund


def entries(refund: ClaimedRefund | Refund, state: State) -> list[ledger.Entry]:
    """Return the ledger entries that belong to a refund's coming into `state`; none before it ends."""
    if state == State.RETURNED:
        return [
            holds.returned(refund.id, refund.carrier, refund.amount_minor, refund.currency, refund.reference)
        ]
    if state in NOTHING_RETURNED:
        return [holds.released(refund.id, refund.currency, refund.reference)]
    return []
