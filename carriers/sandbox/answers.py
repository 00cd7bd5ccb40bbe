"""What the sandbox answers: payments, errors and events in the shapes of CAMARA Carrier Billing 0.5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from carriers.sandbox.clock import stamp
from carriers.sandbox.errors import Refusal
from carriers.sandbox.payments import Payment
from carriers.sandbox.wire import encode

BASE_PATH = "/carrier-billing/v0.5/"
EVENT_SOURCE = "/carrier-billing/sandbox-mobile"
EventKind = Literal["pending-validation", "reserved", "completed", "cancelled", "denied"]

GARBAGE = b"<html><head><title>200 OK</title></head><body><h1>It works!</h1></body></html>\n"
NO_HEADERS: Mapping[str, str] = {}

_DESCRIPTIONS: dict[EventKind, str] = {
    "pending-validation": "The payment waits for the code sent to the subscriber",
    "reserved": "The amount is reserved",
    "completed": "The payment is charged",
    "cancelled": "The payment is cancelled",
    "denied": "The payment is denied",
}


@dataclass(slots=True)
class Answer:
    """One HTTP answer, ready to be sent. No content type means no content."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def error(refusal: Refusal) -> Answer:
    """ErrorInfo of a refusal."""
    body = encode({"status": refusal.status, "code": refusal.code, "message": refusal.message})
    return Answer(refusal.status, body, headers=dict(refusal.headers) if refusal.headers else NO_HEADERS)


def payment_object(payment: Payment) -> dict[str, object]:
    """A payment as GET shows it."""
    transaction: dict[str, object] = {
        "phoneNumber": payment.phone_number,
        "paymentAmount": payment.amount,
        "referenceCode": payment.reference_code,
        "resourceURL": f"{BASE_PATH}payments/{payment.id}",
        "serverReferenceCode": f"SM-{payment.id}",
    }
    if payment.reference:
        transaction["clientCorrelator"] = payment.reference
    shown: dict[str, object] = {
        "paymentId": payment.id,
        "amountTransaction": transaction,
        "paymentStatus": payment.status,
        "paymentCreationDate": stamp(payment.created_at),
    }
    if payment.paid_at:
        shown["paymentDate"] = stamp(payment.paid_at)
    if payment.sink:
        shown["sink"] = payment.sink
    return shown


def found(payment: Payment) -> Answer:
    """Answer to GET /payments/{paymentId}."""
    return Answer(200, encode(payment_object(payment)), headers=NO_HEADERS)


def created(payment: Payment) -> Answer:
    """Answer to create and prepare, with `validationInfo` while the payment waits for a code."""
    shown = payment_object(payment)
    if payment.status == "pending_validation":
        shown["validationInfo"] = {"action": "validate", "authorizationId": payment.authorization_id}
    return Answer(201, encode(shown), headers={"Location": f"{BASE_PATH}payments/{payment.id}"})


def event(payment: Payment, kind: EventKind, event_id: str, at: float) -> bytes:
    """A CloudEvent about the payment."""
    data: dict[str, object] = {
        "paymentId": payment.id,
        "status": "failed" if kind == "denied" else "succeeded",
        "description": _DESCRIPTIONS[kind],
    }
    if kind == "completed":
        data["paymentDate"] = stamp(payment.paid_at)
    if kind == "denied":
        data["description"] = data["denialReason"] = payment.denial
    return encode(
        {
            "id": event_id,
            "source": EVENT_SOURCE,
            "specversion": "1.0",
            "type": f"org.camaraproject.carrier-billing.v0.payment-{kind}",
            "datacontenttype": "application/json",
            "time": stamp(at),
            "data": data,
        }
    )
