"""What an answer about a refund means, and the rules around doubt, silence and "not found"."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from carriers import outcomes as carrier
from carriers.profiles import CarrierProfile
from deposits import retry
from deposits.actions.refunds.decide import decide
from deposits.refund_states import State
from deposits.refund_transitions import ClaimedRefund, RefundResult, Step

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PROFILE = CarrierProfile(
    code="carrier",
    adapter="camara",
    name="Carrier",
    base_url="",
    token_url="",
    client_id="",
    client_secret="",
    horizon_s=90,
    not_found_apart_s=60,
)
DONE = carrier.Refunded("r-1", "R-AAAA-AAAA", 500, "GBP")


def claimed(**changes: Any) -> ClaimedRefund:
    """A refund sent for the first time just now, unless `changes` say otherwise."""
    first = ClaimedRefund(
        id=uuid.uuid4(),
        reference="R-AAAA-AAAA",
        deposit_id=uuid.uuid4(),
        carrier="carrier",
        amount_minor=500,
        currency="GBP",
        state=State.SUBMITTING,
        step=Step.REFUND,
        probe=False,
        lease_epoch=1,
        tries=1,
        inquiries=0,
        in_doubt=False,
        not_found_seen=0,
        not_found_first_at=None,
        first_sent_at=NOW,
        last_sent_at=NOW,
        carrier_refund_id="",
        carrier_code="",
        approved_at=NOW,
        request_id="",
        claimed_at=NOW,
        deposit_reference="D-AAAA-AAAA",
        payment_id="p-1",
        phone_number="+447700900001",
        paid_minor=2_000,
    )
    return dataclasses.replace(first, **changes)


def unknown(**changes: Any) -> ClaimedRefund:
    """A refund of which nobody knows what became, being asked about."""
    return claimed(**{"state": State.UNKNOWN, "step": Step.INQUIRE, "in_doubt": True, "tries": 2, **changes})


def decided(given: ClaimedRefund, outcome: carrier.Outcome, *, resend_is_safe: bool = True) -> RefundResult:
    return decide(given, outcome, PROFILE, resend_is_safe=resend_is_safe)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (DONE, State.RETURNED),
        (carrier.RefundPending("r-1"), State.PENDING),
        (carrier.RefundRefused("NO"), State.REFUSED),
        (carrier.NotSent("no route"), State.APPROVED),
        (carrier.NotDone(3.0, throttled=True), State.APPROVED),
        (carrier.OurFault("403"), State.APPROVED),
        (carrier.AlreadyKnown("409"), State.UNKNOWN),
        (carrier.NotFound(), State.UNKNOWN),
        (carrier.Unknown("reset"), State.UNKNOWN),
        (carrier.Undecided("?"), State.UNKNOWN),
        (carrier.Mismatch("r-1", "another amount", 400, "GBP"), State.REVIEW),
        (dataclasses.replace(DONE, amount_minor=501), State.REVIEW),
        (dataclasses.replace(DONE, currency="EUR"), State.REVIEW),
        (dataclasses.replace(DONE, reference="R-BBBB-BBBB"), State.REVIEW),
    ],
)
def test_each_answer_to_a_first_try_means_one_thing(outcome: carrier.Outcome, state: State) -> None:
    assert decided(claimed(), outcome).to_state == state


@pytest.mark.parametrize(
    "outcome",
    [carrier.NotSent("no route"), carrier.NotDone(3.0), carrier.OurFault("403"), carrier.RefundRefused("NO")],
)
def test_after_a_doubt_no_answer_to_a_try_proves_that_nothing_was_returned(outcome: carrier.Outcome) -> None:
    """A refund that did arrive uses up what may be returned: its repeat can be refused for that very reason."""
    assert decided(claimed(in_doubt=True, tries=3), outcome).to_state == State.UNKNOWN


def test_a_refusal_after_a_doubt_is_final_once_nothing_is_found() -> None:
    kept = decided(claimed(in_doubt=True, tries=3), carrier.RefundRefused("NO"))
    assert (kept.carrier_code, kept.next_in_s) == ("NO", 0.0)
    proven = unknown(
        carrier_code="NO",
        not_found_seen=1,
        not_found_first_at=NOW - timedelta(seconds=61),
        last_sent_at=NOW - timedelta(seconds=91),
    )
    assert decided(proven, carrier.NotFound()).to_state == State.REFUSED
    # Where a repeat is replayed, the refused repeat itself is the proof.
    assert decided(unknown(carrier_code="NO"), carrier.Undecided("?")).to_state == State.REFUSED


@pytest.mark.parametrize(
    ("seen", "first_s", "sent_s", "state"),
    [
        (0, 0, 1_000, State.UNKNOWN),
        (1, 59, 1_000, State.UNKNOWN),
        (1, 61, 89, State.UNKNOWN),
        (1, 61, 91, State.APPROVED),
    ],
)
def test_not_found_sends_again_only_twice_apart_and_past_the_horizon(
    seen: int, first_s: int, sent_s: int, state: State
) -> None:
    given = unknown(
        not_found_seen=seen,
        not_found_first_at=NOW - timedelta(seconds=first_s) if seen else None,
        first_sent_at=NOW - timedelta(seconds=sent_s),
        last_sent_at=NOW - timedelta(seconds=sent_s),
    )
    assert decided(given, carrier.NotFound()).to_state == state


def test_nothing_is_sent_again_where_that_could_return_it_twice() -> None:
    proven = {
        "not_found_seen": 1,
        "not_found_first_at": NOW - timedelta(seconds=61),
        "last_sent_at": NOW - timedelta(seconds=91),
    }
    assert decided(unknown(**proven), carrier.NotFound(), resend_is_safe=False).to_state == State.UNKNOWN
    forgotten = NOW - timedelta(seconds=PROFILE.reference_kept_s)
    quick = dataclasses.replace(PROFILE, reference_kept_s=600.0)
    for outcome in (carrier.NotFound(), carrier.Undecided("?")):
        given = unknown(**proven, first_sent_at=NOW - timedelta(seconds=601))
        assert decide(given, outcome, quick, resend_is_safe=True).to_state == State.UNKNOWN
    assert forgotten < NOW


@pytest.mark.parametrize("state", [State.PENDING, State.UNKNOWN])
@pytest.mark.parametrize(
    "outcome",
    [carrier.Unknown("?"), carrier.NotFound(), carrier.RefundPending("r-1"), carrier.Undecided("?")],
)
def test_a_day_after_the_first_send_it_is_for_people(state: State, outcome: carrier.Outcome) -> None:
    old = NOW - timedelta(seconds=retry.scaled(retry.REVIEW_AFTER_S) + 1)
    short = dataclasses.replace(PROFILE, reference_kept_s=retry.scaled(retry.REVIEW_AFTER_S))
    given = unknown(state=state, approved_at=old, first_sent_at=old, last_sent_at=old)
    assert decide(given, outcome, short, resend_is_safe=True).to_state == State.REVIEW


def test_waiting_to_be_sent_is_not_waiting_for_an_answer() -> None:
    given = claimed(approved_at=NOW - timedelta(days=3))
    assert decided(given, carrier.Unknown("reset")).to_state == State.UNKNOWN


@pytest.mark.parametrize(
    "state", [one for one in State if one in (State.SUBMITTING, State.PENDING, State.UNKNOWN, State.REVIEW)]
)
def test_no_outcome_is_ever_raised_or_believed_out_of_place(state: State) -> None:
    """Whatever an adapter says, it is recorded; what is no answer about a refund is silence."""
    samples: dict[type, carrier.Outcome] = {
        carrier.Approved: carrier.Approved("p", "D-AAAA-AAAA", 500, "GBP"),
        carrier.Declined: carrier.Declined("carrier_declined"),
        carrier.Cancelled: carrier.Cancelled("p"),
        carrier.Reserved: carrier.Reserved("p"),
        carrier.Pending: carrier.Pending("p"),
        carrier.CodeRequired: carrier.CodeRequired("p", "a"),
        carrier.CodeLost: carrier.CodeLost("p"),
        carrier.CodeRejected: carrier.CodeRejected("p"),
        carrier.RedirectRequired: carrier.RedirectRequired("c", "https://bank.example"),
        carrier.ApprovalExchanged: carrier.ApprovalExchanged("secret"),
    }
    assert set(samples) | set(get_args(carrier.OfRefund)) <= set(get_args(carrier.Outcome))
    for outcome in samples.values():
        for step in Step:
            result = decided(claimed(state=state, step=step), outcome)
            assert (result.event, result.to_state not in (State.RETURNED, State.REFUSED)) == ("silence", True)
