"""How what was not clear comes to an end: tombstones, lost codes, old reservations, and news after the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from carriers import outcomes as carrier
from deposits import retry
from deposits.states import Event, State
from tests.deposits.lifecycle.test_decide import NOW, Step, claimed, decided, inquiring

OLD_S = 1_000.0
NEXT_DAY_S = 86_400.0 - 10
APPROVED = carrier.Approved("p", "D-AAAA-AAAA", 2_000, "GBP")


@pytest.fixture(autouse=True)
def _production_times(settings: Any) -> None:
    settings.TIME_DIVISOR = 1.0


def not_found_for(seconds: float, **changes: Any) -> Any:
    """A deposit that was not found before, long enough apart."""
    first_at = NOW + timedelta(seconds=seconds - 61)
    return inquiring(seconds, not_found_seen=1, not_found_first_at=first_at, **changes)


@pytest.mark.parametrize(("age_s", "step"), [(200.0, Step.AUTHORISE), (OLD_S, Step.CANCEL)])
def test_what_is_not_found_is_sent_again_while_young_and_closed_when_old(age_s: float, step: str) -> None:
    result = decided(not_found_for(age_s), carrier.NotFound())
    assert (result.next_step, result.next_in_s) == (step, 0.0)
    assert result.not_found


@pytest.mark.parametrize("age_s", [NEXT_DAY_S, NEXT_DAY_S + 60])
def test_once_the_carrier_may_have_forgotten_us_nothing_is_sent(age_s: float) -> None:
    """Neither again nor as a tombstone: it would not refuse a second charge."""
    result = decided(not_found_for(age_s), carrier.NotFound())
    assert result.next_step == Step.INQUIRE
    assert result.to_state in (State.UNKNOWN, State.REVIEW)


def test_where_a_repeated_reference_is_not_refused_there_is_no_tombstone() -> None:
    result = decided(not_found_for(OLD_S), carrier.NotFound(), resend_is_safe=False)
    assert (result.to_state, result.next_step) == (State.UNKNOWN, Step.INQUIRE)


@pytest.mark.parametrize("state", [State.UNKNOWN, State.PENDING])
def test_only_the_carriers_word_makes_a_tombstone(state: State) -> None:
    closing = claimed(state=state, step=Step.CANCEL, claimed_at=NOW + timedelta(seconds=OLD_S))
    result = decided(closing, carrier.Cancelled("p"))
    assert (result.event, result.to_state, result.nothing_taken) == (Event.TOMBSTONED, State.FAILED, True)
    for outcome in (carrier.Unknown("x"), carrier.NotFound(), carrier.AlreadyKnown(), carrier.NotDone(3.0)):
        result = decided(closing, outcome)
        assert (result.to_state, result.nothing_taken, result.next_step) == (state, False, Step.INQUIRE)
    assert decided(closing, APPROVED).to_state == State.CREDITED


@pytest.mark.parametrize(("age_s", "step"), [(100.0, Step.CONFIRM), (OLD_S, Step.CANCEL)])
def test_what_is_reserved_is_confirmed_unless_the_order_is_too_old(age_s: float, step: str) -> None:
    result = decided(inquiring(age_s), carrier.Reserved("p"))
    assert (result.to_state, result.next_step) == (State.PENDING, step)


def test_a_payment_whose_code_nobody_can_check_is_cancelled() -> None:
    result = decided(inquiring(10.0), carrier.CodeLost("p"))
    assert (result.to_state, result.next_step, result.payment_id) == (State.PENDING, Step.CANCEL, "p")


def ended(state: State, **changes: Any) -> Any:
    return claimed(state=state, step=Step.INQUIRE, reason_code="carrier_declined", **changes)


@pytest.mark.parametrize("state", [State.DECLINED, State.FAILED, State.CANCELLED, State.EXPIRED])
def test_a_success_after_the_end_keeps_the_state_and_says_what_was_taken(state: State) -> None:
    result = decided(ended(state), APPROVED)
    assert (result.event, result.to_state, result.taken_minor) == (Event.LATE_SUCCESS, state, 2_000)
    assert (result.reason_code, result.nothing_taken, result.next_in_s) == ("carrier_declined", False, None)
    again = decided(ended(state, taken_minor=2_000), APPROVED)
    assert (again.event, again.taken_minor) == (Event.SILENCE, 2_000)
    assert decided(ended(state, taken_minor=2_000), carrier.Cancelled("p")).event == Event.REVERSED
    assert decided(ended(state), carrier.Cancelled("p")).event == Event.SILENCE


def test_a_success_in_another_currency_after_the_end_is_a_case_without_an_amount() -> None:
    result = decided(ended(State.DECLINED), carrier.Mismatch("p", "currency", 2_000, "EUR"))
    assert (result.event, result.taken_minor) == (Event.LATE_SUCCESS, None)


def test_news_of_an_ended_deposit_is_asked_about_but_not_for_ever() -> None:
    assert decided(ended(State.DECLINED), carrier.Unknown("x")).next_in_s is not None
    assert decided(ended(State.DECLINED, inquiries=99), carrier.Unknown("x")).next_in_s is None
    assert decided(ended(State.DECLINED), carrier.NotFound()).next_in_s is None


def test_an_awaited_code_that_nobody_answers_about_goes_to_review_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = NOW + timedelta(seconds=retry.REVIEW_AFTER_S + 1)
    held = claimed(state=State.ACTION_REQUIRED, step=Step.CANCEL, claimed_at=late, action_expires_at=NOW)
    assert decided(held, carrier.Unknown("x")).to_state == State.REVIEW


def test_what_was_taken_instead_and_given_back_is_over() -> None:
    held = claimed(state=State.REVIEW, step=Step.INQUIRE, taken_minor=2_100, reason_code="under_review")
    result = decided(held, carrier.Cancelled("p"))
    assert (result.event, result.to_state) == (Event.REVERSED, State.CANCELLED)
