"""What a result means for the ledger: the entries that are booked in the transaction that records it."""

from __future__ import annotations

from accounts import ledger
from accounts.models import Player
from deposits import limits
from deposits.actions import cases
from deposits.models import Case, Deposit
from deposits.states import Event, State
from deposits.transitions import Claimed, Result

#: Results after which what the carrier took is nobody's yet.
_UNALLOCATED = (Event.MISMATCH, Event.LATE_SUCCESS)


def entries(claimed: Claimed, result: Result) -> list[ledger.Entry]:
    """Return the ledger entries that belong to a result: the credit, or what was taken and is nobody's yet."""
    if result.to_state == State.CREDITED and result.event == Event.APPROVED:
        account = claimed.player_account_id or ledger.player_account_id(claimed.player_id, claimed.currency)
        return [from_carrier("deposit", claimed, account, claimed.amount_minor)]
    if result.event in _UNALLOCATED and result.taken_minor:
        account = ledger.unallocated_account_id(claimed.carrier, claimed.currency)
        return [from_carrier("unallocated", claimed, account, result.taken_minor)]
    return []


def from_carrier(kind: str, deposit: Claimed | Deposit, account: int, amount_minor: int) -> ledger.Entry:
    """Return the entry of `amount_minor` that the deposit's carrier took, to a ledger account."""
    clearing = ledger.clearing_account_id(deposit.carrier, deposit.currency)
    return ledger.Entry(
        kind=kind,
        source=deposit.id,
        currency=deposit.currency,
        postings=((clearing, -amount_minor), (account, amount_minor)),
        description=deposit.reference,
    )


def from_unallocated(kind: str, deposit: Deposit, account: int, amount_minor: int) -> ledger.Entry:
    """Return the entry that gives `amount_minor` of what is nobody's yet to a ledger account."""
    unallocated = ledger.unallocated_account_id(deposit.carrier, deposit.currency)
    return ledger.Entry(
        kind=kind,
        source=deposit.pk,
        currency=deposit.currency,
        postings=((unallocated, -amount_minor), (account, amount_minor)),
        description=deposit.reference,
    )


def reverse(claimed: Claimed) -> None:
    """Book that the carrier took the money back, from whoever has it. What a player has spent is owed, and a case.

    Call it in the transaction that records the result; a second time nothing happens.
    """
    Deposit.objects.filter(pk=claimed.id, reversed_at=None).update(reversed_at=claimed.claimed_at)
    deposit = Deposit.objects.get(pk=claimed.id)
    if deposit.state != State.CREDITED and not deposit.credited_late:
        if deposit.taken_minor:
            clearing = ledger.clearing_account_id(deposit.carrier, deposit.currency)
            ledger.post([from_unallocated("unallocated_reversal", deposit, clearing, deposit.taken_minor)])
        return
    amount_minor = deposit.taken_minor or deposit.amount_minor
    first = ledger.post_reversal(
        deposit.pk, deposit.player_id, deposit.carrier, amount_minor, deposit.currency
    )
    if first and deposit.credited_late:
        # What was credited in its time is counted back by the statement that recorded the reversal.
        limits.count_returned(
            deposit.partner_id, deposit.player_id, deposit.phone_number, deposit.currency, amount_minor
        )
    owed_minor = ledger.shortfall_minor(deposit.pk)
    if first and owed_minor:
        _flag(deposit.player_id, claimed)
        evidence = {"reversed_minor": amount_minor, "owed_minor": owed_minor, "currency": deposit.currency}
        cases.open_case(Case.Kind.REVERSAL_SHORTFALL, deposit.reference, deposit.pk, evidence)


def _flag(player_id: int, claimed: Claimed) -> None:
    Player.objects.filter(pk=player_id, flagged_at=None).update(flagged_at=claimed.claimed_at)
