"""F35, F39, F40: what is not found may still arrive; nobody is charged twice for it, and nothing is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import Max, Min
from django.db.models.functions import Now

from accounts.models import Player
from deposits import retry
from deposits.actions import cases
from deposits.models import Case, Deposit
from deposits.states import FINAL, State
from tests.deposits.making import partner
from tests.faults_evidence.conftest import Carrier
from tests.stack import await_condition

pytestmark = pytest.mark.usefixtures("alone")

#: The carrier is so slow that what is late arrives for nobody who waits, only for who moves its clock on.
DIVISOR = 0.2
LATE_S = 60 / DIVISOR


def lost(carrier: Carrier) -> Deposit:
    """A deposit whose request is on its way for `LATE_S` of the carrier's clock, as the worker does not know."""
    carrier.set(time_divisor=DIVISOR)
    deposit = carrier.deposit()
    carrier.force(deposit.phone_number, "late_arrival")
    carrier.work(deposit)
    deposit.refresh_from_db()
    assert deposit.state == State.UNKNOWN
    return deposit


def test_f35_a_late_arrival_is_refused_by_the_tombstone(carrier: Carrier) -> None:
    carrier.configure(resend_within_s=0.1)
    deposit = lost(carrier)
    carrier.work_until(deposit, State.FAILED)
    assert carrier.posts(deposit)[-2:] == [
        "/carrier-billing/v0.5/payments/prepare",
        f"/carrier-billing/v0.5/payments/{deposit.carrier_payment_id}/cancel",
    ]
    carrier.advance(LATE_S)
    assert carrier.charges(deposit) == []
    assert deposit.events.filter(event="tombstoned").count() == 1
    assert deposit.not_found_seen == 0


@pytest.mark.parametrize("not_found_before", [0, 1])
def test_f35_a_late_arrival_before_the_tombstone_is_credited_once(
    carrier: Carrier, not_found_before: int
) -> None:
    carrier.configure(resend_within_s=0.1, horizon_s=30.0)
    deposit = lost(carrier)
    for _ in range(not_found_before):
        carrier.work(deposit)
    carrier.advance(LATE_S)
    carrier.work_until(deposit, *FINAL)
    assert (deposit.state, carrier.charges(deposit)) == (State.CREDITED, [("charge", 2_000)])


def test_f35_a_late_arrival_after_it_was_sent_again_is_one_charge(carrier: Carrier) -> None:
    deposit = lost(carrier)
    carrier.work_until(deposit, State.CREDITED)
    carrier.advance(LATE_S)
    assert carrier.charges(deposit) == [("charge", 2_000)]


def test_f35_one_not_found_ends_nothing(carrier: Carrier) -> None:
    carrier.configure(resend_within_s=0.1, not_found_apart_s=30.0)
    deposit = lost(carrier)
    for _ in range(4):
        carrier.work(deposit)
    deposit.refresh_from_db()
    assert deposit.state == State.UNKNOWN
    assert deposit.not_found_seen >= 4
    assert len(carrier.posts(deposit)) == 1


def test_f35_a_tombstone_whose_answer_is_lost_is_asked_about_and_never_confirmed(carrier: Carrier) -> None:
    """Somebody dies between prepare and cancel: the reserved amount is let go, not taken."""
    carrier.configure(resend_within_s=0.1)
    deposit = lost(carrier)
    carrier.script(deposit.phone_number, {"charge": True, "mode": "abort"})
    carrier.work_until(deposit, State.FAILED)
    carrier.advance(LATE_S)
    assert carrier.charges(deposit) == []
    assert not [path for path in carrier.posts(deposit) if path.endswith("/confirm")]


