"""A refund from the request to its end, with a worker and a carrier that speaks the refund API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from accounts import ledger
from accounts.models import LedgerAccount
from carriers import outcomes
from deposits import presentation, retry
from deposits.actions.refunds import keep_up
from deposits.models import Case, RefundAttempt
from deposits.refund_states import State
from deposits.refunds_shown import told_to_player
from tests.refunds.conftest import Returning, ask, balance_minor, bookings, events, held_minor


def clearing_minor(carrier: str) -> int:
    account = LedgerAccount.objects.get(pk=ledger.clearing_account_id(carrier, "GBP"))
    return ledger.balance_minor(account)


def test_a_full_refund_goes_from_the_balance_to_the_phone_bill(returning: Returning) -> None:
    deposit = returning.credited()
    owed = clearing_minor(deposit.carrier)
    refund = ask(deposit)
    assert (refund.state, refund.amount_minor) == (State.APPROVED, 2_000)
    assert (balance_minor(deposit), held_minor(refund), bookings(refund)) == (0, 2_000, ["refund_held"])
    returning.work(refund)
    returning.ended_true(refund)
    assert refund.state == State.RETURNED
    assert events(refund) == ["requested", "sending", "returned"]
    assert clearing_minor(deposit.carrier) == owed + 2_000
    deposit.refresh_from_db()
    assert (deposit.refunded_minor, presentation.money(deposit)) == (2_000, "returned")
    assert presentation.status(deposit) == "succeeded"


def test_partial_refunds_add_up_and_only_the_last_returns_all_of_it(returning: Returning) -> None:
    deposit = returning.credited()
    first, second = ask(deposit, 500), ask(deposit)
    assert second.amount_minor == 1_500
    returning.work(first)
    deposit.refresh_from_db()
    assert presentation.as_object(deposit, "p", "")["refunded_amount"] in (500, 2_000)
    returning.work(first, second)
    for refund in (first, second):
        returning.ended_true(refund)
    deposit.refresh_from_db()
    assert (deposit.refunded_minor, presentation.money(deposit)) == (2_000, "returned")


def test_a_refused_refund_is_put_back_into_the_balance(returning: Returning) -> None:
    deposit = returning.credited("021")
    refund = ask(deposit, 700)
    assert balance_minor(deposit) == 1_300
    returning.work(refund)
    returning.ended_true(refund)
    assert (refund.state, refund.carrier_code) == (
        State.REFUSED,
        "CARRIER_BILLING_REFUND.REFUND_DENIED",
    )
    assert balance_minor(deposit) == 2_000
    deposit.refresh_from_db()
    assert (deposit.refunded_minor, presentation.money(deposit)) == (0, "credited")
    # What failed may be asked for again.
    assert ask(deposit, 2_000).amount_minor == 2_000


@pytest.mark.parametrize(("number", "end"), [("022", State.RETURNED), ("023", State.REFUSED)])
def test_what_is_pending_is_asked_about_until_it_ends(returning: Returning, number: str, end: State) -> None:
    deposit = returning.credited(number)
    refund = ask(deposit)
    returning.work(refund)
    assert refund.state == State.PENDING
    assert held_minor(refund) == 2_000
    returning.later()
    returning.work_until(refund, end)
    returning.ended_true(refund)
    assert balance_minor(deposit) == (0 if end == State.RETURNED else 2_000)


def test_f88_a_lost_answer_is_found_by_asking_and_nothing_is_returned_twice(returning: Returning) -> None:
    deposit = returning.credited("024")
    refund = ask(deposit, 900)
    returning.work(refund)
    returning.work_until(refund, State.RETURNED)
    returning.ended_true(refund)
    assert "silence" in events(refund)
    assert "resent" not in events(refund)
    assert refund.attempts.filter(step=RefundAttempt.Step.REFUND).count() == 1


def test_f88_a_lost_request_is_sent_again_under_the_same_reference(returning: Returning) -> None:
    deposit = returning.credited("025")
    refund = ask(deposit, 900)
    returning.work(refund)
    returning.work_until(refund, State.RETURNED)
    returning.ended_true(refund)
    assert "resent" in events(refund)
    assert refund.attempts.filter(step=RefundAttempt.Step.REFUND).count() == 2


def test_what_certainly_was_not_sent_waits_and_then_is_given_up(
    returning: Returning, monkeypatch: pytest.MonkeyPatch
) -> None:
    deposit = returning.credited()
    refund = ask(deposit)
    returning.configure(token_url="http://127.0.0.1:9/token")
    returning.work(refund)
    assert (refund.state, refund.in_doubt) == (State.APPROVED, False)
    assert keep_up.keep_up() == 0
    monkeypatch.setattr(retry, "REVIEW_AFTER_S", 0)
    keep_up.keep_up()
    returning.ended_true(refund)
    assert refund.state == State.FAILED
    assert balance_minor(deposit) == 2_000


def test_what_is_unanswered_for_a_day_is_a_case_for_people(
    returning: Returning, monkeypatch: pytest.MonkeyPatch
) -> None:
    deposit = returning.credited("022")
    refund = ask(deposit)
    returning.work(refund)
    monkeypatch.setattr(retry, "REVIEW_AFTER_S", 0)
    returning.work(refund)
    assert refund.state == State.REVIEW
    keep_up.keep_up()
    keep_up.keep_up()
    (case,) = Case.objects.filter(kind=Case.Kind.REFUND, subject=refund.reference)
    assert (case.owner_role, case.deposit_id) == ("Payments", deposit.pk)
    # The carrier's own word settles it, and closes the case.
    returning.later()
    returning.work(refund)
    returning.ended_true(refund)
    keep_up.keep_up()
    case.refresh_from_db()
    assert (case.state, case.resolution, case.closed_by) == (
        Case.State.CLOSED,
        Case.Resolution.ANSWERED,
        None,
    )


def test_another_amount_than_asked_is_a_case_and_books_nothing(
    returning: Returning, monkeypatch: pytest.MonkeyPatch
) -> None:
    deposit = returning.credited()
    refund = ask(deposit, 900)

    def other_amount(self: Any, order: Any) -> Any:
        yield from ()
        return outcomes.Refunded("r-1", order.reference, 901, "GBP")

    monkeypatch.setattr("carriers.adapters.camara.Adapter.refund", other_amount)
    returning.work(refund)
    assert (refund.state, bookings(refund)) == (State.REVIEW, ["refund_held"])
    keep_up.keep_up()
    assert Case.objects.filter(kind=Case.Kind.REFUND, subject=refund.reference).exists()


def test_what_comes_to_nothing_five_times_is_set_aside(
    returning: Returning, monkeypatch: pytest.MonkeyPatch
) -> None:
    deposit = returning.credited("022")
    refund = ask(deposit)
    returning.work(refund)
    type(refund).objects.filter(pk=refund.pk).update(fruitless=5, next_action_at=Now())
    tries = refund.tries
    returning.work(refund)
    assert (refund.state, refund.tries) == (State.PENDING, tries)
    keep_up.keep_up()
    refund.refresh_from_db()
    assert (refund.state, events(refund)[-1]) == (State.REVIEW, "set_aside")


def test_what_the_carrier_took_back_meanwhile_is_not_returned_as_well(returning: Returning) -> None:
    deposit = returning.credited()
    refund = ask(deposit)
    type(deposit).objects.filter(pk=deposit.pk).update(reversed_at=Now())
    returning.work(refund)
    assert (refund.state, refund.tries) == (State.APPROVED, 0)
    keep_up.keep_up()
    returning.ended_true(refund)
    assert refund.state == State.FAILED


def test_f87_a_lease_that_runs_out_leaves_a_doubt_and_is_asked_about(
    returning: Returning, monkeypatch: pytest.MonkeyPatch
) -> None:
    deposit = returning.credited()
    refund = ask(deposit)
    with monkeypatch.context() as patch:
        patch.setattr("deposits.actions.refunds.converse.decide", _breaks)
        returning.work(refund)
    assert (refund.state, returning.returned_minor(refund)) == (State.SUBMITTING, 2_000)
    type(refund).objects.filter(pk=refund.pk).update(next_action_at=Now() - timedelta(seconds=1))
    returning.work_until(refund, State.RETURNED)
    returning.ended_true(refund)
    assert events(refund) == ["requested", "sending", "lease_lost", "returned"]


def _breaks(*_: Any, **__: Any) -> Any:
    raise RuntimeError("the worker died")


def test_the_player_reads_what_goes_and_what_went_back(returning: Returning) -> None:
    deposit = returning.credited("022")
    first = ask(deposit, 500)
    assert told_to_player(deposit) == (
        "£5.00 is on its way back to your phone bill. It has been taken from your balance."
    )
    returning.work(first)
    returning.later()
    returning.work_until(first, State.RETURNED)
    ask(deposit, 700)
    deposit.refresh_from_db()
    assert told_to_player(deposit) == (
        "£5.00 has been returned to your phone bill. "
        "£7.00 is on its way back to your phone bill. It has been taken from your balance."
    )
