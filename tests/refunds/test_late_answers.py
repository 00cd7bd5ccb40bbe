"""Answers that come after the lease: kept on their attempt, and moving nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from carriers import outcomes, registry
from deposits import refund_transitions
from deposits.actions.refunds.decide import decide
from deposits.actions.refunds.record import record
from deposits.models import Refund
from deposits.refund_states import State
from deposits.refund_transitions import ClaimedRefund
from tests.refunds.conftest import Returning, ask, bookings

ROOMS = {"sandbox-mobile": 60}


def claim(refund: Refund, owner: str) -> ClaimedRefund:
    (claimed,) = refund_transitions.claim(20, owner, ROOMS)
    assert claimed.id == refund.pk
    return claimed


def answer(claimed: ClaimedRefund, outcome: outcomes.Outcome) -> None:
    profile = registry.profile(claimed.carrier)
    record([(claimed, decide(claimed, outcome, profile, resend_is_safe=True))])


def test_f87_the_answer_of_a_worker_that_lost_its_lease_moves_nothing(returning: Returning) -> None:
    refund = ask(returning.credited(), 500)
    first = claim(refund, "worker-1")
    Refund.objects.filter(pk=refund.pk).update(next_action_at=Now() - timedelta(seconds=1))
    second = claim(refund, "worker-2")
    assert (first.step, second.step, second.state) == ("refund", "inquire", State.UNKNOWN)
    answer(first, outcomes.RefundRefused("TOO_LATE"))
    refund.refresh_from_db()
    assert (refund.state, refund.lease_owner, bookings(refund)) == (
        State.UNKNOWN,
        "worker-2",
        ["refund_held"],
    )
    assert refund.attempts.get(epoch=first.lease_epoch).outcome == "refund_refused"
    answer(second, outcomes.Refunded("r-1", refund.reference, 500, "GBP"))
    refund.refresh_from_db()
    assert (refund.state, bookings(refund)) == (State.RETURNED, ["refund_held", "refund_returned"])


@pytest.mark.parametrize("stale_first", [True, False])
def test_of_two_answers_in_one_batch_only_that_of_the_newest_claim_counts(
    returning: Returning, stale_first: bool
) -> None:
    refund = ask(returning.credited(), 500)
    first = claim(refund, "worker-1")
    Refund.objects.filter(pk=refund.pk).update(next_action_at=Now() - timedelta(seconds=1))
    second = claim(refund, "worker-1")
    profile = registry.profile(first.carrier)
    batch = [
        (first, decide(first, outcomes.RefundRefused("TOO_LATE"), profile, resend_is_safe=True)),
        (second, decide(second, outcomes.RefundPending("r-1"), profile, resend_is_safe=True)),
    ]
    record(batch if stale_first else batch[::-1])
    refund.refresh_from_db()
    assert (refund.state, bookings(refund)) == (State.PENDING, ["refund_held"])


def test_a_refund_is_claimed_by_one_worker_only(returning: Returning) -> None:
    refund = ask(returning.credited(), 500)
    claim(refund, "worker-1")
    assert refund_transitions.claim(20, "worker-2", ROOMS) == []


def test_a_carrier_without_room_or_name_is_left_alone(returning: Returning) -> None:
    refund = ask(returning.credited(), 500)
    assert refund_transitions.claim(20, "worker-1", {"sandbox-mobile": 0}) == []
    assert refund_transitions.claim(20, "worker-1", {"another": 60}) == []
    claim(refund, "worker-1")


def test_what_has_come_to_nothing_twice_is_claimed_alone(returning: Returning) -> None:
    deposit = returning.credited()
    refunds = [ask(deposit, 500) for _ in range(4)]
    Refund.objects.filter(pk__in=[one.pk for one in refunds[:3]]).update(fruitless=2)
    batch = refund_transitions.claim(20, "worker-1", ROOMS)
    assert len(batch) == 2
    assert refunds[3].pk in {one.id for one in batch}


def test_silence_takes_nothing_back_of_what_was_not_found_and_sending_again_does(
    returning: Returning,
) -> None:
    refund = ask(returning.credited(), 500)
    held = claim(refund, "worker-1")
    for outcome in (outcomes.Unknown("time-out"), outcomes.NotFound(), outcomes.Unknown("inquiry: 500")):
        answer(held, outcome)
        Refund.objects.filter(pk=refund.pk).update(next_action_at=Now())
        held = claim(refund, "worker-1")
    assert held.not_found_seen == 1
    assert held.not_found_first_at is not None
    long_ago = Now() - timedelta(seconds=60)
    Refund.objects.filter(pk=refund.pk).update(last_sent_at=long_ago, not_found_first_at=long_ago)
    for outcome in (outcomes.Unknown("inquiry: 500"), outcomes.NotFound()):
        answer(held, outcome)
        Refund.objects.filter(pk=refund.pk).update(next_action_at=Now())
        held = claim(refund, "worker-1")
    assert (held.state, held.not_found_first_at) == (State.SUBMITTING, None)