def test_f35_a_tombstone_that_was_sent_long_after_the_order_is_found(carrier: Carrier) -> None:
    """The carrier refuses to prepare what it has prepared already: unless that turns up, nothing ever ends it."""
    carrier.configure(resend_within_s=0.1)
    deposit = lost(carrier)
    long_ago = Now() - timedelta(minutes=5)
    Deposit.objects.filter(pk=deposit.pk).update(first_sent_at=long_ago, last_sent_at=long_ago)
    carrier.script(deposit.phone_number, {"charge": True, "mode": "abort"})
    carrier.work_until(deposit, State.FAILED)
    assert carrier.charges(deposit) == []


def test_a_lost_answer_to_prepare_ends_in_failed_and_takes_nothing(carrier: Carrier) -> None:
    casino = partner()
    Player.objects.create(partner=casino, external_id="p-1", identity_state="verified")
    deposit = carrier.deposit(test_mode=False, partner_id=casino.pk)
    assert deposit.proof_needed
    carrier.script(deposit.phone_number, {"charge": True, "mode": "abort"})
    carrier.work_until(deposit, State.FAILED)
    assert carrier.charges(deposit) == []
    assert deposit.carrier_payment_id
    assert deposit.events.filter(event="tombstoned").count() == 1


def test_f40_past_the_window_it_is_only_asked_never_sent_again(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The carrier charged, then forgot all about it: sending once more, even to cancel, would charge or hide it."""
    # Kept for no longer than sending again takes: two times "not found", half a second apart, come too late for it.
    carrier.configure(resend_within_s=0.5, reference_kept_s=2.5)
    carrier.set(forget_after_s=3.0)
    deposit = carrier.deposit("+447700900010")
    carrier.script(deposit.phone_number, {"charge": True, "mode": "abort"})
    carrier.script(deposit.phone_number, {"on": "list", "status": 500, "body": "", "times": 100})
    for _ in range(4):  # charged, and three inquiries or more that say nothing
        carrier.work(deposit)
    carrier.advance(3.1)
    carrier.unscript()
    nothing_found = deposit.attempts.filter(outcome="not_found")

    def asked_for_long() -> bool:
        carrier.work(deposit)
        times = nothing_found.aggregate(first=Min("finished_at"), last=Max("started_at"))
        return times["first"] is not None and times["last"] - times["first"] > timedelta(seconds=1)

    await_condition(asked_for_long, what="nothing being found twice, further apart than the carrier needs")
    deposit.refresh_from_db()
    assert deposit.state == State.UNKNOWN
    assert carrier.posts(deposit) == ["/carrier-billing/v0.5/payments"]
    monkeypatch.setattr(retry, "REVIEW_AFTER_S", 1)
    carrier.work(deposit)
    cases.keep_up()
    deposit.refresh_from_db()
    assert deposit.state == State.REVIEW
    assert Case.objects.get(deposit=deposit).kind == Case.Kind.UNANSWERED
    assert carrier.charges(deposit) == [("charge", 2_000)]
    assert carrier.posts(deposit) == ["/carrier-billing/v0.5/payments"]


def test_f39_inquiries_that_fail_for_ten_minutes_end_nothing(carrier: Carrier) -> None:
    """Scaled: a minute. Nothing is failed, nothing is sent again, and the first answer credits."""
    deposit = carrier.deposit("+447700900010")
    carrier.set(faults={"inquiry_error": 1.0})
    carrier.work(deposit)
    attempts = deposit.attempts.filter(step="inquire", outcome="unknown")

    due = Deposit.objects.filter(pk=deposit.pk, next_action_at__lte=Now())

    def asked_six_times() -> bool:
        if due.exists():
            carrier.work()
        return attempts.exclude(finished_at=None).count() >= 6

    await_condition(asked_six_times, what="six inquiries without an answer")
    deposit.refresh_from_db()
    assert deposit.state == State.UNKNOWN
    assert len(carrier.posts(deposit)) == 1
    carrier.set(faults={})
    carrier.work(deposit)
    deposit.refresh_from_db()
    assert (deposit.state, carrier.charges(deposit)) == (State.CREDITED, [("charge", 2_000)])
