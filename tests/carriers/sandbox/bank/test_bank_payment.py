"""The way of a payment that goes well, and what is answered when a request is repeated."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.carriers.sandbox.bank.client import (
    CONSENTS,
    PAYMENTS,
    Bank,
    consent_body,
    payment_body,
    refund_body,
    signed_jwt,
)
from tests.carriers.sandbox.harness import CLIENT_ID, wait_until

DAY_S = 86_400


def test_a_client_that_knows_only_the_discovery_document_pays(bank: Bank, ref: str) -> None:
    found = bank.call("GET", "/.well-known/openid-configuration").json
    assert found["issuer"] == bank.issuer
    body, data = bank.stage(ref[:35])
    assert data["Status"] == "AWAU"

    page = bank.authorize_path(data["ConsentId"])
    assert (found["authorization_endpoint"] + page.removeprefix("/authorize")).startswith(bank.issuer)
    back = bank.decide(page)
    assert (back["state"], back["iss"]) == ("state-1", bank.issuer)

    granted = bank.exchange(back["code"]).json
    keys = KeySet.import_key_set(bank.call("GET", "/jwks").json)
    told = jwt.decode(granted["id_token"], keys, ["PS256"]).claims
    assert (told["nonce"], told["aud"], told["iss"]) == ("nonce-1", CLIENT_ID, bank.issuer)
    assert told["openbanking_intent_id"] == data["ConsentId"]

    token = granted["access_token"]
    funds = bank.get(f"{CONSENTS}/{data['ConsentId']}/funds-confirmation", token)
    assert funds.json["Data"]["FundsAvailableResult"]["FundsAvailable"] is True
    ordered = bank.post(PAYMENTS, payment_body(body, data["ConsentId"]), token)
    assert (ordered.status, ordered.json["Data"]["Status"]) == (201, "RCVD")
    bank.check_signature(ordered)

    payment_id = ordered.json["Data"]["DomesticPaymentId"]
    wait_until(lambda: bank.payment(payment_id)["Status"] == "ACCC")
    assert bank.payment(payment_id)["Refund"]["Account"]["Name"] == "Demo Player"
    assert bank.get(f"{CONSENTS}/{data['ConsentId']}").json["Data"]["Status"] == "COND"
    details = bank.get(f"{PAYMENTS}/{payment_id}/payment-details").json["Data"]["PaymentStatus"]
    assert [one["Status"] for one in details] == ["ACCC"]
    assert bank.record(ref[:35]) == [("payment", 2000)]


def test_a_banks_day_is_written_as_a_settlement_file(bank_of: Callable[[str], Bank], ref: str) -> None:
    bank = bank_of("sandbox-bank-name")
    payment_id = bank.pay(ref[:35]).json["Data"]["DomesticPaymentId"]
    wait_until(lambda: bank.record(ref[:35]) == [("payment", 2000)])
    day = bank.sandbox.call("GET", f"/sandbox/bank-ledger/{ref[:35]}").json["entries"][0]["at"][:10]

    text = bank.sandbox.call("GET", f"/sandbox/settlement?bank_id=sandbox-bank-name&date={day}").body.decode()

    assert text.splitlines()[0] == "date,reference,payment_id,amount,currency,kind"
    assert f"{day},{ref[:35]},{payment_id},20.00,GBP,charge" in text.splitlines()
    assert ref[:35] not in bank.sandbox.call("GET", "/sandbox/settlement").body.decode()
    assert bank.sandbox.call("GET", "/sandbox/settlement?bank_id=nobody").status == 400


def test_a_repeated_consent_is_the_same_consent(bank: Bank, ref: str) -> None:
    body, key = consent_body(ref[:35]), uuid.uuid4().hex

    first, second = (bank.post(CONSENTS, body, key=key) for _ in range(2))

    assert first.json["Data"]["ConsentId"] == second.json["Data"]["ConsentId"]
    assert (first.status, second.status) == (201, 201)


def test_a_repeated_order_pays_once_and_tells_how_it_stands(bank: Bank, ref: str) -> None:
    body, token = bank.approved(ref[:35])
    key = uuid.uuid4().hex
    first = bank.post(PAYMENTS, body, token, key).json["Data"]
    wait_until(lambda: bank.payment(first["DomesticPaymentId"])["Status"] == "ACCC")

    second = bank.post(PAYMENTS, body, token, key)

    assert (second.status, second.json["Data"]["Status"]) == (201, "ACCC")
    assert second.json["Data"]["DomesticPaymentId"] == first["DomesticPaymentId"]
    assert bank.record(ref[:35]) == [("payment", 2000)]


@pytest.mark.parametrize("keys", [["one"] * 6, [f"other-{number}" for number in range(6)]])
def test_orders_at_the_same_moment_pay_once(bank: Bank, ref: str, keys: list[str]) -> None:
    body, token = bank.approved(ref[:35])

    with ThreadPoolExecutor(len(keys)) as threads:
        replies = list(threads.map(lambda key: bank.post(PAYMENTS, body, token, f"{key} {ref[4:20]}"), keys))

    taken = {reply.json["Data"]["DomesticPaymentId"] for reply in replies if reply.status == 201}
    assert len(taken) == 1
    assert sum(reply.status == 201 for reply in replies) == keys.count(keys[0])
    wait_until(lambda: bank.record(ref[:35]) == [("payment", 2000)])


def test_the_same_key_with_another_body_is_refused(bank: Bank, ref: str) -> None:
    key = uuid.uuid4().hex
    bank.post(CONSENTS, consent_body(ref[:35]), key=key)

    other = bank.post(CONSENTS, consent_body(ref[:35], "21.00"), key=key)

    assert other.status == 400
    assert other.json["Errors"][0]["ErrorCode"] == "U006"
    assert other.json["Errors"][0]["Path"] == "x-idempotency-key"
    found = bank.sandbox.call("GET", f"/sandbox/bank/consents?reference={ref[:35]}").json
    assert found["total"] == 1


def test_a_key_is_forgotten_after_a_day(bank: Bank, ref: str) -> None:
    body, token = bank.approved(ref[:35])
    key = uuid.uuid4().hex
    assert bank.post(PAYMENTS, body, token, key).status == 201
    bank.sandbox.advance(DAY_S)

    late = bank.post(PAYMENTS, body, token, key)

    assert (late.status, late.json["Errors"][0]["ErrorCode"]) == (400, "U009")
    assert bank.record(ref[:35]) == [("payment", 2000)]


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"InstructedAmount": {"Amount": "21.00", "Currency": "GBP"}}, "InstructedAmount.Amount"),
        ({"EndToEndIdentification": "another"}, "EndToEndIdentification"),
        ({"RemittanceInformation": {"Unstructured": ["Other"]}}, "RemittanceInformation.Unstructured"),
    ],
)
def test_what_the_customer_has_not_approved_is_refused(
    bank: Bank, ref: str, changed: dict[str, object], path: str
) -> None:
    body, token = bank.approved(ref[:35])
    approved = json.loads(json.dumps(body))
    body["Data"]["Initiation"] |= changed

    refused = bank.post(PAYMENTS, body, token)

    assert refused.status == 400
    assert refused.json["Errors"][0]["ErrorCode"] == "U008"
    assert refused.json["Errors"][0]["Path"] == f"Data.Initiation.{path}"
    approved["Risk"]["MerchantCategoryCode"] = "5411"
    assert bank.post(PAYMENTS, approved, token).json["Errors"][0]["Path"] == "Risk.MerchantCategoryCode"
    assert bank.record(ref[:35]) == []


def test_a_token_is_good_for_its_consent_only(bank: Bank, ref: str) -> None:
    body, _ = bank.approved(f"a{ref}"[:35])
    _, others = bank.approved(f"b{ref}"[:35])

    assert bank.post(PAYMENTS, body, others).status == 403
    assert bank.post(PAYMENTS, body, bank.token()).status == 403
    assert bank.record(f"a{ref}"[:35]) == []


def test_a_customers_token_stages_and_reads_nothing(bank: Bank, ref: str) -> None:
    body, token = bank.approved(ref[:35])

    assert bank.post(CONSENTS, consent_body(ref[:35]), token).status == 403
    assert bank.get(f"{CONSENTS}/{body['Data']['ConsentId']}", token).status == 403


def test_an_order_without_approval_is_refused(bank: Bank, ref: str) -> None:
    body, data = bank.stage(ref[:35])
    other, token = bank.approved(f"b{ref}"[:35])
    other["Data"]["ConsentId"] = data["ConsentId"]

    assert bank.post(PAYMENTS, other, token).status == 403
    assert bank.get(f"{CONSENTS}/{data['ConsentId']}/funds-confirmation", token).status == 403
    assert body["Data"]["Initiation"]["EndToEndIdentification"] == ref[:35]


def test_a_payment_back_goes_from_our_own_account_to_the_payer(bank: Bank, ref: str) -> None:
    paid = bank.pay(ref[:35]).json["Data"]
    back = refund_body(f"r{ref}"[:35], paid["Refund"]["Account"], "5.00")

    consent = bank.post(CONSENTS, back).json["Data"]
    assert consent["Status"] == "AUTH"
    ordered = bank.post(PAYMENTS, payment_body(back, consent["ConsentId"]))

    assert ordered.status == 201
    assert "Refund" not in ordered.json["Data"]
    wait_until(lambda: bank.record(f"r{ref}"[:35]) == [("refund", 500)])


def test_the_client_may_name_itself_by_signature(bank: Bank) -> None:
    claims = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": f"{bank.issuer}/token",
        "jti": uuid.uuid4().hex,
        "exp": 4_000_000_000,
    }
    form = {
        "grant_type": "client_credentials",
        "scope": "payments",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed_jwt(claims),
    }

    assert bank.form("/token", form).status == 200
    assert bank.form("/token", form).status == 401, "an assertion is good once"
    elsewhere = signed_jwt({**claims, "aud": "https://other.example", "jti": "2"})
    assert bank.form("/token", {**form, "client_assertion": elsewhere}).status == 401
    assert bank.form("/token", {"grant_type": "client_credentials"}).json["error"] == "invalid_client"
