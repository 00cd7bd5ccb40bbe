"""What the bank answers: consents and payments in the shapes of UK Open Banking 4.0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from carriers.sandbox.bank.records import BankPayment, Consent
from carriers.sandbox.clock import stamp

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(slots=True)
class BankAnswer:
    """One HTTP answer. `value` is sent as JSON; `text` as it is, with `content_type`. Neither: no content."""

    status: int
    value: object = None
    text: bytes = b""
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def consent_object(consent: Consent, pisp: str) -> dict[str, Any]:
    """OBWriteDomesticConsentResponse5."""
    asked = consent.body["Data"]
    data: dict[str, Any] = {
        "ConsentId": consent.id,
        "CreationDateTime": stamp(consent.created_at),
        "Status": consent.status,
        "StatusUpdateDateTime": stamp(consent.status_at),
        **{
            name: asked[name]
            for name in ("ReadRefundAccount", "Authorisation", "SCASupportData")
            if name in asked
        },
        "Initiation": consent.initiation,
    }
    if consent.reason:
        data["StatusReason"] = [_reason(consent.reason, consent.reason_text)]
    if consent.debtor is not None and consent.shares_account:
        data["Debtor"] = consent.debtor
    return {
        "Data": data,
        "Risk": consent.body["Risk"],
        "Links": {"Self": f"{pisp}/domestic-payment-consents/{consent.id}"},
        "Meta": {},
    }


def payment_object(payment: BankPayment, consent: Consent, pisp: str) -> dict[str, Any]:
    """OBWriteDomesticResponse5, with the account a refund can go to when the consent asked for it."""
    data: dict[str, Any] = {
        "DomesticPaymentId": payment.id,
        "ConsentId": consent.id,
        "CreationDateTime": stamp(payment.created_at),
        "Status": payment.status,
        "StatusUpdateDateTime": stamp(payment.status_at),
        "Initiation": consent.initiation,
    }
    if payment.reason:
        data["StatusReason"] = [_reason(payment.reason, payment.reason_text)]
    if consent.debtor is not None and consent.shares_account:
        data["Refund"] = {"Account": consent.debtor}
        data["Debtor"] = consent.debtor
    return {
        "Data": data,
        "Links": {"Self": f"{pisp}/domestic-payments/{payment.id}"},
        "Meta": {},
    }


def details_object(payment: BankPayment, pisp: str) -> dict[str, Any]:
    """OBWritePaymentDetailsResponse1. While a payment is only received there is nothing to tell."""
    statuses: list[dict[str, Any]] = []
    if payment.status != "RCVD":
        detail = {"LocalInstrument": "UK.OBIE.FPS", "Status": payment.status}
        if payment.reason:
            detail |= {"StatusReason": payment.reason, "StatusReasonDescription": payment.reason_text}
        statuses.append(
            {
                "PaymentTransactionId": f"FP{payment.id}",
                "Status": payment.status,
                "StatusUpdateDateTime": stamp(payment.status_at),
                "StatusDetail": detail,
            }
        )
    return {
        "Data": {"PaymentStatus": statuses},
        "Links": {"Self": f"{pisp}/domestic-payments/{payment.id}/payment-details"},
        "Meta": {},
    }


def funds_object(consent: Consent, pisp: str, at: float) -> dict[str, Any]:
    """OBWriteFundsConfirmationResponse1."""
    return {
        "Data": {
            "FundsAvailableResult": {
                "FundsAvailableDateTime": stamp(at),
                "FundsAvailable": not consent.poor,
            }
        },
        "Links": {"Self": f"{pisp}/domestic-payment-consents/{consent.id}/funds-confirmation"},
        "Meta": {},
    }


def _reason(code: str, text: str) -> dict[str, str]:
    return {"StatusReasonCode": code, "StatusReasonDescription": text}
