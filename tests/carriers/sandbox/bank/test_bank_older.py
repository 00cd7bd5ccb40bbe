"""The same bank in the words of version 3.1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.carriers.sandbox.bank.client import Bank, consent_body, payment_body
from tests.carriers.sandbox.harness import wait_until

PISP = "/open-banking/v3.1/pisp"
CONSENTS, PAYMENTS = f"{PISP}/domestic-payment-consents", f"{PISP}/domestic-payments"


def older_body(reference: str, **initiation: Any) -> dict[str, Any]:
    """OBWriteDomesticConsent4 as 3.1 has it."""
    body = consent_body(reference)
    body["Data"]["Initiation"] |= {
        "RemittanceInformation": {"Reference": "D-1", "Unstructured": "Deposit"},
        **initiation,
    }
    body["Risk"]["PaymentContextCode"] = "EcommerceServices"
    return body


@pytest.mark.parametrize(
    ("bank_id", "status"),
    [("sandbox-bank", "AcceptedCreditSettlementCompleted"), ("sandbox-bank-rejects", "Rejected")],
)
def test_a_payment_goes_its_way_by_its_long_names(
    bank_of: Callable[[str], Bank], ref: str, bank_id: str, status: str
) -> None:
    bank, body = bank_of(bank_id), older_body(ref[:35])
    staged = bank.post(CONSENTS, body)
    bank.check_signature(staged)
    data = staged.json["Data"]
    assert (data["Status"], data["Initiation"]) == ("AwaitingAuthorisation", body["Data"]["Initiation"])
    token = bank.exchange(bank.decide(bank.authorize_path(data["ConsentId"]))["code"]).json["access_token"]

    paid = bank.post(PAYMENTS, payment_body(body, data["ConsentId"]), token).json
    one = f"{PAYMENTS}/{paid['Data']['DomesticPaymentId']}"

    assert paid["Data"]["Status"] == "Pending"
    assert paid["Links"]["Self"] == f"{bank.issuer}{one}"
    wait_until(lambda: bank.get(one).json["Data"]["Status"] == status)
    assert "StatusReason" not in bank.get(one).json["Data"]
    assert bank.get(f"{one}/payment-details").json["Data"]["PaymentStatus"][0]["Status"] == status
    assert bank.get(f"{CONSENTS}/{data['ConsentId']}").json["Data"]["Status"] == "Consumed"


def test_errors_have_their_long_names(bank: Bank) -> None:
    missing = bank.get(f"{CONSENTS}/none")

    assert missing.json["Errors"][0]["ErrorCode"] == "UK.OBIE.Resource.NotFound"


def test_what_is_of_the_other_version_is_refused(bank: Bank, ref: str) -> None:
    newer = CONSENTS.replace("v3.1", "v4.0")
    lists = {"RemittanceInformation": {"Unstructured": ["Deposit"]}}

    for path, body, wrong in (
        (newer, older_body(ref[:35]), "Risk.PaymentContextCode"),
        (CONSENTS, older_body(ref[:35], **lists), "Data.Initiation.RemittanceInformation.Unstructured"),
    ):
        refused = bank.post(path, body)
        assert (refused.status, refused.json["Errors"][0]["Path"]) == (400, wrong)
    text = consent_body(ref[:35])
    text["Data"]["Initiation"]["RemittanceInformation"] = {"Reference": "D-1"}
    assert bank.post(newer, text).json["Errors"][0]["ErrorCode"] == "U005"
