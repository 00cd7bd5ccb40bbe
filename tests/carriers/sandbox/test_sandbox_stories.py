"""Each phone number plays its story, and the record of charges tells the truth about it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any

import pytest

from tests.carriers.sandbox.harness import PATIENCE_S, Sandbox, Sink, wait_until


def test_001_and_plain_numbers_are_approved_at_once(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    for number in ("0001", "4321"):
        reply = sandbox.pay(number, f"{ref}-{number}", amount="20.10", sink=sink.url)
        assert (reply.status, reply.json["paymentStatus"]) == (201, "succeeded")
        charging = reply.json["amountTransaction"]["paymentAmount"]["chargingInformation"]
        assert (charging["amount"], charging["currency"]) == ("20.10", "GBP")
        assert sandbox.charges(f"{ref}-{number}") == [("charge", 2010)]
    assert sink.events.empty(), "a synchronous success in one step is not notified"


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        ("0002", 403, "CARRIER_BILLING.PAYMENT_DENIED"),
        ("0003", 422, "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED"),
        ("0004", 422, "CARRIER_BILLING.UNAUTHORIZED_AMOUNT"),
        ("0005", 404, "IDENTIFIER_NOT_FOUND"),
        ("0006", 422, "SERVICE_NOT_APPLICABLE"),
    ],
)
@pytest.mark.parametrize("step", ["", "/prepare"])
def test_002_to_006_decline_and_keep_nothing(
    sandbox: Sandbox, ref: str, number: str, status: int, code: str, step: str
) -> None:
    for _ in range(2):
        assert sandbox.pay(number, ref, step).error == (status, code)
    assert sandbox.listed(ref) == []
    assert sandbox.charges(ref) == []


def test_007_is_approved_later_and_notified(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    sandbox.set(time_divisor=0.01)  # 15 s become 1,500: only the clock decides here
    created = sandbox.pay("0007", ref, sink=sink.url).json
    assert created["paymentStatus"] == "processing"
    assert "paymentDate" not in created
    assert sandbox.charges(ref) == []
    sandbox.advance(1_501)
    event = sink.next()
    assert event["type"].endswith("payment-completed")
    assert event["data"]["paymentId"] == created["paymentId"]
    assert sandbox.payment(created["paymentId"])["paymentStatus"] == "succeeded"
    assert event["data"]["paymentDate"] == sandbox.payment(created["paymentId"])["paymentDate"]
    assert sandbox.charges(ref) == [("charge", 2000)]


def test_008_is_denied_later_and_notified(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    created = sandbox.pay("0008", ref, sink=sink.url).json
    assert created["paymentStatus"] == "processing"
    event = sink.next()
    assert event["type"].endswith("payment-denied")
    assert (event["data"]["status"], bool(event["data"]["denialReason"])) == ("failed", True)
    assert sandbox.payment(created["paymentId"])["paymentStatus"] == "denied"
    assert sandbox.charges(ref) == []


def test_009_needs_its_code_in_one_step_too(sandbox: Sandbox, ref: str) -> None:
    created = sandbox.pay("0009", ref).json
    assert created["paymentStatus"] == "pending_validation"
    assert created["validationInfo"]["action"] == "validate"
    answer = {"authorizationId": created["validationInfo"]["authorizationId"], "code": "123456"}
    path = f"/payments/{created['paymentId']}"
    assert sandbox.api("POST", f"{path}/validate", answer).status == 204
    assert sandbox.payment(created["paymentId"])["paymentStatus"] == "reserved"
    assert sandbox.charges(ref) == []
    assert sandbox.api("POST", f"{path}/confirm", {"phoneNumber": "+447700900009"}).status == 202
    assert sandbox.payment(created["paymentId"])["paymentStatus"] == "succeeded"
    assert sandbox.charges(ref) == [("charge", 2000)]


def test_009_third_wrong_code_denies(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    created = sandbox.pay("0009", ref, sink=sink.url).json
    answer = {"authorizationId": created["validationInfo"]["authorizationId"], "code": "000000"}
    path = f"/payments/{created['paymentId']}/validate"
    wrong = (400, "CARRIER_BILLING.INVALID_CODE")
    assert [sandbox.api("POST", path, answer).error for _ in range(2)] == [wrong, wrong]
    assert sandbox.api("POST", path, answer).error == (400, "CARRIER_BILLING.VALIDATION_FAILED")
    assert sandbox.payment(created["paymentId"])["paymentStatus"] == "denied"
    right = {**answer, "code": "123456"}
    assert sandbox.api("POST", path, right).error == (400, "CARRIER_BILLING.VALIDATION_FAILED")
    assert {sink.next()["type"].rpartition(".")[2] for _ in range(2)} == {
        "payment-pending-validation",
        "payment-denied",
    }
    assert sandbox.charges(ref) == []


def test_010_charges_and_resets(sandbox: Sandbox, ref: str) -> None:
    with pytest.raises(ConnectionError):
        sandbox.pay("0010", ref)
    assert sandbox.charges(ref) == [("charge", 2000)]
    assert [one["paymentStatus"] for one in sandbox.listed(ref)] == ["succeeded"]
    assert sandbox.pay("0010", ref).error == (400, "INVALID_ARGUMENT")
    assert sandbox.charges(ref) == [("charge", 2000)]


def test_011_resets_without_a_trace_and_then_takes_the_same_reference(sandbox: Sandbox, ref: str) -> None:
    with pytest.raises(ConnectionError):
        sandbox.pay("0011", ref)
    assert (sandbox.charges(ref), sandbox.listed(ref)) == ([], [])
    assert sandbox.pay("0011", ref).json["paymentStatus"] == "succeeded"
    assert sandbox.charges(ref) == [("charge", 2000)]


def test_012_is_unavailable_twice(sandbox: Sandbox, ref: str) -> None:
    for _ in range(2):
        reply = sandbox.pay("0012", ref)
        assert reply.error == (503, "UNAVAILABLE")
        assert "retry-after" not in reply.headers
    assert (sandbox.charges(ref), sandbox.listed(ref)) == ([], [])
    assert sandbox.pay("0012", ref).status == 201
    assert sandbox.charges(ref) == [("charge", 2000)]


def test_013_asks_to_come_later_and_means_it(sandbox: Sandbox, ref: str) -> None:
    sandbox.set(time_divisor=0.01)  # 3 s become 300: only the clock decides here
    for _ in range(3):
        reply = sandbox.pay("0013", ref)
        assert reply.error == (429, "TOO_MANY_REQUESTS")
        assert reply.headers["retry-after"] == "3"
    assert (sandbox.charges(ref), sandbox.listed(ref)) == ([], [])
    sandbox.advance(301)
    assert sandbox.pay("0013", ref).status == 201
    assert sandbox.charges(ref) == [("charge", 2000)]


def test_014_never_answers_and_charges_later(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    sandbox.set(time_divisor=0.01)  # 30 s become 3,000: only the clock decides here
    with pytest.raises(TimeoutError):
        sandbox.pay("0014", ref, sink=sink.url, timeout=0.3)
    assert (sandbox.charges(ref), sandbox.listed(ref)) == ([], [])
    assert sandbox.pay("0014", ref).error == (400, "INVALID_ARGUMENT"), "it has the reference already"
    sandbox.advance(3_001)
    event = sink.next()
    assert event["type"].endswith("payment-completed")
    assert [one["paymentId"] for one in sandbox.listed(ref)] == [event["data"]["paymentId"]]
    assert sandbox.charges(ref) == [("charge", 2000)]


def test_014_lets_a_patient_client_go_after_60_s(sandbox: Sandbox, ref: str) -> None:
    sandbox.set(time_divisor=0.01)  # 60 s become 6,000: only the clock decides here
    with ThreadPoolExecutor(1) as client:
        held = client.submit(sandbox.pay, "0014", ref)
        wait_until(lambda: len(sandbox.seen(ref)) == 1)
        sandbox.advance(5_500)
        with pytest.raises(TimeoutError):
            held.result(0.3)
        sandbox.advance(501)
        with pytest.raises((ConnectionError, HTTPException)):
            held.result(PATIENCE_S)


def test_015_charges_and_reports_another_amount(sandbox: Sandbox, ref: str) -> None:
    created = sandbox.pay("0015", ref, amount="20").json
    for shown in (created, sandbox.payment(created["paymentId"])):
        assert shown["paymentStatus"] == "succeeded"
        assert float(shown["amountTransaction"]["paymentAmount"]["chargingInformation"]["amount"]) == 21
    assert sandbox.charges(ref) == [("charge", 2100)]


def test_016_stays_in_processing(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    created = sandbox.pay("0016", ref, sink=sink.url).json
    sandbox.advance(7 * 86_400)
    assert sandbox.payment(created["paymentId"])["paymentStatus"] == "processing"
    assert sandbox.charges(ref) == []
    assert sink.events.empty()


def test_017_notifies_three_times_and_twice_before_the_answer(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    reply = sandbox.pay("0017", ref, sink=sink.url)
    assert sink.events.qsize() >= 2
    assert reply.json["paymentStatus"] == "succeeded"
    events = [sink.next() for _ in range(3)]
    assert len({event["id"] for event in events}) == 1
    assert {event["type"].rpartition(".")[2] for event in events} == {"payment-completed"}
    assert sandbox.charges(ref) == [("charge", 2000)]


def test_018_is_reversed_later(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    sandbox.set(time_divisor=0.01)  # 20 s become 2,000: only the clock decides here
    created = sandbox.pay("0018", ref, sink=sink.url).json
    assert created["paymentStatus"] == "succeeded"
    assert sandbox.charges(ref) == [("charge", 2000)]
    sandbox.advance(1_900)
    assert sandbox.charges(ref) == [("charge", 2000)]
    sandbox.advance(101)
    assert sink.next()["type"].endswith("payment-cancelled")
    assert sandbox.payment(created["paymentId"])["paymentStatus"] == "cancelled"
    assert sandbox.charges(ref) == [("charge", 2000), ("reversal", 2000)]
    assert sandbox.call("GET", f"/sandbox/ledger?reference={ref}").json["net_minor"] == 0


def test_019_charges_and_answers_garbage(sandbox: Sandbox, ref: str) -> None:
    reply = sandbox.pay("0019", ref)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html")
    assert reply.body.startswith(b"<html")
    assert sandbox.charges(ref) == [("charge", 2000)]
    assert [one["paymentStatus"] for one in sandbox.listed(ref)] == ["succeeded"]


def test_020_answers_late(sandbox: Sandbox, ref: str) -> None:
    started = time.monotonic()
    assert sandbox.pay("0020", ref).json["paymentStatus"] == "succeeded"
    assert time.monotonic() - started >= 0.19  # 4 s divided by 20
    assert sandbox.charges(ref) == [("charge", 2000)]


def test_numbers_of_others_are_not_found(sandbox: Sandbox, ref: str) -> None:
    for number in ("000", "00010", "x001"):
        assert sandbox.pay(number, ref).status in (400, 404)
    other = sandbox.pay("0001", ref, phoneNumber="+447700100001")
    assert other.error == (404, "IDENTIFIER_NOT_FOUND")


def reserved(sandbox: Sandbox, number: str, ref: str, sink: str = "") -> str:
    """Prepare and validate a payment; its id."""
    prepared = sandbox.pay(number, ref, "/prepare", sink=sink).json
    assert prepared["paymentStatus"] == "pending_validation"
    answer = {"authorizationId": prepared["validationInfo"]["authorizationId"], "code": "123456"}
    assert sandbox.api("POST", f"/payments/{prepared['paymentId']}/validate", answer).status == 204
    payment_id: str = prepared["paymentId"]
    return payment_id


def confirm(sandbox: Sandbox, number: str, payment_id: str, **options: Any) -> int:
    """Status of POST /confirm; `options` as of `Sandbox.call`."""
    body = {"phoneNumber": f"+44770090{number}"}
    return sandbox.api("POST", f"/payments/{payment_id}/confirm", body, **options).status


@pytest.mark.parametrize(("number", "status", "charged"), [("0007", "succeeded", 1), ("0008", "denied", 0)])
def test_two_steps_play_the_story_at_confirm(
    sandbox: Sandbox, ref: str, number: str, status: str, charged: int
) -> None:
    payment_id = reserved(sandbox, number, ref)
    sandbox.set(time_divisor=0.01)  # 15 s become 1,500, 5 s 500: only the clock decides here
    assert confirm(sandbox, number, payment_id) == 202
    assert sandbox.payment(payment_id)["paymentStatus"] == "processing"
    assert confirm(sandbox, number, payment_id) == 409
    sandbox.advance(1_501)
    assert sandbox.payment(payment_id)["paymentStatus"] == status
    assert sandbox.charges(ref) == [("charge", 2000)] * charged


def test_two_steps_with_a_reset_at_confirm(sandbox: Sandbox, ref: str) -> None:
    charged, kept = reserved(sandbox, "0010", f"{ref}-a"), reserved(sandbox, "0011", f"{ref}-b")
    for number, payment_id in (("0010", charged), ("0011", kept)):
        with pytest.raises(ConnectionError):
            confirm(sandbox, number, payment_id)
    assert sandbox.payment(charged)["paymentStatus"] == "succeeded"
    assert sandbox.payment(kept)["paymentStatus"] == "reserved"
    assert sandbox.charges(f"{ref}-b") == []
    assert confirm(sandbox, "0011", kept) == 202
    assert sandbox.charges(f"{ref}-b") == [("charge", 2000)]


def test_two_steps_that_time_out_at_confirm(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    payment_id = reserved(sandbox, "0014", ref, sink.url)
    sandbox.set(time_divisor=0.01)  # 30 s become 3,000: only the clock decides here
    with pytest.raises(TimeoutError):
        confirm(sandbox, "0014", payment_id, timeout=0.3, taken=ref)
    assert sandbox.payment(payment_id)["paymentStatus"] == "processing"
    assert sandbox.charges(ref) == []
    sandbox.advance(3_001)
    assert sandbox.charges(ref) == [("charge", 2000)]
    kinds = {sink.next()["type"].rpartition(".")[2] for _ in range(3)}
    assert kinds == {"payment-pending-validation", "payment-reserved", "payment-completed"}
