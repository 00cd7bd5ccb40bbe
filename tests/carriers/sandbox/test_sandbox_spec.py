"""Answers and notifications against the OpenAPI file, when it lies beside the project."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator

from tests.carriers.sandbox.harness import BASE, ROOT, Reply, Sandbox, Sink, payment_body

SPEC = ROOT.parent / "shared" / "specs" / "camara" / "carrier-billing.yaml"
pytestmark = pytest.mark.skipif(not SPEC.exists(), reason=f"the specification is not there: {SPEC}")

NUMBER = "+447700900001"
HTTPS_SINK = "https://127.0.0.1:9/nobody"
CREATE, PREPARE, ONE = "/payments", "/payments/prepare", "/payments/{paymentId}"


class Specification:
    """The OpenAPI file with its references resolved."""

    def __init__(self, path: Path) -> None:
        self._root: dict[str, Any] = yaml.safe_load(path.read_text())

    def check(self, reply: Reply, method: str, path: str) -> None:
        """The status is documented for the operation, and body and headers have its schemas."""
        responses = self._root["paths"][path][method.lower()]["responses"]
        assert str(reply.status) in responses, f"{reply.status} is not documented for {method} {path}"
        response = self._resolved(responses[str(reply.status)])
        for name in response.get("headers", {}):
            assert name.lower() in reply.headers, f"{name} is missing"
        if "content" not in response:
            assert reply.body == b""
            return
        assert reply.headers["content-type"] == "application/json"
        body = json.loads(reply.body, parse_float=Decimal)
        Draft4Validator(response["content"]["application/json"]["schema"]).validate(body)

    def check_event(self, event: dict[str, Any]) -> None:
        """The event has the schema of its type."""
        schemas = self._root["components"]["schemas"]
        reference = schemas["CloudEvent"]["discriminator"]["mapping"][event["type"]]
        Draft4Validator(self._resolved({"$ref": reference})).validate(event)

    def _resolved(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self._resolved(item) for item in node]
        if isinstance(node, float):
            return Decimal(str(node))  # 20.1 is a multiple of 0.001, but not as floats
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            target: Any = self._root
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return self._resolved(target)
        return {name: self._resolved(value) for name, value in node.items()}


@pytest.fixture(scope="module")
def spec() -> Specification:
    return Specification(SPEC)


def api(sandbox: Sandbox, method: str, path: str, body: object = None) -> Reply:
    """A request with an x-correlator, whose echo every documented answer has."""
    return sandbox.api(method, path, body, headers={"x-correlator": "spec-1"})


def body_of(number: str, reference: str, **changes: Any) -> bytes:
    return payment_body(f"+44770090{number}", reference, sink=HTTPS_SINK, **changes)


@pytest.mark.parametrize(
    "number", [f"{number:04}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 15, 16, 18, 20)]
)
def test_create(sandbox: Sandbox, spec: Specification, ref: str, number: str) -> None:
    reply = api(sandbox, "POST", CREATE, body_of(number, ref, amount="20.10"))
    spec.check(reply, "POST", CREATE)
    if reply.status == 201:
        payment_id = reply.json["paymentId"]
        assert reply.headers["location"] == f"{BASE}/payments/{payment_id}"
        assert reply.json["amountTransaction"]["resourceURL"] == reply.headers["location"]
        spec.check(api(sandbox, "GET", f"/payments/{payment_id}"), "GET", ONE)


def test_create_refusals(sandbox: Sandbox, spec: Specification, ref: str) -> None:
    spec.check(api(sandbox, "POST", CREATE, b"{}"), "POST", CREATE)
    for _ in range(2):
        last = api(sandbox, "POST", CREATE, body_of("0001", ref))
        spec.check(last, "POST", CREATE)
    assert last.status == 400
    unsigned = sandbox.call("POST", BASE + CREATE, body_of("0001", ref), {"x-correlator": "a"})
    spec.check(unsigned, "POST", CREATE)


def test_two_steps(sandbox: Sandbox, spec: Specification, ref: str) -> None:
    prepared = api(sandbox, "POST", PREPARE, body_of("0001", ref))
    spec.check(prepared, "POST", PREPARE)
    spec.check(api(sandbox, "POST", PREPARE, body_of("0002", ref)), "POST", PREPARE)
    path = f"/payments/{prepared.json['paymentId']}"
    right = {"authorizationId": prepared.json["validationInfo"]["authorizationId"], "code": "123456"}
    for body in ({**right, "code": "1"}, {**right, "authorizationId": "x"}, {}, right, right):
        spec.check(api(sandbox, "POST", f"{path}/validate", body), "POST", f"{ONE}/validate")
    spec.check(api(sandbox, "POST", "/payments/x/validate", right), "POST", f"{ONE}/validate")
    for body in ({}, {"phoneNumber": "+447700900999"}, {"phoneNumber": NUMBER}, {"phoneNumber": NUMBER}):
        spec.check(api(sandbox, "POST", f"{path}/confirm", body), "POST", f"{ONE}/confirm")
    spec.check(api(sandbox, "POST", f"{path}/cancel", {"phoneNumber": NUMBER}), "POST", f"{ONE}/cancel")
    other = api(sandbox, "POST", PREPARE, body_of("0001", f"{ref}-2")).json["paymentId"]
    for _ in range(2):
        reply = api(sandbox, "POST", f"/payments/{other}/cancel", {"phoneNumber": NUMBER})
        spec.check(reply, "POST", f"{ONE}/cancel")


def test_reads(sandbox: Sandbox, spec: Specification, ref: str) -> None:
    for number in ("0001", "0007", "0009"):
        body = json.loads(body_of(number, f"{ref}-{number}"))
        # Payments of other tests have sinks at http://127.0.0.1, which the specification does not know.
        body["amountTransaction"]["paymentAmount"]["chargingMetaData"] = {"merchantIdentifier": ref}
        api(sandbox, "POST", CREATE, body)
    for query in ("", "&perPage=2&order=asc", "&page=0", "&paymentStatus=x", "&paymentCreationDate.gte=x"):
        reply = api(sandbox, "GET", f"/payments?merchantIdentifier={ref}{query}")
        spec.check(reply, "GET", CREATE)
        assert reply.status == 400 or reply.headers["x-total-count"] == "3"
    spec.check(api(sandbox, "GET", "/payments/unknown"), "GET", ONE)


def test_events(sandbox: Sandbox, spec: Specification, ref: str, sink: Sink) -> None:
    for number in ("0007", "0008", "0018"):
        sandbox.pay(number, f"{ref}-{number}", sink=sink.url)
    prepared = sandbox.pay("0001", ref, "/prepare", sink=sink.url).json
    path = f"/payments/{prepared['paymentId']}"
    right = {"authorizationId": prepared["validationInfo"]["authorizationId"], "code": "123456"}
    assert sandbox.api("POST", f"{path}/validate", right).status == 204
    assert sandbox.api("POST", f"{path}/confirm", {"phoneNumber": NUMBER}).status == 202
    events = [sink.next() for _ in range(6)]
    for event in events:
        spec.check_event(event)
    assert sorted(event["type"].rpartition("-v0.")[2].rpartition(".")[2] for event in events) == [
        "payment-cancelled",
        "payment-completed",
        "payment-completed",
        "payment-denied",
        "payment-pending-validation",
        "payment-reserved",
    ]
