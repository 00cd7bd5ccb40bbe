"""What the end of a refund means for the ledger and the limits, in the transaction that records it."""

from __future__ import annotations

from accounts import holds, ledger
from deposits import limits
from deposits.models import Deposit, Refund
from deposits.refund_states import NOTHING_RETURNED, State
from deposits.refund_transitions import ClaimedRefund


def end(refund: ClaimedRefund | Refund, state: State) -> None:
    """Book that a refund has come into `state`, and count what went back to the player. Nothing before it ends."""
    ledger.post(_entries(refund, state))
    if state == State.RETURNED:
        deposit = Deposit.objects.get(refunds__id=refund.id)
        limits.count_returned(
            deposit.partner_id, deposit.player_id, deposit.phone_number, refund.currency, refund.amount_minor
        )


def _entries(refund: ClaimedRefund | Refund, state: State) -> list[ledger.Entry]:
    if state == State.RETURNED:
        return [
            holds.returned(refund.id, refund.carrier, refund.amount_minor, refund.currency, refund.reference)
        ]
    if state in NOTHING_RETURNED:
        return [holds.released(refund.id, refund.currency, refund.reference)]
    return []
