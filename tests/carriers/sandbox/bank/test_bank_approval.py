"""The authorisation address: what customers decide there, and what is refused before they are asked."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.carriers.sandbox.bank.client import (
    CONSENTS,
    PAYMENTS,
    REDIRECT_URI,
    Bank,
    payment_body,
    way_back,
)
from tests.carriers.sandbox.harness import CLIENT_ID, wait_until


def status_of(bank: Bank, consent_id: str) -> tuple[str, str]:
    """Status and reason of a consent."""
    data = bank.get(f"{CONSENTS}/{consent_id}").json["Data"]
    return data["Status"], data.get("StatusReason", [{"StatusReasonCode": ""}])[0]["StatusReasonCode"]


@pytest.mark.parametrize(("decision", "reason"), [("refuse", "U033"), ("gambling_block", "AG01")])
def test_a_refusal_brings_the_customer_back_without_a_code(
    bank: Bank, ref: str, decision: str, reason: str
) -> None:
    _, data = bank.stage(ref[:35])

    back = bank.decide(bank.authorize_path(data["ConsentId"]), decision)

    assert (back["error"], back["state"], back["iss"]) == ("access_denied", "state-1", bank.issuer)
    assert "code" not in back
    assert status_of(bank, data["ConsentId"]) == ("RJCT", reason)


@pytest.mark.parametrize(("decision", "status"), [("close", "AWAU"), ("approve_no_return", "AUTH")])
def test_a_customer_may_never_come_back(bank: Bank, ref: str, decision: str, status: str) -> None:
    _, data = bank.stage(ref[:35])

    reply = bank.form(bank.authorize_path(data["ConsentId"]), {"decision": decision})

    assert (reply.status, "location" in reply.headers) == (200, False)
    assert REDIRECT_URI not in reply.body.decode()
    assert status_of(bank, data["ConsentId"])[0] == status


def test_an_account_without_the_money_is_approved_and_rejected_later(bank: Bank, ref: str) -> None:
    body, data = bank.stage(ref[:35])
    back = bank.decide(bank.authorize_path(data["ConsentId"]), "approve", account="savings")
    token = bank.exchange(back["code"]).json["access_token"]

    funds = bank.get(f"{CONSENTS}/{data['ConsentId']}/funds-confirmation", token).json["Data"]
    ordered = bank.post(PAYMENTS, payment_body(body, data["ConsentId"]), token).json["Data"]

    assert funds["FundsAvailableResult"]["FundsAvailable"] is False
    assert ordered["Status"] == "RCVD"
    wait_until(lambda: bank.payment(ordered["DomesticPaymentId"])["Status"] == "RJCT")
    reasons = bank.payment(ordered["DomesticPaymentId"])["StatusReason"]
    assert [one["StatusReasonCode"] for one in reasons] == ["AM04"]
    assert bank.record(ref[:35]) == []


def test_approving_twice_gives_two_codes_for_one_payment(bank: Bank, ref: str) -> None:
    body, data = bank.stage(ref[:35])
    page = bank.form(bank.authorize_path(data["ConsentId"]), {"decision": "approve_twice"})
    codes = re.findall(r"[?&]code=([\w-]+)", page.body.decode())
    assert len(set(codes)) == 2

    tokens = [bank.exchange(code).json["access_token"] for code in codes]
    replies = [bank.post(PAYMENTS, payment_body(body, data["ConsentId"]), token) for token in tokens]

    assert [reply.status for reply in replies] == [201, 400]
    wait_until(lambda: bank.record(ref[:35]) == [("payment", 2000)])


def test_a_decision_is_not_taken_back(bank: Bank, ref: str) -> None:
    _, data = bank.stage(ref[:35])
    path = bank.authorize_path(data["ConsentId"])
    bank.decide(path, "refuse")

    assert bank.decide(path, "approve")["error"] == "access_denied"
    page = bank.call("GET", path).body.decode()
    assert "Already decided" in page
    assert status_of(bank, data["ConsentId"]) == ("RJCT", "U033")


def test_an_approval_is_not_taken_back(bank: Bank, ref: str) -> None:
    _, data = bank.stage(ref[:35])
    path = bank.authorize_path(data["ConsentId"])
    bank.decide(path)

    assert "Already decided" in bank.form(path, {"decision": "refuse"}).body.decode()
    assert status_of(bank, data["ConsentId"])[0] == "AUTH"
    again = bank.decide(path, "approve", account="savings")
    token = bank.exchange(again["code"]).json["access_token"]
    funds = bank.get(f"{CONSENTS}/{data['ConsentId']}/funds-confirmation", token).json["Data"]
    assert funds["FundsAvailableResult"]["FundsAvailable"] is True, "the account first chosen stays"


def test_a_consent_that_nobody_approves_runs_out(bank: Bank, ref: str) -> None:
    _, data = bank.stage(ref[:35])
    path = bank.authorize_path(data["ConsentId"])
    bank.sandbox.advance(601)

    assert status_of(bank, data["ConsentId"]) == ("RJCT", "U036")
    assert bank.decide(path, "approve")["error"] == "access_denied"


def test_the_client_may_set_an_earlier_end(bank: Bank, ref: str) -> None:
    ends = {"AuthorisationType": "Any", "CompletionDateTime": "2020-01-01T00:00:00+00:00"}

    _, data = bank.stage(ref[:35], Authorisation=ends)

    assert (data["Status"], data["Authorisation"]) == ("RJCT", ends)


def test_an_approval_that_is_not_used_runs_out(bank: Bank, ref: str) -> None:
    body, token = bank.approved(ref[:35])
    bank.sandbox.advance(601)

    refused = bank.post(PAYMENTS, body, token)

    assert refused.json["Errors"][0]["ErrorCode"] == "U009"
    assert bank.record(ref[:35]) == []


def test_a_code_is_good_once_for_a_while_and_with_its_verifier(bank: Bank, ref: str) -> None:
    _, data = bank.stage(ref[:35])
    path = bank.authorize_path(data["ConsentId"])
    code = bank.decide(path)["code"]

    for wrong in ({"code_verifier": "w" * 43}, {"redirect_uri": "https://pay.example/"}, {"code": "none"}):
        assert bank.exchange(code, **wrong).json["error"] == "invalid_grant"
    assert bank.exchange(code).status == 200
    assert bank.exchange(code).json["error"] == "invalid_grant"
    late = bank.decide(path)["code"]
    bank.sandbox.advance(301)
    assert bank.exchange(late).json["error"] == "invalid_grant"


def test_a_request_that_was_changed_or_signed_by_nobody_leads_nowhere(bank: Bank, ref: str) -> None:
    _, data = bank.stage(ref[:35])
    path = bank.authorize_path(data["ConsentId"])
    head, _, tail = path.partition("request=")
    changed = [
        path.replace("state-1", "state-2"),
        f"{head}request={tail[:40]}A{tail[41:]}",
        path.replace(f"client_id={CLIENT_ID}", "client_id=other"),
        bank.authorize_path(data["ConsentId"], aud="https://other.example"),
        bank.authorize_path(data["ConsentId"], iss="other"),
        bank.authorize_path(data["ConsentId"], exp=1),
        bank.authorize_path(data["ConsentId"], exp=int(time.time()) + 7_200),
    ]

    for one in changed:
        reply = bank.form(one, {"decision": "approve"})
        assert (reply.status, "location" in reply.headers) == (400, False), one
    assert status_of(bank, data["ConsentId"])[0] == "AWAU"


def test_a_foreign_return_address_leads_nowhere(bank: Bank, ref: str) -> None:
    _, data = bank.stage(ref[:35])

    for address in ("https://evil.example/", REDIRECT_URI + "more", ""):
        path = bank.authorize_path(data["ConsentId"], redirect_uri=address)
        assert bank.form(path, {"decision": "approve"}).status == 400
    assert status_of(bank, data["ConsentId"])[0] == "AWAU"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"state": ""}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"claims": {}}, "invalid_request"),
    ],
)
def test_a_wrong_request_of_the_client_is_told_to_the_client(
    bank: Bank, ref: str, change: dict[str, Any], error: str
) -> None:
    _, data = bank.stage(ref[:35])

    assert bank.decide(bank.authorize_path(data["ConsentId"], **change))["error"] == error


def test_plain_parameters_are_taken_unless_signed_ones_are_asked_for(bank: Bank, ref: str) -> None:
    _, data = bank.stage(ref[:35])
    path = bank.authorize_path(data["ConsentId"], signed=False)

    bank.sandbox.set(bank_signed_requests_only=True)
    assert bank.form(path, {"decision": "approve"}).status == 400
    bank.sandbox.set(bank_signed_requests_only=False)
    assert "code" in bank.decide(path)


def test_decisions_can_be_taken_without_a_page(bank: Bank, ref: str) -> None:
    bank.sandbox.set(bank_decisions={"approve": 1})
    _, data = bank.stage(ref[:35])

    reply = bank.call("GET", bank.authorize_path(data["ConsentId"]))

    assert reply.status == 303
    assert "code" in way_back(reply)


def test_the_page_may_send_forms_to_the_client_and_to_nobody_else(bank: Bank, ref: str) -> None:
    _, data = bank.stage(ref[:35])

    page = bank.call("GET", bank.authorize_path(data["ConsentId"]))

    policy = page.headers["content-security-policy"]
    assert "form-action 'self' https://pay.example;" in policy
    assert "frame-ancestors 'none'" in policy
    text = page.body.decode()
    assert "£20.00" in text
    assert "Paysite Ltd" in text
    assert "<script" not in text
