"""What an answer means: each row of the table in design §4, and the rules around silence and "not found"."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carriers import outcomes as carrier
from carriers.profiles import CarrierProfile
from deposits import retry
from deposits.actions.decide import decide
from deposits.models import Deposit
from deposits.states import State
from deposits.transitions import Claimed, Result

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PROFILE = CarrierProfile(
    code="carrier",
    adapter="camara",
    name="Carrier",
    base_url="",
    token_url="",
    client_id="",
    client_secret="",
    prefixes=("+44",),
    horizon_s=90,
    not_found_apart_s=60,
    resend_within_s=900,
)
Step = Deposit.Next


def claimed(**changes: Any) -> Claimed:
    """A deposit sent for the first time just now, unless `changes` say otherwise."""
    return dataclasses.replace(
        Claimed(
            id=uuid.uuid4(),
            reference="D-AAAA-AAAA",
            partner_id=1,
            player_id=1,
            amount_minor=2_000,
            currency="GBP",
            method_type="carrier_billing",
            phone_number="+447700900001",
            carrier="carrier",
            carrier_payment_id="",
            authorization_id="",
            one_time_code="",
            code_tries=0,
            proof_needed=False,
            state=State.SUBMITTING,
            step=Step.AUTHORISE,
            lease_epoch=1,
            probe=False,
            bar="",
            register_due=False,
            tries=1,
            sends=0,
            bound=False,
            route_reason="",
            inquiries=0,
            not_found_seen=0,
            not_found_first_at=None,
            first_sent_at=NOW,
            last_sent_at=NOW,
            created_at=NOW,
            action_expires_at=None,
            reason_code="",
            request_id="",
            claimed_at=NOW,
            taken_minor=None,
            player_account_id=1,
        ),
        **changes,
    )


def inquiring(seconds_after_send: float, **changes: Any) -> Claimed:
    """A deposit of unknown outcome that is being asked about."""
    return claimed(
        state=State.UNKNOWN,
        step=Step.INQUIRE,
        claimed_at=NOW + timedelta(seconds=seconds_after_send),
        **changes,
    )


def decided(held: Claimed, outcome: carrier.Outcome, *, resend_is_safe: bool = True) -> Result:
    return decide(held, outcome, PROFILE, resend_is_safe=resend_is_safe)


@pytest.fixture(autouse=True)
def _production_times(settings: Any) -> None:
    settings.TIME_DIVISOR = 1.0


@pytest.mark.parametrize(
    ("outcome", "state", "next_step", "due"),
    [
        (carrier.Approved("p", "D-AAAA-AAAA", 2_000, "GBP"), State.CREDITED, None, False),
        (carrier.Declined("carrier_declined", "X"), State.DECLINED, None, False),
        (carrier.Pending("p"), State.PENDING, Step.INQUIRE, True),
        (carrier.Reserved("p"), State.PENDING, Step.CONFIRM, True),
        (carrier.CodeRequired("p", "a"), State.ACTION_REQUIRED, Step.CANCEL, True),
        (carrier.Cancelled("p"), State.CANCELLED, None, False),
        (carrier.AlreadyKnown("INVALID_ARGUMENT"), State.UNKNOWN, Step.INQUIRE, True),
        (carrier.NotDone(3.0), State.RECEIVED, Step.AUTHORISE, True),
        (carrier.NotSent("refused"), State.RECEIVED, Step.AUTHORISE, True),
        (carrier.OurFault("401"), State.RECEIVED, Step.AUTHORISE, True),
        (carrier.Mismatch("p", "another amount", 2_100, "GBP"), State.REVIEW, None, False),
        (carrier.Unknown("read time-out"), State.UNKNOWN, Step.INQUIRE, True),
    ],
)
def test_what_an_answer_to_a_charge_means(
    outcome: carrier.Outcome, state: State, next_step: Any, due: bool
) -> None:
    result = decided(claimed(), outcome)
    assert result.to_state == state
    assert (result.next_in_s is not None) is due
    if next_step is not None:
        assert result.next_step == next_step


@pytest.mark.parametrize(
    "outcome",
    [
        carrier.Unknown("x"),
        carrier.AlreadyKnown(),
        carrier.NotFound(),
        carrier.Pending("p"),
        carrier.NotSent("x"),
    ],
)
@pytest.mark.parametrize("state", [State.UNKNOWN, State.PENDING])
def test_no_silence_ever_ends_a_deposit_that_may_have_been_charged(
    outcome: carrier.Outcome, state: State
) -> None:
    for age_s in (1, 60, 600, 3_600, 23 * 3_600):
        held = claimed(
            state=state, step=Step.INQUIRE, claimed_at=NOW + timedelta(seconds=age_s), tries=500, inquiries=50
        )
        result = decided(held, outcome)
        assert result.nothing_taken is False
        assert result.final is False
        assert result.next_in_s is not None


def test_news_of_a_code_that_is_awaited_leaves_the_player_what_his_last_one_met() -> None:
    """A notification that was late makes us ask, after a wrong code has been answered: the answer is nothing new."""
    asked = claimed(state=State.ACTION_REQUIRED, step=Step.INQUIRE, reason_code="code_wrong", code_tries=1)
    assert decided(asked, carrier.CodeRequired("p", "a")).reason_code == "code_wrong"
    unheard = claimed(state=State.UNKNOWN, step=Step.INQUIRE, reason_code="code_wrong", code_tries=1)
    assert decided(unheard, carrier.CodeRequired("p", "a")).reason_code == ""


def test_a_retry_after_is_obeyed_and_only_ever_lengthened() -> None:
    for _ in range(50):
        assert 3.0 <= (decided(claimed(), carrier.NotDone(3.0)).next_in_s or 0) <= 3.5


def test_one_not_found_is_no_answer() -> None:
    result = decided(inquiring(1_000), carrier.NotFound())
    assert (result.to_state, result.not_found) == (State.UNKNOWN, True)


@pytest.mark.parametrize(
    ("seconds_after_send", "first_seen_after"),
    [(80, 1), (100, 50)],
    ids=["before the horizon", "too soon after the first"],
)
def test_two_not_found_are_not_enough(seconds_after_send: float, first_seen_after: float) -> None:
    held = inquiring(
        seconds_after_send, not_found_seen=1, not_found_first_at=NOW + timedelta(seconds=first_seen_after)
    )
    assert decided(held, carrier.NotFound()).to_state == State.UNKNOWN


def past_the_rule(**changes: Any) -> Claimed:
    return inquiring(95, not_found_seen=3, not_found_first_at=NOW + timedelta(seconds=1), **changes)


def test_not_found_twice_apart_and_past_the_horizon_sends_the_same_reference_again() -> None:
    result = decided(past_the_rule(), carrier.NotFound())
    assert (result.to_state, result.next_step) == (State.RECEIVED, Step.AUTHORISE)


def test_nothing_is_sent_again_to_a_carrier_that_might_charge_twice() -> None:
    assert decided(past_the_rule(), carrier.NotFound(), resend_is_safe=False).to_state == State.UNKNOWN


def test_an_old_order_is_not_sent_again() -> None:
    held = past_the_rule(created_at=NOW - timedelta(seconds=900))
    assert decided(held, carrier.NotFound()).to_state == State.UNKNOWN


def test_the_horizon_runs_from_the_last_send() -> None:
    held = past_the_rule(last_sent_at=NOW + timedelta(seconds=60))
    assert decided(held, carrier.NotFound()).to_state == State.UNKNOWN


def test_a_decline_of_what_was_sent_again_is_asked_about_before_it_counts() -> None:
    """The first send may have charged, and the carrier may look at its caps before it looks at our reference."""
    declined = decided(claimed(not_found_seen=2), carrier.Declined("carrier_monthly_limit", "CODE"))
    assert (declined.to_state, declined.reason_code) == (State.UNKNOWN, "carrier_monthly_limit")
    found = decided(
        inquiring(1, reason_code="carrier_monthly_limit"), carrier.Approved("p", "r", 2_000, "GBP")
    )
    assert (found.to_state, found.reason_code) == (State.CREDITED, "")
    nothing = decided(past_the_rule(reason_code="carrier_monthly_limit"), carrier.NotFound())
    assert (nothing.to_state, nothing.reason_code) == (State.DECLINED, "carrier_monthly_limit")


def test_unanswered_for_a_day_is_a_case_for_people() -> None:
    result = decided(inquiring(retry.REVIEW_AFTER_S + 1), carrier.Unknown("x"))
    assert (result.to_state, result.reason_code) == (State.REVIEW, "under_review")
    assert result.next_in_s is not None


def test_a_mismatch_is_kept_as_taken_only_in_the_deposits_own_currency() -> None:
    assert decided(claimed(), carrier.Mismatch("p", "amount", 2_100, "GBP")).taken_minor == 2_100
    assert decided(claimed(), carrier.Mismatch("p", "currency", 2_000, "EUR")).taken_minor is None


@pytest.mark.parametrize(
    "outcome", [carrier.Approved("p", "r", 2_000, "GBP"), carrier.Unknown("x"), carrier.Declined("x")]
)
def test_what_is_booked_as_nobodys_stays_with_people(outcome: carrier.Outcome) -> None:
    held = claimed(state=State.REVIEW, step=Step.INQUIRE, taken_minor=2_100, reason_code="under_review")
    result = decided(held, outcome)
    assert (result.to_state, result.taken_minor, result.reason_code) == (State.REVIEW, 2_100, "under_review")


def test_a_wrong_code_is_counted_and_asked_for_again() -> None:
    held = claimed(step=Step.CONFIRM, code_tries=1, action_expires_at=NOW + timedelta(seconds=60))
    result = decided(held, carrier.CodeRejected("p"))
    assert (result.to_state, result.code_tries, result.reason_code) == (
        State.ACTION_REQUIRED,
        2,
        "code_wrong",
    )
    assert result.action_expires_at == held.action_expires_at


def test_a_code_that_ran_out_expires_the_deposit_only_on_the_carriers_word() -> None:
    held = claimed(
        state=State.ACTION_REQUIRED, step=Step.CANCEL, action_expires_at=NOW - timedelta(seconds=5)
    )
    assert decided(held, carrier.Unknown("x")).to_state == State.ACTION_REQUIRED
    assert decided(held, carrier.Cancelled("p")).to_state == State.EXPIRED
    assert decided(held, carrier.Approved("p", "r", 2_000, "GBP")).to_state == State.CREDITED


def test_a_confirm_that_could_not_be_sent_is_asked_about_and_never_charged_anew() -> None:
    result = decided(claimed(step=Step.CONFIRM), carrier.NotSent("refused"))
    assert (result.to_state, result.next_step) == (State.UNKNOWN, Step.INQUIRE)


def test_only_a_reversal_changes_a_credited_deposit() -> None:
    held = claimed(state=State.CREDITED, step=Step.INQUIRE)
    assert decided(held, carrier.Cancelled("p")).event == "reversed"
    for outcome in (
        carrier.Approved("p", "r", 2_000, "GBP"),
        carrier.NotFound(),
        carrier.Declined("x"),
        carrier.Unknown("x"),
    ):
        result = decided(held, outcome)
        assert (result.event, result.to_state) == ("silence", State.CREDITED)


def test_every_outcome_has_a_decision_in_every_state_that_a_worker_can_hold() -> None:
    outcomes: list[carrier.Outcome] = [
        carrier.Approved("p", "r", 1, "GBP"),
        carrier.Declined("d"),
        carrier.Pending("p"),
        carrier.Reserved("p"),
        carrier.CodeRequired("p", "a"),
        carrier.CodeRejected("p"),
        carrier.Cancelled("p"),
        carrier.AlreadyKnown(),
        carrier.NotFound(),
        carrier.NotDone(1),
        carrier.NotSent("x"),
        carrier.OurFault("x"),
        carrier.Mismatch("p", "x"),
        carrier.Unknown("x"),
    ]
    held_in = (
        State.SUBMITTING,
        State.ACTION_REQUIRED,
        State.PENDING,
        State.UNKNOWN,
        State.REVIEW,
        State.CREDITED,
    )
    for state in held_in:
        for step in Step:
            for outcome in outcomes:
                decided(claimed(state=state, step=step), outcome)
