"""A break begun between the tap and the payment: nothing more is ordered, and what was paid is credited."""

from __future__ import annotations

import pytest

from accounts.protections import breaks
from deposits.models import Deposit
from deposits.states import State
from tests.accounts.protecting import PLAYER
from tests.deposits.bank.conftest import Bank, credits_of, noted


def barred(deposit: Deposit) -> None:
    breaks.take_time_out(deposit.player, 24, PLAYER)


def ends_unpaid(bank: Bank, deposit: Deposit, state: State, orders: int) -> None:
    bank.work_until(deposit, state)
    assert deposit.reason_code == "time_out_active"
    assert (bank.record(deposit), credits_of(deposit), bank.orders(deposit)) == ([], 0, orders)
    assert (deposit.approval_code, deposit.credential, deposit.next_action_at) == ("", "", None)


def exchanged(bank: Bank, code: str = "sandbox-bank") -> Deposit:
    """A deposit whose approval has been exchanged, and nobody has ordered its payment."""
    deposit = bank.approved(code)
    bank.worker_dies_at("worker.after_commit")
    deposit.refresh_from_db()
    assert (deposit.state, deposit.next_step) == (State.PENDING, Deposit.Next.CONFIRM)
    return deposit


def ordered_and_unanswered(bank: Bank, fault: str, code: str = "sandbox-bank") -> Deposit:
    deposit = exchanged(bank, code)
    bank.force(code, fault)
    bank.worker_dies_at("worker.after_commit")
    deposit.refresh_from_db()
    assert (deposit.state, bank.orders(deposit)) == (State.UNKNOWN, 1)
    return deposit


def test_f86_who_approves_during_a_break_pays_nothing(bank: Bank) -> None:
    deposit = bank.sent_to_approve()
    brought = bank.decide(deposit)
    barred(deposit)
    bank.come_back(deposit, brought)
    ends_unpaid(bank, deposit, State.CANCELLED, orders=0)


def test_f86_what_was_approved_and_not_ordered_is_never_ordered_and_the_bank_is_not_asked(bank: Bank) -> None:
    deposit = exchanged(bank)
    assert deposit.attempts.get(outcome="approval_exchanged").exchanges
    barred(deposit)
    bank.work()
    ends_unpaid(bank, deposit, State.DECLINED, orders=0)
    assert not deposit.attempts.get(outcome="barred").exchanges


def test_f86_an_order_whose_worker_died_before_it_left_is_not_sent_again(bank: Bank) -> None:
    bank.configure(horizon_s=0.3)
    deposit = exchanged(bank)
    bank.worker_dies_at("worker.after_claim")
    barred(deposit)
    ends_unpaid(bank, deposit, State.CANCELLED, orders=0)


def test_f86_an_order_that_did_not_arrive_ends_once_it_cannot_arrive_any_more(bank: Bank) -> None:
    bank.configure(horizon_s=1_000.0)
    deposit = ordered_and_unanswered(bank, "drop_before_payment")
    barred(deposit)
    for _ in range(4):
        bank.work(deposit)
    deposit.refresh_from_db()
    assert deposit.state in (State.UNKNOWN, State.RECEIVED)
    assert "an order may still be on its way" in noted(deposit)
    bank.configure(horizon_s=0.3)
    bank.work(deposit)
    ends_unpaid(bank, deposit, State.CANCELLED, orders=1)


@pytest.mark.parametrize(("code", "told"), [("sandbox-bank", "approved"), ("sandbox-bank-slow", "pending")])
def test_f86_what_was_ordered_before_the_break_is_credited_though_its_answer_was_lost(
    bank: Bank, code: str, told: str
) -> None:
    settles_later = told == "pending"
    if settles_later:
        # However slow the machine is, it has not settled when the order is repeated.
        bank.set(time_divisor=0.01)
    deposit = ordered_and_unanswered(bank, "drop_after_payment", code)
    barred(deposit)
    if settles_later:
        bank.work_until(deposit, State.PENDING)
        bank.advance(2_000)
    bank.see_through(deposit, State.CREDITED)
    assert (bank.record(deposit), credits_of(deposit), bank.orders(deposit)) == ([2_000], 1, 2)
    # The same order again names the payment; from there on it is only asked about.
    assert told in deposit.attempts.filter(step__in=["cancel", "inquire"]).values_list("outcome", flat=True)
