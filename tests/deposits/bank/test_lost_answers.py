"""What is lost on the way to the bank or back, and who dies between the steps: paid once, credited once, or neither."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now

from accounts import sealing
from deposits import retry
from deposits.models import Case, Deposit
from deposits.states import State
from tests.deposits.bank.conftest import Bank, credits_of
from tests.stack import await_condition

AFTER_THE_CLAIM = ("worker.after_claim", "worker.after_answer", "worker.before_commit", "worker.after_commit")


def paid_and_credited_once(bank: Bank, deposit: Deposit) -> None:
    assert (bank.record(deposit), credits_of(deposit)) == ([2_000], 1)
    deposit.refresh_from_db()
    assert (deposit.approval_code, deposit.credential) == ("", "")


def settle(bank: Bank) -> None:
    """Let the bank carry out what it has accepted, at whatever pace."""
    bank.advance(1_000.0)


def takes_its_time(bank: Bank) -> None:
    """From now on the bank only accepts, and carries nothing out before `settle`: seconds are minutes there."""
    bank.set(time_divisor=0.01)


def ordered(bank: Bank, deposit: Deposit) -> None:
    """Work until the bank has accepted the payment: what is approved and not ordered yet is pending as well."""

    def look() -> bool:
        bank.work()
        deposit.refresh_from_db()
        return deposit.state == State.PENDING and deposit.carrier_payment_id != ""

    await_condition(look, what=f"{deposit.reference} being ordered")


@pytest.mark.parametrize("point", AFTER_THE_CLAIM)
def test_f71_killed_around_the_consent(bank: Bank, point: str) -> None:
    deposit = bank.accept()
    bank.worker_dies_at(point)
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)


@pytest.mark.parametrize("point", AFTER_THE_CLAIM)
def test_f73_killed_around_the_exchange(bank: Bank, point: str) -> None:
    """Once the code is spent and nobody knows the token, the player is asked again; nothing was ordered until then."""
    deposit = bank.approved()
    bank.worker_dies_at(point)
    assert bank.orders(deposit) == 0
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)
    asked_again = deposit.events.filter(event="redirect_required").count() - 1
    assert asked_again == (point in ("worker.after_answer", "worker.before_commit"))


@pytest.mark.parametrize("point", AFTER_THE_CLAIM)
def test_f74_killed_around_the_payment(bank: Bank, point: str) -> None:
    deposit = bank.approved()
    bank.worker_dies_at("worker.after_commit")
    bank.worker_dies_at(point)
    assert bank.orders(deposit) == (point != "worker.after_claim")
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)
    assert deposit.events.filter(event="redirect_required").count() == 1


@pytest.mark.parametrize("point", [*AFTER_THE_CLAIM, "worker.after_ledger"])
def test_f75_killed_around_the_credit(bank: Bank, point: str) -> None:
    deposit = bank.approved()
    bank.worker_dies_at("worker.after_commit")
    bank.worker_dies_at("worker.after_commit")
    deposit.refresh_from_db()
    assert deposit.state == State.PENDING
    settle(bank)
    Deposit.objects.filter(pk=deposit.pk).update(next_action_at=Now())
    bank.worker_dies_at(point)
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)
    assert bank.orders(deposit) == 1


def test_f72_killed_between_the_return_and_its_answer(bank: Bank) -> None:
    """The browser got no answer, and brings the same again; the worker may have been quicker."""
    deposit = bank.sent_to_approve()
    brought = bank.decide(deposit)
    bank.dies_at("web.after_return", lambda: bank.come_back(deposit, brought))
    deposit.refresh_from_db()
    assert deposit.approval_code == brought["code"]
    bank.come_back(deposit, brought)
    bank.work_until(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)
    assert deposit.events.filter(event="approval_returned").count() == 1


@pytest.mark.parametrize(
    "fault",
    [
        "drop_after_payment",
        "error_500_paid",
        "garbage_paid",
        "wrong_signature",
        "no_signature",
        "other_consent",
    ],
)
def test_f76_an_answer_lost_after_payment_is_found_by_the_same_order(bank: Bank, fault: str) -> None:
    deposit = bank.approved()
    bank.force("sandbox-bank", fault)
    bank.work_until(deposit, State.UNKNOWN, State.RECEIVED, State.PENDING, State.CREDITED)
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)
    assert bank.orders(deposit) == 2


@pytest.mark.parametrize("fault", ["drop_before_payment", "error_500_not_paid", "error_503_not_paid"])
def test_f76_an_order_that_did_not_arrive_is_repeated(bank: Bank, fault: str) -> None:
    deposit = bank.approved()
    bank.force("sandbox-bank", fault)
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)
    assert bank.orders(deposit) == 2


def test_f76_the_bank_that_loses_its_first_answer(bank: Bank) -> None:
    deposit = bank.approved("sandbox-bank-lost")
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)


@pytest.mark.parametrize("fault", ["consent_lost", "consent_error_500"])
def test_f71_a_consent_whose_answer_is_lost_is_one_consent(bank: Bank, fault: str) -> None:
    deposit = bank.accept()
    bank.force("sandbox-bank", fault)
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)
    listed = bank.sandbox.call("GET", f"/sandbox/bank/consents?reference={deposit.reference}").json
    assert listed["total"] == 1


def test_f73_a_code_that_was_spent_on_the_way_sends_the_player_again(bank: Bank) -> None:
    deposit = bank.approved()
    bank.force("sandbox-bank", "exchange_lost")
    bank.work_until(deposit, State.ACTION_REQUIRED)
    assert (bank.orders(deposit), deposit.approval_code) == (0, "")
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)


def test_f73_a_code_that_was_not_spent_is_exchanged_the_next_time(bank: Bank) -> None:
    deposit = bank.approved()
    bank.force("sandbox-bank", "exchange_error_500")
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)
    assert deposit.events.filter(event="approval_returned").count() == 1


def test_f83_another_amount_in_the_answer_is_never_credited_by_itself(bank: Bank) -> None:
    """The first answer is not final, so that the settled payment tells: £20, as it was approved."""
    deposit = bank.approved()
    bank.force("sandbox-bank", "wrong_amount")
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)


def test_f85_what_the_bank_holds_for_ever_is_for_people(bank: Bank) -> None:
    deposit = bank.approved("sandbox-bank-holds")
    takes_its_time(bank)
    ordered(bank, deposit)
    settle(bank)
    bank.work(deposit)
    bank.work_until(deposit, State.REVIEW)
    assert (bank.record(deposit), credits_of(deposit)) == ([], 0)


@pytest.mark.parametrize(
    ("bank_id", "reason"),
    [("sandbox-bank-rejects", "bank_declined"), ("sandbox-bank-blocks", "bank_gambling_block")],
)
def test_f85_what_is_rejected_after_it_was_accepted_declines(bank: Bank, bank_id: str, reason: str) -> None:
    deposit = bank.approved(bank_id)
    takes_its_time(bank)
    ordered(bank, deposit)
    settle(bank)
    bank.work_until(deposit, State.DECLINED)
    assert (deposit.reason_code, bank.record(deposit), credits_of(deposit)) == (reason, [], 0)


def test_a_bank_that_is_down_is_waited_for_and_nobody_is_sent_away(bank: Bank) -> None:
    deposit = bank.accept("sandbox-bank-down")
    bank.work()
    deposit.refresh_from_db()
    assert (deposit.state, deposit.action_url) == (State.RECEIVED, "")
    bank.configure(resend_within_s=0.1)
    bank.work(deposit)
    bank.work_until(deposit, State.FAILED)
    assert deposit.reason_code == "bank_unavailable"


# --- a day later ------------------------------------------------------------------------------------------------------


def paid_and_unanswered(bank: Bank) -> Deposit:
    """A payment was made, and nobody here knows it yet."""
    deposit = bank.approved()
    bank.force("sandbox-bank", "drop_after_payment")
    with pytest.MonkeyPatch.context() as patch:
        # However slow the machine is, nothing is asked yet.
        patch.setattr(retry, "INQUIRY_SCHEDULE_S", (6_000,))
        bank.work_until(deposit, State.UNKNOWN)
    assert bank.orders(deposit) == 1
    return deposit


def test_f76_what_may_have_been_paid_never_runs_out(bank: Bank) -> None:
    """The time to approve is over, and the bank does not answer: it was approved and ordered before."""
    deposit = paid_and_unanswered(bank)
    Deposit.objects.filter(pk=deposit.pk).update(action_expires_at=Now() - timedelta(hours=1))
    bank.force("sandbox-bank", "read_error_500", times=50)
    for _ in range(3):
        bank.work(deposit)
    deposit.refresh_from_db()
    assert deposit.state == State.UNKNOWN
    bank.set(bank_force=[])
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)


def test_f76_past_the_time_that_keys_are_kept_it_is_only_asked(bank: Bank) -> None:
    bank.configure(reference_kept_s=1_000.0)
    deposit = paid_and_unanswered(bank)
    orders = bank.orders(deposit)
    first_sent_at = F("first_sent_at")
    Deposit.objects.filter(pk=deposit.pk).update(first_sent_at=first_sent_at - timedelta(seconds=1_000))
    for _ in range(3):
        bank.work(deposit)
    deposit.refresh_from_db()
    assert (deposit.state, bank.orders(deposit)) == (State.UNKNOWN, orders)
    # Nobody has been told of a payment, so that no case can be missing: it comes a day after the tap.
    assert not Case.objects.filter(deposit=deposit).exists()


def test_f76_a_token_that_has_run_out_is_not_sent(bank: Bank) -> None:
    """Paid, unanswered, and no way left to learn by what: nothing is ordered, and nobody is asked to approve again."""
    deposit = paid_and_unanswered(bank)
    orders = bank.orders(deposit)
    _age_the_token(deposit)
    for _ in range(3):
        bank.work(deposit)
    deposit.refresh_from_db()
    assert (deposit.state, bank.orders(deposit)) == (State.UNKNOWN, orders)
    assert bank.record(deposit) in ([], [2_000])


def test_a_token_that_ran_out_before_the_order_asks_the_player_again(bank: Bank) -> None:
    deposit = bank.approved()
    bank.worker_dies_at("worker.after_commit")
    bank.worker_dies_at("worker.after_claim")
    _age_the_token(deposit)
    bank.work(deposit)
    await_condition(lambda: _worked(bank, deposit) == State.ACTION_REQUIRED, what="being asked again")
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)


def test_without_the_key_that_seals_a_credential_is_lost_and_nothing_else(bank: Bank, settings: Any) -> None:
    deposit = bank.approved()
    bank.worker_dies_at("worker.after_commit")
    settings.SEALING_KEYS = ["another-key-for-tests-only"]
    bank.see_through(deposit, State.CREDITED)
    paid_and_credited_once(bank, deposit)
    assert deposit.events.filter(event="redirect_required").count() == 2


def _worked(bank: Bank, deposit: Deposit) -> str:
    bank.work()
    deposit.refresh_from_db()
    return deposit.state


def _age_the_token(deposit: Deposit) -> None:
    deposit.refresh_from_db()
    kept = json.loads(sealing.unseal(deposit.credential))
    aged = sealing.seal(json.dumps({**kept, "until": 0}))
    Deposit.objects.filter(pk=deposit.pk).update(credential=aged)
