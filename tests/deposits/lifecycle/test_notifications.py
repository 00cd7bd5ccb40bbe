"""What carriers push: kept first, once; it wakes an inquiry and never credits; refused with a reason when unusable."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import LedgerEntry
from deposits.models import CarrierNotification, Deposit
from deposits.states import Event, State
from deposits.transitions import claim, record, result
from tests.deposits.making import accepted

pytestmark = pytest.mark.usefixtures("committed")

URL = "/carriers/sandbox-mobile/notifications"


def event(payment_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "source": "https://sandbox.example",
        "specversion": "1.0",
        "type": "org.camaraproject.carrier-billing.v0.payment-completed",
        "time": "2026-11-22T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {"paymentId": payment_id, "status": "succeeded", "description": "done"},
        **changes,
    }


def push(body: Any, *, bearer: str | None = None, url: str = URL) -> Any:
    token = settings.NOTIFICATION_SECRET if bearer is None else bearer
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client(raise_request_exception=False).post(
        url, raw, content_type="application/cloudevents+json", HTTP_AUTHORIZATION=f"Bearer {token}"
    )


@pytest.fixture
def pending() -> Deposit:
    """A deposit that its carrier is working on, not due for a long while."""
    deposit = accepted("016")
    mine = []
    while batch := claim(20, "worker", {"sandbox-mobile": 60}):
        mine += [one for one in batch if one.id == deposit.pk]
    (held,) = mine
    payment_id = f"pay-{deposit.reference}"
    record([result(held, Event.PENDING, outcome="pending", payment_id=payment_id, next_in_s=3_600.0)])
    deposit.refresh_from_db()
    return deposit


def is_due(deposit: Deposit) -> bool:
    return Deposit.objects.due(["sandbox-mobile"]).filter(pk=deposit.pk).exists()


def test_a_notification_wakes_the_inquiry_and_credits_nothing(pending: Deposit) -> None:
    assert not is_due(pending)
    assert push(event(pending.carrier_payment_id)).status_code == 204
    assert is_due(pending)
    pending.refresh_from_db()
    assert pending.state == State.PENDING
    assert not LedgerEntry.objects.filter(source=pending.pk).exists()


def test_the_same_notification_again_is_counted_and_nothing_else(pending: Deposit) -> None:
    told = event(pending.carrier_payment_id)
    for _ in range(3):
        assert push(told).status_code == 204
    assert CarrierNotification.objects.get(event_id=told["id"]).deliveries == 3
    assert pending.events.filter(event="notified").count() == 1


def test_one_for_an_unknown_payment_is_kept(pending: Deposit) -> None:
    told = event(f"pay-{uuid.uuid4()}")
    assert push(told).status_code == 204
    assert CarrierNotification.objects.get(event_id=told["id"]).deposit is None
    assert not is_due(pending)


def test_one_for_an_ended_deposit_is_kept_and_changes_nothing() -> None:
    deposit = accepted("002")
    Deposit.objects.filter(pk=deposit.pk).update(
        state=State.CANCELLED, carrier_payment_id=f"pay-{deposit.reference}", next_action_at=None
    )
    assert push(event(f"pay-{deposit.reference}")).status_code == 204
    assert not is_due(deposit)
    assert CarrierNotification.objects.filter(deposit=deposit).count() == 1


@pytest.mark.parametrize("bearer", ["", "wrong", "Bearer"])
def test_one_without_our_bearer_is_refused(pending: Deposit, bearer: str) -> None:
    told = event(pending.carrier_payment_id)
    assert push(told, bearer=bearer).status_code == 401
    assert not CarrierNotification.objects.filter(event_id=told["id"]).exists()
    assert not is_due(pending)


BODIES = {
    "nothing": b" ",
    "no JSON": b"<html>",
    "a list": b"[]",
    "no id": {
        "source": "s",
        "specversion": "1.0",
        "type": "t",
        "time": "2026-11-22T12:00:00Z",
        "data": {"paymentId": "p"},
    },
    "no payment": event("x", data={}),
    "a number for the payment": event("x", data={"paymentId": 7}),
    "deep": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "large": json.dumps(event("x", pad="x" * 70_000)).encode(),
}


@pytest.mark.parametrize("name", BODIES)
def test_one_that_cannot_be_read_is_refused_with_a_reason(name: str) -> None:
    before = CarrierNotification.objects.count()
    answer = push(BODIES[name])
    assert answer.status_code in (400, 413), answer.content
    assert answer.json()["message"]
    assert CarrierNotification.objects.count() == before


def test_an_unknown_carrier_is_404_and_another_method_405() -> None:
    assert push(event("x"), url="/carriers/nobody/notifications").status_code == 404
    assert Client().get(URL).status_code == 405
