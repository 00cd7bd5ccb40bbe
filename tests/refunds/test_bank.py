"""A bank deposit goes back by a payment order to the account that paid, killed wherever one likes."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts import ledger
from deposits import presentation
from deposits.actions.refunds import keep_up
from deposits.actions.refusal import Refusal
from deposits.models import Accumulator, Deposit, Refund
from deposits.refund_states import FINAL, State
from deposits.states import State as DepositState
from tests.deposits.bank.conftest import Bank
from tests.deposits.bank.conftest import bank as bank
from tests.deposits.bank.conftest import bank_sandbox as bank_sandbox
from tests.refunds.conftest import ask, balance_minor, bookings, events, held_minor
from tests.stack import await_condition


@pytest.fixture(autouse=True)
def _alone(bank: Bank) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE deposits_refund SET next_action_at = now() + interval '1 hour' WHERE next_action_at IS NOT NULL"
        )


def credited(bank: Bank, code: str = "sandbox-bank") -> Deposit:
    return bank.see_through(bank.approved(code), DepositState.CREDITED)


def see_through(bank: Bank, refund: Refund, *ends: State) -> Refund:
    """Work, with the refund always due, until it ends."""

    def look() -> bool:
        Refund.objects.filter(pk=refund.pk, next_action_at__isnull=False).update(next_action_at=Now())
        bank.work()
        keep_up.keep_up()
        refund.refresh_from_db()
        return refund.state in (ends or FINAL)

    await_condition(look, what=f"{refund.reference} being {' or '.join(ends or FINAL)}")
    return refund


def lines(bank: Bank, reference: str) -> list[dict[str, Any]]:
    """What the bank has recorded under a reference: the truth."""
    entries: list[dict[str, Any]] = bank.sandbox.call("GET", f"/sandbox/bank-ledger/{reference}").json[
        "entries"
    ]
    return entries


def ended_true(bank: Bank, refund: Refund) -> None:
    """Assert that the state, our books and the bank's record tell the same."""
    refund.refresh_from_db()
    returned = refund.state == State.RETURNED
    there = [(line["kind"], line["amount_minor"]) for line in lines(bank, refund.reference)]
    assert there == ([("refund", refund.amount_minor)] if returned else [])
    assert bookings(refund) == ["refund_held", "refund_returned" if returned else "refund_released"]
    assert held_minor(refund) == 0
    assert list(ledger.verify()) == []


def went_back(deposit: Deposit) -> int:
    """What the player's net limits know to have gone back, in minor units."""
    row = Accumulator.objects.get(subject_kind="player", subject=str(deposit.player_id))
    return sum(row.returned)


def test_a_refund_goes_to_the_account_that_paid(bank: Bank) -> None:
    deposit = credited(bank)
    (paid,) = lines(bank, deposit.reference)
    first, rest = ask(deposit, 500), ask(deposit)
    for refund in (first, rest):
        see_through(bank, refund, State.RETURNED)
        ended_true(bank, refund)
        (line,) = lines(bank, refund.reference)
        assert (line["creditor"], line["debtor"]) == (paid["debtor"], paid["creditor"])
    deposit.refresh_from_db()
    assert (presentation.money(deposit), deposit.refunded_minor) == ("returned", 2_000)
    assert balance_minor(deposit) == 0


def test_a_refund_that_is_not_settled_yet_is_asked_about(bank: Bank) -> None:
    refund = ask(credited(bank, "sandbox-bank-refund-slow"))
    bank.set(time_divisor=0.01)
    see_through(bank, refund, State.PENDING)
    assert lines(bank, refund.reference) == []
    assert bank.sandbox.call("POST", "/sandbox/clock", {"advance_s": 2_000}).status == 200
    see_through(bank, refund, State.RETURNED)
    ended_true(bank, refund)


def test_a_refund_to_a_closed_account_is_put_back(bank: Bank) -> None:
    deposit = credited(bank, "sandbox-bank-refund-rejects")
    bank.set(time_divisor=0.01)
    refund = ask(deposit)
    see_through(bank, refund, State.PENDING)
    assert bank.sandbox.call("POST", "/sandbox/clock", {"advance_s": 2_000}).status == 200
    see_through(bank, refund, State.REFUSED)
    ended_true(bank, refund)
    assert (refund.carrier_code, balance_minor(deposit)) == ("AC04", 2_000)
    assert went_back(deposit) == 0


def test_f88_a_201_that_is_lost_is_found_by_the_same_order_again(bank: Bank) -> None:
    refund = ask(credited(bank, "sandbox-bank-refund-lost"))
    see_through(bank, refund, State.RETURNED)
    ended_true(bank, refund)
    assert "resent" in events(refund)
    assert refund.attempts.filter(step="refund").count() == 2


@pytest.mark.parametrize(
    "point",
    ["refund.after_claim", "refund.after_answer", "refund.after_ledger", "refund.after_commit"],
)
def test_f87_killed_at_any_step_it_is_returned_once(bank: Bank, point: str) -> None:
    deposit = credited(bank)
    refund = ask(deposit, 700)
    bank.worker_dies_at(point)
    see_through(bank, refund, State.RETURNED)
    ended_true(bank, refund)
    assert balance_minor(deposit) == 1_300
    assert went_back(deposit) == 700


def test_a_payment_that_the_bank_never_named_is_refused_and_moves_nothing(bank: Bank) -> None:
    deposit = credited(bank)
    refund = ask(deposit)
    Deposit.objects.filter(pk=deposit.pk).update(carrier_payment_id="")
    see_through(bank, refund, State.REFUSED)
    ended_true(bank, refund)
    assert balance_minor(deposit) == 2_000


def test_a_bank_that_does_not_pay_by_our_order_alone_offers_no_refunds(bank: Bank) -> None:
    deposit = credited(bank)
    bank.configure(pays_back=False)
    with pytest.raises(Refusal, match="takes no refunds"):
        ask(deposit)
