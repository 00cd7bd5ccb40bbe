"""Which screen a deposit is on, by its state and its age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carriers import reasons
from deposits.models import Deposit
from deposits.states import State
from deposits.ui.screen import NOT_CHARGED, UNKNOWN, Screen, Sight, Thresholds
from deposits.ui.screens import LATE_CANCEL, screen

NOW = datetime(2026, 3, 2, 14, 5, tzinfo=UTC)
STEPS = ("play", "contact", "back_to_deposit", "my_deposits", "cancel", "retry", "change_amount")


def seen(
    state: State, *, age_s: float = 1, note: str = "", why: str = "", told: str = "", **fields: Any
) -> Screen:
    """The screen of a deposit of £20 that has been waited for `age_s` seconds."""
    values: dict[str, Any] = {
        "state": state,
        "amount_minor": 2_000,
        "currency": "GBP",
        "phone_number": "+447700900123",
        "reference": "D-7F3K-92QX",
        "first_sent_at": NOW,
        **fields,
    }
    return screen(
        Sight(
            deposit=Deposit(**values),
            now=NOW,
            waiting_since=NOW - timedelta(seconds=age_s),
            thresholds=Thresholds(slow_s=10, very_slow_s=60, sending_s=7_200, unknown_s=120),
            network="Sandbox Mobile",
            descriptor="PAYSITE*CASINO",
            balance="£24.50",
            why=reasons.render(why, network="Sandbox Mobile", tries=2) if why else None,
            steps={name: f"/{name}" for name in STEPS},
            clocks={"settled_by": "14:05 on 3 March", "act_until": "14:32"},
            operator="Paysite Casino",
            review_within="one working day",
            note=note,
            refunds=told,
        )
    )


@pytest.mark.parametrize(
    ("age_s", "name", "heading"),
    [
        (0, "S6", "Waiting for Sandbox Mobile"),
        (9.9, "S6", "Waiting for Sandbox Mobile"),
        (10, "S7", "Still waiting for Sandbox Mobile"),
        (60, "S8", "Sandbox Mobile has not answered yet"),
        (120, "S9", "We are checking this deposit with Sandbox Mobile"),
    ],
)
def test_waiting_is_told_by_age(age_s: float, name: str, heading: str) -> None:
    shown = seen(State.UNKNOWN, age_s=age_s)
    assert (shown.name, shown.heading) == (name, heading)
    assert shown.title == f"{heading} – £20"
    assert not shown.final


@pytest.mark.parametrize("state", [State.SUBMITTING, State.PENDING, State.UNKNOWN, State.REVIEW])
@pytest.mark.parametrize("age_s", [1, 20, 70, 500])
def test_nobody_is_told_that_nothing_was_charged_while_we_do_not_know(state: State, age_s: float) -> None:
    assert NOT_CHARGED not in seen(state, age_s=age_s).spoken


@pytest.mark.parametrize("age_s", [70, 500])
def test_what_was_certainly_not_sent_is_not_called_unknown(age_s: float) -> None:
    shown = seen(State.RECEIVED, age_s=age_s, first_sent_at=None)
    assert (shown.name, shown.charge) == ("S8", NOT_CHARGED)
    assert [step.label for step in shown.steps] == ["See my deposits", "Cancel"]


def test_each_waiting_screen_knows_when_its_words_change() -> None:
    assert seen(State.PENDING, age_s=4).changes_at == NOW + timedelta(seconds=6)
    assert seen(State.PENDING, age_s=15).changes_at == NOW + timedelta(seconds=45)
    assert seen(State.PENDING, age_s=500).changes_at is None


def test_an_unknown_outcome_promises_when_it_is_settled() -> None:
    shown = seen(State.UNKNOWN, age_s=500)
    assert shown.charge == UNKNOWN
    assert "by 14:05 on 3 March: either £20 is in your balance" in shown.spoken
    assert [step.label for step in shown.steps] == ["Contact us with D-7F3K-92QX"]


def test_a_code_is_asked_for_with_its_end() -> None:
    shown = seen(
        State.ACTION_REQUIRED, action_expires_at=NOW + timedelta(minutes=5), next_step=Deposit.Next.CANCEL
    )
    assert (shown.name, shown.title, shown.asks_code) == ("S10", "Enter the code – £20", True)
    assert shown.lines == ("We sent 6 digits to the phone ending 123. It works until 14:32.",)


def test_a_wrong_code_is_a_problem_with_the_tries_left() -> None:
    shown = seen(
        State.ACTION_REQUIRED,
        action_expires_at=NOW + timedelta(minutes=5),
        next_step=Deposit.Next.CANCEL,
        reason_code="code_wrong",
        why="code_wrong",
    )
    assert shown.title == "Problem: Enter the code – £20"
    assert shown.problem == "That is not the code we sent. 2 tries left."


def test_a_code_that_ran_out_cannot_be_entered() -> None:
    shown = seen(State.ACTION_REQUIRED, action_expires_at=NOW, next_step=Deposit.Next.CANCEL)
    assert (shown.heading, shown.asks_code) == ("That code has run out", False)


def test_an_entered_code_waits_again() -> None:
    shown = seen(
        State.ACTION_REQUIRED, action_expires_at=NOW + timedelta(minutes=5), next_step=Deposit.Next.CONFIRM
    )
    assert shown.name == "S6"


def test_a_cancel_in_progress_offers_no_second_one() -> None:
    shown = seen(State.ACTION_REQUIRED, action_expires_at=None, next_step=Deposit.Next.CANCEL)
    assert (shown.heading, shown.steps) == ("Cancelling", ())


def test_a_deposit_made_shows_balance_bill_and_what_next() -> None:
    shown = seen(State.CREDITED)
    assert (shown.name, shown.heading, shown.title) == ("S13", "£20.00 deposited", "Deposited – £20")
    assert shown.lines == ("Balance £24.50. It will be on your Sandbox Mobile bill as PAYSITE*CASINO.",)
    assert [(step.label, step.primary) for step in shown.steps] == [("Play", True), ("Deposit again", False)]
    assert shown.final


def test_a_cancel_that_came_too_late_is_said() -> None:
    assert seen(State.CREDITED, note=LATE_CANCEL).lines[0] == "It went through before you cancelled."
    assert seen(State.PENDING, note=LATE_CANCEL).lines[0] == "It cannot be cancelled any more."


def test_a_reversal_is_no_success() -> None:
    shown = seen(State.CREDITED, reversed_at=NOW)
    assert shown.heading == "Sandbox Mobile took £20.00 back"
    assert "is no longer in your balance" in shown.spoken


@pytest.mark.parametrize("state", [State.DECLINED, State.FAILED, State.EXPIRED])
def test_a_failure_shows_its_reason(state: State) -> None:
    shown = seen(state, why="carrier_reply_timeout")
    assert (shown.name, shown.heading, shown.charge) == ("S14", "The confirmation ran out", NOT_CHARGED)
    assert [step.primary for step in shown.steps].count(True) == 1


def test_a_cancelled_deposit_leads_back() -> None:
    shown = seen(State.CANCELLED)
    assert (shown.name, shown.heading, shown.charge) == ("S16", "Cancelled", NOT_CHARGED)
    assert [step.label for step in shown.steps] == ["Back to deposit"]


def test_a_review_says_the_same_whatever_the_cause() -> None:
    assert seen(State.REVIEW, taken_minor=2_100, why="under_review") == seen(State.REVIEW)
    assert seen(State.REVIEW).name == "S15"


def test_a_step_without_a_place_is_not_offered() -> None:
    shown = seen(State.DECLINED, why="carrier_number_unknown")
    assert [step.label for step in shown.steps] == ["Back to deposit"]


def test_what_went_back_is_told_before_the_balance() -> None:
    words = "£5.00 has been returned to your phone bill."
    part = seen(State.CREDITED, refunded_minor=500, told=words)
    assert (part.name, part.heading, part.lines[0]) == ("S13", "£20.00 deposited", words)
    whole = seen(State.CREDITED, refunded_minor=2_000, told="£20.00 has been returned to your phone bill.")
    assert (whole.heading, whole.title) == ("£20.00 returned", "Returned – £20")
