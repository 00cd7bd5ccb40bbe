"""The sandbox's refund API: its answers against the OpenAPI file, its arithmetic, its stories, its memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.carriers.sandbox.harness import Reply, Sandbox
from tests.carriers.sandbox.test_sandbox_spec import SPEC, Specification

BASE = "/carrier-billing-refund/v0.3"
LIST = "/payments/{paymentId}/refunds"
ONE = f"{LIST}/{{refundId}}"
LEFT = f"{LIST}/remaining-amount"
REFUND_SPEC = SPEC.with_name("carrier-billing-refund.yaml")


def call(sandbox: Sandbox, method: str, path: str, body: object = None) -> Reply:
    headers = {"Authorization": f"Bearer {sandbox.token()}", "x-correlator": "refund-1"}
    return sandbox.call(method, BASE + path, body, headers)


def asked(reference: str, amount: float | None = 5.5, currency: str = "GBP") -> dict[str, Any]:
    """A partial refund, or all that is left when there is no amount."""
    charge = {"amount": amount, "currency": currency, "description": "Refund"}
    return {
        "type": "partial" if amount else "total",
        "amountTransaction": {
            "clientCorrelator": reference,
            "referenceCode": reference,
            "refundAmount": {"chargingInformation": charge} if amount else {},
        },
    }


def paid(sandbox: Sandbox, reference: str, number: str = "0001") -> str:
    """The path of the refunds of a payment of £20."""
    return f"/payments/{sandbox.pay(number, reference).json['paymentId']}/refunds"


def left(sandbox: Sandbox, path: str) -> str:
    return str(call(sandbox, "GET", f"{path}/remaining-amount").json["amount"])


@pytest.mark.skipif(not REFUND_SPEC.exists(), reason=f"the specification is not there: {REFUND_SPEC}")
def test_answers_have_the_shapes_of_the_specification(sandbox: Sandbox, ref: str) -> None:
    spec = Specification(REFUND_SPEC)
    path = paid(sandbox, ref)
    done = call(sandbox, "POST", path, asked(f"{ref}-1"))
    assert done.status == 201
    for reply, method, address in (
        (done, "POST", LIST),
        (call(sandbox, "POST", path, asked(f"{ref}-1")), "POST", LIST),
        (call(sandbox, "POST", path, asked(f"{ref}-2", 99)), "POST", LIST),
        (call(sandbox, "POST", path, asked(f"{ref}-2", 1, "EUR")), "POST", LIST),
        (call(sandbox, "POST", path, {}), "POST", LIST),
        (call(sandbox, "POST", path, asked(f"{ref}-3", None)), "POST", LIST),
        (call(sandbox, "POST", paid(sandbox, f"{ref}-b", "0021"), asked(f"{ref}-4")), "POST", LIST),
        (call(sandbox, "GET", path), "GET", LIST),
        (call(sandbox, "GET", f"{path}/{done.json['refundId']}"), "GET", ONE),
        (call(sandbox, "GET", f"{path}/nothing"), "GET", ONE),
        (call(sandbox, "GET", f"{path}/remaining-amount"), "GET", LEFT),
    ):
        spec.check(reply, method, address)


def test_never_more_goes_back_than_was_paid(sandbox: Sandbox, ref: str) -> None:
    path = paid(sandbox, ref)
    assert [call(sandbox, "POST", path, asked(f"{ref}-{n}", 8)).status for n in range(3)] == [201, 201, 422]
    assert left(sandbox, path) == "4"
    assert call(sandbox, "POST", path, asked(f"{ref}-9", None)).status == 201
    assert left(sandbox, path) == "0"
    told = sandbox.call("GET", f"/sandbox/refunds?reference={ref}").json["refunds"]
    assert [one["amount_minor"] for one in told] == [800, 800, 400]


def test_a_reference_is_taken_once(sandbox: Sandbox, ref: str) -> None:
    path = paid(sandbox, ref)
    assert call(sandbox, "POST", path, asked(f"{ref}-1")).status == 201
    assert call(sandbox, "POST", path, asked(f"{ref}-1")).error == (400, "INVALID_ARGUMENT")
    assert len(call(sandbox, "GET", path).json) == 1


def test_what_is_not_paid_cannot_go_back(sandbox: Sandbox, ref: str) -> None:
    path = paid(sandbox, ref, "0016")
    refused = call(sandbox, "POST", path, asked(f"{ref}-1"))
    assert refused.error == (422, "CARRIER_BILLING_REFUND.INVALID_PAYMENT_STATUS")


@pytest.mark.parametrize(("number", "end"), [("0022", "succeeded"), ("0023", "denied")])
def test_a_refund_that_takes_time_ends_and_a_denied_one_can_be_asked_for_again(
    sandbox: Sandbox, ref: str, number: str, end: str
) -> None:
    path = paid(sandbox, ref, number)
    assert sandbox.call("PUT", "/sandbox/settings", {"time_divisor": 0.01}).status == 200
    made = call(sandbox, "POST", path, asked(f"{ref}-1", 20)).json
    assert (made["refundStatus"], left(sandbox, path)) == ("processing", "0")
    sandbox.call("POST", "/sandbox/clock", {"advance_s": 2_000})
    assert call(sandbox, "GET", f"{path}/{made['refundId']}").json["refundStatus"] == end
    assert left(sandbox, path) == ("0" if end == "succeeded" else "20")


def test_refunds_outlive_a_restart(fresh: Callable[..., Sandbox], ref: str) -> None:
    sandbox = fresh()
    path = paid(sandbox, ref, "0022")
    first = call(sandbox, "POST", path, asked(f"{ref}-1", 5)).json["refundId"]
    sandbox.stop(9)
    sandbox.start()
    sandbox.call("POST", "/sandbox/clock", {"advance_s": 10})
    shown = call(sandbox, "GET", f"{path}/{first}").json
    assert (shown["refundStatus"], left(sandbox, path)) == ("succeeded", "15")


def test_a_token_without_the_scope_refunds_nothing(sandbox: Sandbox, ref: str) -> None:
    path = paid(sandbox, ref)
    assert sandbox.call("POST", BASE + path, asked(f"{ref}-1")).status == 401
