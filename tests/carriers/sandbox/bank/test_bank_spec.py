"""Requests and answers against the OpenAPI file, when it lies beside the project."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator, FormatChecker

from tests.carriers.sandbox.bank.client import (
    CONSENTS,
    PAYMENTS,
    Bank,
    consent_body,
    payment_body,
    refund_body,
)
from tests.carriers.sandbox.harness import ROOT, Reply, wait_until

SPEC = ROOT.parent / "shared" / "specs" / "open-banking" / "payment-initiation-openapi.yaml"
pytestmark = pytest.mark.skipif(not SPEC.exists(), reason=f"the specification is not there: {SPEC}")

CONSENT, FUNDS = "/domestic-payment-consents", "/domestic-payment-consents/{ConsentId}/funds-confirmation"
PAYMENT, ONE = "/domestic-payments", "/domestic-payments/{DomesticPaymentId}"
DETAILS = f"{ONE}/payment-details"


@cache
def document() -> dict[str, Any]:
    """The OpenAPI file."""
    read: dict[str, Any] = yaml.load(SPEC.read_text(), yaml.CSafeLoader)
    return read


def resolved(node: Any) -> Any:
    """The node with its references followed."""
    if isinstance(node, list):
        return [resolved(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return resolved(target)
    return {name: resolved(value) for name, value in node.items()}


def check_request(body: object, path: str) -> None:
    """The body has the schema of the operation."""
    operation = document()["paths"][path]["post"]
    schema = resolved(operation["requestBody"]["content"]["application/json"]["schema"])
    Draft4Validator(schema).validate(body)


def check(reply: Reply, method: str, path: str) -> None:
    """The status is documented for the operation, and headers and body have its schemas."""
    responses = document()["paths"][path][method]["responses"]
    assert str(reply.status) in responses, f"{reply.status} is not documented for {method} {path}"
    response = resolved(responses[str(reply.status)])
    for name, header in response.get("headers", {}).items():
        assert name.lower() in reply.headers or not header.get("required"), f"{name} is missing"
    if "content" not in response:
        assert reply.body == b""
        return
    assert reply.headers["content-type"] in response["content"]
    schema = response["content"]["application/json"]["schema"]
    Draft4Validator(schema, format_checker=FormatChecker()).validate(json.loads(reply.body))


def test_a_payment_and_its_refund_have_the_documented_form(bank: Bank, ref: str) -> None:
    body = consent_body(ref[:35])
    check_request(body, CONSENT)
    made = bank.post(CONSENTS, body)
    check(made, "post", CONSENT)
    consent_id = made.json["Data"]["ConsentId"]
    token = bank.exchange(bank.decide(bank.authorize_path(consent_id))["code"]).json["access_token"]
    check(bank.get(f"{CONSENTS}/{consent_id}"), "get", f"{CONSENT}/{{ConsentId}}")
    check(bank.get(f"{CONSENTS}/{consent_id}/funds-confirmation", token), "get", FUNDS)

    order = payment_body(body, consent_id)
    check_request(order, PAYMENT)
    paid = bank.post(PAYMENTS, order, token)
    check(paid, "post", PAYMENT)
    back = refund_body(f"r{ref}"[:35], paid.json["Data"]["Refund"]["Account"])
    check_request(back, CONSENT)
    refund = bank.post(CONSENTS, back)
    check(refund, "post", CONSENT)
    check(bank.post(PAYMENTS, payment_body(back, refund.json["Data"]["ConsentId"])), "post", PAYMENT)
    check(bank.get(f"{CONSENTS}/{consent_id}"), "get", f"{CONSENT}/{{ConsentId}}")


@pytest.mark.parametrize("bank_id", ["sandbox-bank-slow", "sandbox-bank-rejects", "sandbox-bank-holds"])
def test_each_status_has_the_documented_form(bank_of: Callable[[str], Bank], ref: str, bank_id: str) -> None:
    bank = bank_of(bank_id)
    payment_id = bank.pay(ref[:35]).json["Data"]["DomesticPaymentId"]
    seen = set()

    def ended() -> bool:
        found = bank.get(f"{PAYMENTS}/{payment_id}")
        check(found, "get", ONE)
        check(bank.get(f"{PAYMENTS}/{payment_id}/payment-details"), "get", DETAILS)
        seen.add(found.json["Data"]["Status"])
        return bool(seen & {"ACCC", "RJCT", "BLCK"})

    wait_until(ended)


def refusals(bank: Bank, reference: str) -> Iterator[tuple[Reply, str, str]]:
    """One of each status that is not a success, and the operation it is of."""
    body = consent_body(reference)
    one = f"{CONSENT}/{{ConsentId}}"
    yield bank.post(CONSENTS, {"Data": 1}), "post", CONSENT
    yield bank.post(CONSENTS, body, "forged"), "post", CONSENT
    yield bank.post(PAYMENTS, payment_body(body, "none")), "post", PAYMENT
    yield bank.post(CONSENTS, body, headers={"Content-Type": "text/plain"}), "post", CONSENT
    yield bank.post(CONSENTS, body, headers={"Accept": "text/html"}), "post", CONSENT
    yield bank.call("PUT", CONSENTS), "post", CONSENT
    _, token = bank.approved(f"b{reference}"[:35])
    yield bank.get(f"{CONSENTS}/none", token), "get", one
    yield bank.get(f"{CONSENTS}/none"), "get", one
    bank.sandbox.set(bank_force=[{"fault": "consent_error_500", "next_n": 1}])
    yield bank.post(CONSENTS, body), "post", CONSENT


def test_each_refusal_has_the_documented_form(bank: Bank, ref: str) -> None:
    statuses = []

    for reply, method, path in refusals(bank, ref[:35]):
        check(reply, method, path)
        statuses.append(reply.status)

    assert statuses == [400, 401, 400, 415, 406, 405, 403, 400, 500]
