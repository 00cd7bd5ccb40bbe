"""F38: notifications doubled, out of order, before our own answer, for an unknown payment: nothing counts twice."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts import ledger
from accounts.models import LedgerEntry
from deposits.actions import cases
from deposits.actions.notify import match_waiting
from deposits.models import Attempt, CarrierNotification, Case, Deposit
from deposits.states import FINAL, State
from tests.faults_evidence.conftest import Carrier
from tests.stack import await_condition

pytestmark = pytest.mark.usefixtures("alone")

ORDERS = 8
#: Approved, declined, approved later, denied later, charged and the answer lost.
STORIES = ("001", "002", "007", "008", "010")
KINDS = ("payment-completed", "payment-denied", "payment-cancelled", "payment-pending-validation")
_KIND = "org.camaraproject.carrier-billing.v0."


def push(payment_id: str, kind: str, event_id: str) -> int:
    """Push a CloudEvent as the carrier does; return the status of our answer."""
    event = {
        "id": event_id,
        "source": "https://sandbox.example",
        "specversion": "1.0",
        "type": _KIND + kind,
        "time": "2026-11-22T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {"paymentId": payment_id, "description": "told"},
    }
    answer: Any = Client().post(
        "/carriers/sandbox-mobile/notifications",
        json.dumps(event),
        content_type="application/cloudevents+json",
        HTTP_AUTHORIZATION=f"Bearer {django_settings.NOTIFICATION_SECRET}",
    )
    return int(answer.status_code)


class Orders(RuleBasedStateMachine):
    """Up to eight deposits, whose notifications come whenever they like."""

    carrier: Carrier
    deposits = Bundle("deposits")

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Deposit] = []
        self.strange: set[str] = set()

    @rule(target=deposits, story=st.sampled_from(STORIES))
    def accept(self, story: str) -> Deposit:
        if len(self.made) < ORDERS:
            self.made.append(self.carrier.deposit(f"+447700900{story}"))
        return self.made[-1]

    @rule()
    def work(self) -> None:
        self.carrier.work()

    @rule()
    def time_goes_by(self) -> None:
        self.carrier.advance(0.5)

    @rule(deposit=deposits, kind=st.sampled_from(KINDS), number=st.integers(0, 2))
    def notify(self, deposit: Deposit, kind: str, number: int) -> None:
        """Of a payment that the carrier has, whether we know it or not; the same number again is the same event."""
        for payment in self.carrier.sandbox.listed(deposit.reference):
            assert push(payment["paymentId"], kind, f"{deposit.reference}-{number}") == 204

    @rule(kind=st.sampled_from(KINDS))
    def notify_of_a_stranger(self, kind: str) -> None:
        payment_id = f"strange-{uuid.uuid4().hex}"
        self.strange.add(payment_id)
        assert push(payment_id, kind, payment_id) == 204

    @invariant()
    def nobody_is_credited_twice_or_for_nothing(self) -> None:
        for deposit in self.made:
            deposit.refresh_from_db()
            credits = LedgerEntry.objects.filter(source=deposit.pk, kind="deposit").count()
            assert credits == (deposit.state == State.CREDITED)
            if credits:
                assert self.carrier.charges(deposit) == [("charge", 2_000)]
                assert ledger.player_balance_minor(deposit.player_id, "GBP") == 2_000

    def teardown(self) -> None:
        """All ends true, every event is kept once, and what has a deposit by now has found it."""
        self.carrier.advance(1.0)

        def ended() -> bool:
            self.carrier.work(*self.made)
            match_waiting()
            return all(Deposit.objects.get(pk=one.pk).state in FINAL for one in self.made)

        await_condition(ended, what="every deposit having ended")
        self.carrier.work()
        for deposit in self.made:
            deposit.refresh_from_db()
            assert (deposit.state == State.CREDITED) == bool(self.carrier.charges(deposit))
            payments = [one["paymentId"] for one in self.carrier.sandbox.listed(deposit.reference)]
            assert not CarrierNotification.objects.filter(payment_id__in=payments, deposit=None).exists()
        waiting = CarrierNotification.objects.filter(payment_id__in=self.strange, deposit=None)
        assert waiting.count() == len(self.strange)


def test_f38_any_order_of_notifications_ends_true(carrier: Carrier) -> None:
    Orders.carrier = carrier
    run_state_machine_as_test(
        Orders,
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_f38_one_for_an_unknown_payment_is_kept_and_a_case_after_an_hour(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment_id = f"strange-{uuid.uuid4().hex}"
    for _ in range(3):
        assert push(payment_id, KINDS[0], payment_id) == 204
    cases.keep_up()
    row = CarrierNotification.objects.get(payment_id=payment_id)
    subject = f"sandbox-mobile: notification {row.pk}"
    assert (row.deliveries, Case.objects.filter(subject=subject).count()) == (3, 0)
    monkeypatch.setattr(cases, "UNMATCHED_AFTER_S", 0)
    for _ in range(2):
        cases.keep_up(batch=1_000)
    case = Case.objects.get(subject=subject)
    assert (case.kind, case.owner_role) == (Case.Kind.UNMATCHED_NOTIFICATION, "Payments")


def test_f38_one_written_at_the_same_instant_as_the_answer_is_matched_by_the_sweeper(
    carrier: Carrier,
) -> None:
    """Neither transaction sees the other's row: the notification stays without a deposit until somebody looks again."""
    deposit = carrier.deposit("+447700900016")
    carrier.work(deposit)
    deposit.refresh_from_db()
    assert deposit.state == State.PENDING
    row = unmatched(deposit)
    assert match_waiting() >= 1
    row.refresh_from_db()
    assert row.deposit_id == deposit.pk
    assert Deposit.objects.due([deposit.carrier]).filter(pk=deposit.pk).exists()


def test_f38_news_that_came_while_the_answer_was_on_its_way_is_asked_about_though_the_answer_ended_it(
    carrier: Carrier,
) -> None:
    """The carrier said "taken", took it back and told so, and only then was the answer recorded."""
    deposit = carrier.deposit("+447700900001")
    carrier.work(deposit)
    deposit.refresh_from_db()
    assert deposit.state == State.CREDITED
    asked = Attempt.objects.filter(deposit=deposit, outcome="approved").latest("epoch")
    for received_at, asks in (
        (asked.started_at - timedelta(seconds=1), False),
        (asked.started_at + timedelta(microseconds=1), True),
    ):
        row = unmatched(deposit)
        CarrierNotification.objects.filter(pk=row.pk).update(received_at=received_at)
        assert match_waiting() >= 1
        assert Deposit.objects.due([deposit.carrier]).filter(pk=deposit.pk).exists() == asks


def unmatched(deposit: Deposit) -> CarrierNotification:
    return CarrierNotification.objects.create(
        carrier=deposit.carrier,
        source="s",
        event_id=uuid.uuid4().hex,
        kind="payment-completed",
        payment_id=deposit.carrier_payment_id,
        body="",
    )
