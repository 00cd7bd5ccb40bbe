"""F41: the carrier takes back what was credited, and the player has spent it."""

from __future__ import annotations

import uuid

import pytest

from accounts import ledger
from accounts.models import LedgerAccount, Player
from deposits import transitions
from deposits.actions import cases, resolve
from deposits.models import Case, Deposit
from deposits.states import State
from tests.faults_evidence.conftest import Carrier
from tests.faults_evidence.staff import clerk

pytestmark = pytest.mark.usefixtures("alone")

REVERSALS = 20


def spend(deposit: Deposit, amount_minor: int) -> None:
    """The player loses money at the casino, as far as the ledger knows today."""
    player = ledger.player_account_id(deposit.player_id, "GBP")
    other = ledger.unallocated_account_id("casino", "GBP")
    ledger.post(
        [ledger.Entry("spent", uuid.uuid4(), "GBP", ((player, -amount_minor), (other, amount_minor)))]
    )


def reverse(carrier: Carrier, deposit: Deposit) -> None:
    answer = carrier.sandbox.call("POST", "/sandbox/reversals", {"reference": deposit.reference})
    assert answer.status == 200, answer.body
    transitions.wake(deposit.pk, "payment-cancelled", deposit.carrier)


def owed_minor(deposit: Deposit) -> int:
    account = LedgerAccount.objects.get(pk=ledger.receivable_account_id(deposit.player_id, "GBP"))
    return -ledger.balance_minor(account)


def test_f41_twenty_reversals_half_of_them_spent(carrier: Carrier) -> None:
    deposits = [carrier.deposit(player=f"p-{number}") for number in range(REVERSALS)]
    carrier.work()
    spenders, savers = deposits[::2], deposits[1::2]
    for deposit in spenders:
        spend(deposit, 1_500)
    for deposit in deposits:
        reverse(carrier, deposit)
    for _ in range(2):  # a second inquiry about the same reversal changes nothing
        carrier.work(*deposits)
        for deposit in deposits:
            transitions.wake(deposit.pk, "payment-cancelled", deposit.carrier)
    carrier.work()
    for deposit in deposits:
        deposit.refresh_from_db()
        assert deposit.state == State.CREDITED
        assert deposit.reversed_at is not None
        assert ledger.player_balance_minor(deposit.player_id, "GBP") == 0
    assert [owed_minor(one) for one in spenders] == [1_500] * len(spenders)
    assert [owed_minor(one) for one in savers] == [0] * len(savers)
    shortfalls = Case.objects.filter(kind=Case.Kind.REVERSAL_SHORTFALL, deposit__in=deposits)
    assert {case.deposit_id for case in shortfalls} == {one.pk for one in spenders}
    flagged = Player.objects.filter(pk__in=[one.player_id for one in deposits]).exclude(flagged_at=None)
    assert {player.pk for player in flagged} == {one.player_id for one in spenders}


def test_f41_what_is_owed_is_given_up_by_two_people(carrier: Carrier) -> None:
    deposit = carrier.deposit()
    carrier.work()
    spend(deposit, 2_000)
    reverse(carrier, deposit)
    carrier.work()
    case = Case.objects.get(deposit=deposit)
    resolve.propose(case.pk, clerk("anna"), Case.Resolution.WRITTEN_OFF, "The player has gone abroad.")
    assert owed_minor(deposit) == 2_000
    resolve.confirm(case.pk, clerk("bert"), Case.Resolution.WRITTEN_OFF, "Seen, too small to pursue.")
    assert owed_minor(deposit) == 0
    assert Player.objects.get(pk=deposit.player_id).flagged_at is None


def test_f41_a_reversal_of_what_was_kept_goes_back_from_where_it_is(carrier: Carrier) -> None:
    deposit = carrier.deposit("+447700900015")
    carrier.work(deposit)
    cases.keep_up()
    unallocated = LedgerAccount.objects.get(pk=ledger.unallocated_account_id(deposit.carrier, "GBP"))
    before = ledger.balance_minor(unallocated)
    case = Case.objects.get(deposit=deposit)
    resolve.propose(case.pk, clerk("anna"), Case.Resolution.KEPT, "The player did not want that much.")
    resolve.confirm(case.pk, clerk("bert"), Case.Resolution.KEPT, "Agreed with the player.")
    deposit.refresh_from_db()
    assert deposit.state == State.CANCELLED
    assert ledger.balance_minor(unallocated) == before
    reverse(carrier, deposit)
    carrier.work()
    deposit.refresh_from_db()
    assert deposit.reversed_at is not None
    assert ledger.balance_minor(unallocated) == before - 2_100
