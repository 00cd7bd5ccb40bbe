"""F36 and F37: whatever a carrier answers, a deposit ends true, unknown or in review; nothing crashes or credits."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.stack import Stack, await_condition, http

_numbers = itertools.count(600)

#: Charged, and the answer is no use: the inquiry finds the charge, which is credited once.
UNREADABLE: dict[str, dict[str, Any]] = {
    "f37 empty": {"body": ""},
    "f37 HTML": {"status": 200, "body": "<html>busy</html>", "headers": {"Content-Type": "text/html"}},
    "f37 truncated": {"mode": "truncated"},
    "f37 fifty megabytes": {"mode": "huge"},
    "f37 gzip bomb": {"mode": "gzip_bomb"},
    "f37 one byte a second": {"mode": "one_byte_per_second"},
    "f37 a number that is none": {
        "body": '{"paymentId": "{{payment_id}}", "paymentStatus": "succeeded", "amountTransaction": {"paymentAmount":'
        ' {"chargingInformation": {"amount": NaN, "currency": "GBP"}}}}'
    },
    "f37 the same key twice": {"body": '{"paymentId": "a", "paymentId": "b", "paymentStatus": "succeeded"}'},
    "f37 a list": {"body": "[]"},
    "f37 500": {"status": 500, "body": "Traceback (most recent call last)"},
    "f36 a status of its own": {"patch": {"paymentStatus": "settling"}},
}

#: Success for something that was not asked: a case for people.
MISMATCHES: dict[str, dict[str, Any]] = {
    "f36 another amount": {
        "amountTransaction": {"paymentAmount": {"chargingInformation": {"amount": 21.00}}}
    },
    "f36 another currency": {
        "amountTransaction": {"paymentAmount": {"chargingInformation": {"currency": "EUR"}}}
    },
    "f36 a fraction of a penny": {
        "amountTransaction": {"paymentAmount": {"chargingInformation": {"amount": 20.001}}}
    },
    "f36 another reference": {
        "amountTransaction": {"clientCorrelator": "D-0000-0000", "referenceCode": "D-0000-0000"}
    },
    "f36 another number": {"amountTransaction": {"phoneNumber": "+447700900999"}},
}


def deposit_with(stack: Stack, answer: dict[str, Any]) -> dict[str, Any]:
    """Make a deposit on a number of its own, to whose charge the carrier gives `answer`."""
    number = f"+447700900{next(_numbers)}"
    scripted = http(
        "POST",
        f"{stack.sandbox_url}/sandbox/scripts",
        {"phone_number": number, "answers": [{"on": "create", "charge": True, **answer}]},
    )
    assert scripted.status in (200, 201), scripted.body
    begun: dict[str, Any] = stack.deposit(number).body
    return begun


@pytest.mark.parametrize("name", UNREADABLE)
def test_f37_an_answer_that_cannot_be_read_is_asked_about_and_credited_once(stack: Stack, name: str) -> None:
    begun = deposit_with(stack, UNREADABLE[name])
    shown = stack.await_status(begun["id"], "succeeded")
    assert shown["money"] == "credited"
    assert [line["amount_minor"] for line in stack.charges(begun["reference"])] == [2_000]
    states = [
        event["to_state"] for event in stack.api("GET", f"/deposits/{begun['id']}/timeline").body["events"]
    ]
    assert states[-1] == "credited"
    assert "unknown" in states or "pending" in states


@pytest.mark.parametrize("name", MISMATCHES)
def test_f36_success_for_something_else_is_a_case_for_people(stack: Stack, name: str) -> None:
    begun = deposit_with(stack, {"patch": MISMATCHES[name]})

    def in_review() -> dict[str, Any] | None:
        shown: dict[str, Any] = stack.api("GET", f"/deposits/{begun['id']}").body
        return shown if (shown["reason"] or {}).get("code") == "under_review" else None

    shown = await_condition(in_review, what=f"{name} being in review")
    assert shown is not None
    assert shown["status"] == "processing"
    assert shown["money"] in ("taken", "unknown")
