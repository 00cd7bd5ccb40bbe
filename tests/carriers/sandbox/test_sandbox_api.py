"""The carrier's API as the specification has it: tokens, checks, two steps, lists, notifications."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import quote

import pytest

from tests.carriers.sandbox.harness import (
    BASE,
    CLIENT_ID,
    CLIENT_SECRET,
    PATIENCE_S,
    Sandbox,
    Sink,
    payment_body,
    wait_until,
)
from tests.carriers.sandbox.test_sandbox_stories import confirm, reserved

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NUMBER = "+447700900001"


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {**FORM, "Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def test_token_by_basic_and_by_body(sandbox: Sandbox) -> None:
    by_basic = sandbox.call(
        "POST", "/oauth2/token", b"grant_type=client_credentials", basic(CLIENT_ID, CLIENT_SECRET)
    )
    form = f"grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}"
    by_body = sandbox.call("POST", "/oauth2/token", form.encode(), FORM)
    for reply in (by_basic, by_body):
        assert (reply.status, reply.json["token_type"], reply.json["expires_in"]) == (200, "Bearer", 3600)
        assert reply.headers["cache-control"] == "no-store"


def test_token_refusals(sandbox: Sandbox) -> None:
    grant = b"grant_type=client_credentials"
    for headers in (basic(CLIENT_ID, "wrong"), basic("wrong", CLIENT_SECRET), FORM):
        reply = sandbox.call("POST", "/oauth2/token", grant, headers)
        assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    right = basic(CLIENT_ID, CLIENT_SECRET)
    assert sandbox.call("POST", "/oauth2/token", b"grant_type=password", right).status == 400
    assert (
        sandbox.call("POST", "/oauth2/token", grant + b"&scope=admin", right).json["error"] == "invalid_scope"
    )


def test_api_needs_a_live_token_with_the_scope(sandbox: Sandbox, ref: str) -> None:
    body = payment_body(NUMBER, ref)
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Bearer a.b"}):
        reply = sandbox.call("POST", f"{BASE}/payments", body, headers)
        assert reply.error == (401, "UNAUTHENTICATED")
    form = b"grant_type=client_credentials&scope=carrier-billing:payments:read"
    reader = sandbox.call("POST", "/oauth2/token", form, basic(CLIENT_ID, CLIENT_SECRET)).json["access_token"]
    only_read = {"Authorization": f"Bearer {reader}"}
    assert sandbox.call("POST", f"{BASE}/payments", body, only_read).error == (403, "PERMISSION_DENIED")
    assert sandbox.call("GET", f"{BASE}/payments", headers=only_read).status == 200
    assert sandbox.charges(ref) == []


def test_tokens_end(sandbox: Sandbox) -> None:
    right = basic(CLIENT_ID, CLIENT_SECRET)

    def issued() -> dict[str, str]:
        reply = sandbox.call("POST", "/oauth2/token", b"grant_type=client_credentials", right)
        return {"Authorization": f"Bearer {reply.json['access_token']}"}

    def status(headers: dict[str, str]) -> int:
        return sandbox.call("GET", f"{BASE}/payments", headers=headers).status

    lasting = issued()
    sandbox.set(token_lifetime_s=1)
    asked_at = time.monotonic()
    short = issued()
    # Tokens age by the wall clock, so a slow machine may come when the second is over; else it must be good.
    assert status(short) == 200 or time.monotonic() - asked_at >= 1
    wait_until(lambda: status(short) == 401)
    assert status(lasting) == 200


def changed(ref: str, **changes: Any) -> dict[str, Any]:
    """A right body with members changed by their dotted path; None takes a member away."""
    body: dict[str, Any] = json.loads(payment_body(NUMBER, ref, sink="https://casino.example/n"))
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = body
        for parent in parents:
            place = place[parent]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return body


CHARGING = "amountTransaction__paymentAmount__chargingInformation__"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"amountTransaction": None}, 400, "INVALID_ARGUMENT"),
        ({"amountTransaction__referenceCode": None}, 400, "INVALID_ARGUMENT"),
        ({"amountTransaction__referenceCode": 7}, 400, "INVALID_ARGUMENT"),
        ({"amountTransaction__paymentAmount": {}}, 400, "INVALID_ARGUMENT"),
        ({"amountTransaction__phoneNumber": "07700900001"}, 400, "INVALID_ARGUMENT"),
        ({"amountTransaction__phoneNumber": NUMBER + "\n"}, 400, "INVALID_ARGUMENT"),
        ({"amountTransaction__phoneNumber": None}, 422, "MISSING_IDENTIFIER"),
        ({CHARGING + "amount": "20.00"}, 400, "INVALID_ARGUMENT"),
        ({CHARGING + "amount": True}, 400, "INVALID_ARGUMENT"),
        ({CHARGING + "amount": 0}, 400, "INVALID_ARGUMENT"),
        ({CHARGING + "amount": -20}, 400, "INVALID_ARGUMENT"),
        ({CHARGING + "amount": 20.0001}, 400, "INVALID_ARGUMENT"),
        ({CHARGING + "amount": 1e300}, 400, "INVALID_ARGUMENT"),
        ({CHARGING + "amount": 20.001}, 422, "CARRIER_BILLING.UNAUTHORIZED_AMOUNT"),
        ({CHARGING + "amount": 0.99}, 422, "CARRIER_BILLING.UNAUTHORIZED_AMOUNT"),
        ({CHARGING + "amount": 40.01}, 422, "CARRIER_BILLING.UNAUTHORIZED_AMOUNT"),
        ({CHARGING + "currency": "EUR"}, 400, "INVALID_ARGUMENT"),
        ({CHARGING + "description": None}, 400, "INVALID_ARGUMENT"),
        ({CHARGING + "taxAmount": -1}, 400, "INVALID_ARGUMENT"),
        ({"amountTransaction__paymentAmount__paymentDetails": []}, 400, "INVALID_ARGUMENT"),
        ({"sink": "ftp://casino.example/n"}, 400, "INVALID_SINK"),
        ({"sink": "http://casino.example/n"}, 400, "INVALID_SINK"),
        ({"sink": "https://"}, 400, "INVALID_SINK"),
        ({"sinkCredential__credentialType": "PLAIN"}, 400, "INVALID_CREDENTIAL"),
        ({"sinkCredential__credentialType": "OTHER"}, 400, "INVALID_ARGUMENT"),
        ({"sinkCredential__accessToken": None}, 400, "INVALID_ARGUMENT"),
        ({"sinkCredential__accessToken": "a\r\nb"}, 400, "INVALID_ARGUMENT"),
        ({"sinkCredential__accessTokenType": "mac"}, 400, "INVALID_TOKEN"),
        ({"sinkCredential__accessTokenExpiresUtc": "2099-01-01T00:00:00"}, 400, "INVALID_ARGUMENT"),
    ],
)
def test_wrong_bodies_are_refused_and_nothing_moves(
    sandbox: Sandbox, ref: str, changes: dict[str, Any], status: int, code: str
) -> None:
    for step in ("/payments", "/payments/prepare"):
        assert sandbox.api("POST", step, changed(ref, **changes)).error == (status, code)
    assert (sandbox.listed(ref), sandbox.charges(ref)) == ([], [])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"[" * 50_000, b"\xff", b'{"amountTransaction": NaN}', b" " * 70_000]
)
def test_bodies_that_are_no_json_object_are_refused(sandbox: Sandbox, body: bytes) -> None:
    assert sandbox.api("POST", "/payments", body).error == (400, "INVALID_ARGUMENT")


def test_other_content_types_paths_and_methods(sandbox: Sandbox, ref: str) -> None:
    text = {"Content-Type": "text/plain"}
    reply = sandbox.api("POST", "/payments", payment_body(NUMBER, ref), headers=text)
    assert reply.error == (400, "INVALID_ARGUMENT")
    assert sandbox.api("GET", "/payments/unknown").error == (404, "NOT_FOUND")
    assert sandbox.api("GET", "/nothing").error == (404, "NOT_FOUND")
    assert sandbox.api("PUT", "/payments").error == (405, "METHOD_NOT_ALLOWED")
    assert sandbox.api("GET", "/payments/prepare").headers["allow"] == "POST"


def test_x_correlator_is_echoed_and_checked(sandbox: Sandbox, ref: str) -> None:
    for reply in (
        sandbox.api("POST", "/payments", payment_body(NUMBER, ref), headers={"x-correlator": "a/b:1"}),
        sandbox.api("GET", "/payments/unknown", headers={"x-correlator": "a/b:1"}),
    ):
        assert reply.headers["x-correlator"] == "a/b:1"
    wrong = sandbox.api("GET", "/payments", headers={"x-correlator": "a b"})
    assert wrong.error == (400, "INVALID_ARGUMENT")
    assert "x-correlator" not in wrong.headers


def test_repeated_client_correlator_is_refused_across_create_and_prepare(sandbox: Sandbox, ref: str) -> None:
    assert sandbox.pay("0001", ref).status == 201
    for step in ("", "/prepare"):
        reply = sandbox.pay("0001", ref, step)
        assert reply.error == (400, "INVALID_ARGUMENT")
        assert "clientCorrelator already exist" in reply.json["message"]
    other = f"{ref}-two"
    assert sandbox.pay("0001", other, "/prepare").status == 201
    assert sandbox.pay("0001", other).error == (400, "INVALID_ARGUMENT")
    assert sandbox.charges(ref) == [("charge", 2000)]
    assert sandbox.charges(other) == []


def test_client_correlator_may_be_missing(sandbox: Sandbox, ref: str) -> None:
    body = changed(ref, amountTransaction__clientCorrelator=None)
    ids = {sandbox.api("POST", "/payments", body).json["paymentId"] for _ in range(2)}
    assert len(ids) == 2


def test_amounts_are_exact(sandbox: Sandbox, ref: str) -> None:
    for index, amount in enumerate(("1.1", "33.30", "19.990", "4e1")):
        reply = sandbox.pay("0001", f"{ref}-{index}", amount=amount)
        assert reply.status == 201, reply.body
    charged = [sandbox.charges(f"{ref}-{index}")[0][1] for index in range(4)]
    assert charged == [110, 3330, 1999, 4000]
    assert b'"amount":33.30,' in sandbox.api("GET", "/payments?perPage=5").body


def test_two_steps(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    payment_id = reserved(sandbox, "0001", ref, sink.url)
    assert sandbox.payment(payment_id)["paymentStatus"] == "reserved"
    assert sandbox.charges(ref) == []
    reply = sandbox.api("POST", f"/payments/{payment_id}/confirm", {"phoneNumber": NUMBER})
    assert (reply.status, reply.body, reply.headers.get("content-type")) == (202, b"", None)
    assert sandbox.payment(payment_id)["paymentStatus"] == "succeeded"
    assert sandbox.charges(ref) == [("charge", 2000)]
    kinds = {sink.next()["type"].rpartition(".")[2] for _ in range(3)}
    assert kinds == {"payment-pending-validation", "payment-reserved", "payment-completed"}
    for step in ("confirm", "cancel"):
        again = sandbox.api("POST", f"/payments/{payment_id}/{step}", {"phoneNumber": NUMBER})
        assert again.error == (409, "CARRIER_BILLING.PAYMENT_CONFIRMED")
    assert sandbox.charges(ref) == [("charge", 2000)]


def test_cancel(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    payment_id = reserved(sandbox, "0001", ref, sink.url)
    reply = sandbox.api("POST", f"/payments/{payment_id}/cancel", {"phoneNumber": NUMBER})
    assert (reply.status, reply.body) == (202, b"")
    assert sandbox.payment(payment_id)["paymentStatus"] == "cancelled"
    for step in ("confirm", "cancel"):
        again = sandbox.api("POST", f"/payments/{payment_id}/{step}", {"phoneNumber": NUMBER})
        assert again.error == (409, "CARRIER_BILLING.PAYMENT_CANCELLED")
    assert sandbox.charges(ref) == []
    kinds = {sink.next()["type"].rpartition(".")[2] for _ in range(3)}
    assert "payment-cancelled" in kinds


def test_second_step_refusals(sandbox: Sandbox, ref: str) -> None:
    prepared = sandbox.pay("0001", ref, "/prepare").json
    path = f"/payments/{prepared['paymentId']}"
    right = {"authorizationId": prepared["validationInfo"]["authorizationId"], "code": "123456"}
    wrong_id = {**right, "authorizationId": "other"}
    reply = sandbox.api("POST", f"{path}/validate", wrong_id)
    assert reply.error == (400, "CARRIER_BILLING.INVALID_AUTHORIZATION_ID")
    assert sandbox.api("POST", f"{path}/validate", {"code": "123456"}).error == (400, "INVALID_ARGUMENT")
    assert sandbox.api("POST", f"{path}/confirm", {}).error == (422, "MISSING_IDENTIFIER")
    other = {"phoneNumber": "+447700900999"}
    assert sandbox.api("POST", f"{path}/confirm", other).error == (404, "IDENTIFIER_NOT_FOUND")
    assert sandbox.api("POST", f"{path}/confirm", {"phoneNumber": NUMBER}).error == (400, "INVALID_ARGUMENT")
    assert sandbox.api("POST", "/payments/x/cancel", {"phoneNumber": NUMBER}).error == (404, "NOT_FOUND")
    assert sandbox.api("POST", f"{path}/validate", right).status == 204
    assert sandbox.api("POST", f"{path}/validate", right).error == (409, "ALREADY_EXISTS")
    assert sandbox.charges(ref) == []


def test_prepared_payment_expires(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    payment_id = reserved(sandbox, "0001", ref, sink.url)
    sandbox.advance(570)
    assert sandbox.payment(payment_id)["paymentStatus"] == "reserved"
    sandbox.advance(31)
    assert sandbox.payment(payment_id)["paymentStatus"] == "denied"
    assert confirm(sandbox, "0001", payment_id) == 403
    kinds = {sink.next()["type"].rpartition(".")[2] for _ in range(3)}
    assert "payment-denied" in kinds
    assert sandbox.charges(ref) == []


def test_list_filters_and_pages(sandbox: Sandbox, ref: str) -> None:
    merchant = {"chargingMetaData": {"merchantIdentifier": ref}}
    ids = []
    for index, number in enumerate(("0001", "0016", "0001", "0001")):
        body = json.loads(payment_body(f"+44770090{number}", f"{ref}-{index}"))
        body["amountTransaction"]["paymentAmount"].update(merchant)
        ids.append(sandbox.api("POST", "/payments", body).json["paymentId"])

    def found(query: str) -> tuple[list[str], str, str]:
        reply = sandbox.api("GET", f"/payments?merchantIdentifier={ref}&{query}")
        assert reply.status == 200, reply.body
        shown = [one["paymentId"] for one in reply.json]
        return shown, reply.headers["x-total-count"], reply.headers["content-last-key"]

    assert found("") == (ids[::-1], "4", "4")
    assert found("order=asc&perPage=3") == (ids[:3], "4", "3")
    assert found("order=asc&perPage=3&page=2") == (ids[3:], "4", "4")
    assert found("perPage=3&page=2") == (ids[:1], "4", "4")
    assert found("page=3") == ([], "4", "0")
    assert found("paymentStatus=processing") == ([ids[1]], "1", "1")
    assert found("paymentStatus=processing&paymentStatus=succeeded&order=asc")[0] == ids
    second = quote(sandbox.payment(ids[1])["paymentCreationDate"])
    later = [one for one in ids if sandbox.payment(one)["paymentCreationDate"] >= second.replace("%3A", ":")]
    assert set(found(f"paymentCreationDate.gte={second}")[0]) == set(later)
    assert ids[1] in found(f"paymentCreationDate.lte={second}")[0]
    assert found("paymentCreationDate.gte=2999-01-01T00:00:00Z")[1] == "0"
    assert found("paymentCreationDate.lte=2001-01-01T01:00:00%2B01:00")[1] == "0"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (
            "paymentCreationDate.gte=2026-01-02T00:00:00Z&paymentCreationDate.lte=2026-01-01T00:00:00Z",
            "CARRIER_BILLING.INVALID_DATE_RANGE",
        ),
        ("paymentCreationDate.gte=2026-01-02T00:00:00", "INVALID_ARGUMENT"),
        ("paymentCreationDate.lte=yesterday", "INVALID_ARGUMENT"),
        ("paymentStatus=settled", "INVALID_ARGUMENT"),
        ("order=up", "INVALID_ARGUMENT"),
        ("page=x", "INVALID_ARGUMENT"),
        ("page=0", "OUT_OF_RANGE"),
        ("perPage=0", "OUT_OF_RANGE"),
        ("perPage=100000", "OUT_OF_RANGE"),
    ],
)
def test_wrong_queries_are_refused(sandbox: Sandbox, query: str, code: str) -> None:
    assert sandbox.api("GET", f"/payments?{query}").error == (400, code)


def test_notification_carries_the_token_and_is_tried_three_times(
    sandbox: Sandbox, ref: str, sink: Sink
) -> None:
    sink.statuses = [500, 503]
    sandbox.api(
        "POST",
        "/payments",
        payment_body("+447700900008", ref, sink=sink.url),
        headers={"x-correlator": "c-1"},
    )
    received = [sink.events.get(timeout=PATIENCE_S) for _ in range(3)]
    assert len({event["id"] for event, _ in received}) == 1
    for event, headers in received:
        assert headers["authorization"] == "Bearer tell-me"
        assert headers["content-type"] == "application/cloudevents+json"
        assert headers["x-correlator"] == "c-1"
        assert event["specversion"] == "1.0"

    def sent() -> Any:
        return sandbox.call("GET", f"/sandbox/notifications?reference={ref}").json["notifications"][0]

    wait_until(lambda: sent()["state"] == "delivered")
    assert sent()["answers"] == [500, 503, 204]


def test_notification_is_dropped_after_three_tries(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    sink.statuses = [500] * 9
    sandbox.pay("0008", ref, sink=sink.url)

    def sent() -> Any:
        return sandbox.call("GET", f"/sandbox/notifications?reference={ref}").json["notifications"]

    wait_until(lambda: bool(sent()) and sent()[0]["state"] == "dropped")
    assert sent()[0]["answers"] == [500, 500, 500]


def test_notification_is_not_sent_with_an_expired_token(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    body = changed(
        ref,
        amountTransaction__phoneNumber="+447700900008",
        sink=sink.url,
        sinkCredential__accessTokenExpiresUtc="2020-01-01T00:00:00Z",
    )
    assert sandbox.api("POST", "/payments", body).status == 201
    wait_until(
        lambda: any(
            sent["answers"] == ["token expired"] and sent["state"] == "dropped"
            for sent in sandbox.call("GET", f"/sandbox/notifications?reference={ref}").json["notifications"]
        )
    )
    assert sink.events.empty()
