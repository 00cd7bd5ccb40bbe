"""Scripted answers: what a test asks for is what a client gets, and the record still tells the truth."""

from __future__ import annotations

import gzip
import re
from http.client import IncompleteRead
from typing import Any

import pytest

from tests.carriers.sandbox.harness import Sandbox
from tests.carriers.sandbox.test_sandbox_stories import confirm, reserved

CREATED_BUT = {"body": '{"paymentId": "{{payment_id}}", "amount": NaN, "ref": "{{client_correlator}}"}'}


@pytest.mark.parametrize(
    ("script", "status", "body"),
    [
        ({"status": 201, "body": ""}, 201, b"^$"),
        ({"status": 502, "body": "<html>", "headers": {"Content-Type": "text/html"}}, 502, b"^<html>$"),
        ({"status": 201, "body": '{"paymentId": "x'}, 201, b'^{"paymentId": "x$'),
        ({"body_base64": "/w=="}, 201, b"^\xff$"),
        ({"patch": {"paymentStatus": "settling"}}, 201, b'"paymentStatus":"settling"'),
        ({"patch": {"amountTransaction": {"clientCorrelator": "other"}}}, 201, b'"clientCorrelator":"other"'),
        ({"patch": {"paymentId": None}}, 201, b'^{"amountTransaction"'),
        (CREATED_BUT, 201, b'"amount": NaN, "ref": "ref-'),
    ],
)
@pytest.mark.parametrize("charge", [True, False])
def test_scripted_answers(
    sandbox: Sandbox, ref: str, script: dict[str, Any], status: int, body: bytes, charge: bool
) -> None:
    sandbox.script("0555", {**script, "charge": charge})
    reply = sandbox.pay("0555", ref)
    assert reply.status == status
    assert re.search(body, reply.body, re.DOTALL)
    assert len(sandbox.charges(ref)) == len(sandbox.listed(ref)) == int(charge)
    assert sandbox.pay("0555", f"{ref}-next").json["paymentStatus"] == "succeeded"


def test_scripted_patch_keeps_numbers_exact(sandbox: Sandbox, ref: str) -> None:
    body = (
        b'{"amountTransaction":{"paymentAmount":{"chargingInformation":{"amount":20.10,"currency":"EUR"}}}}'
    )
    script = b'{"phone_number": "+447700900555", "answers": [{"charge": true, "patch": ' + body + b"}]}"
    assert sandbox.call("POST", "/sandbox/scripts", script).status == 200
    assert b'"amount":20.10,"currency":"EUR"' in sandbox.pay("0555", ref).body


@pytest.mark.parametrize("charge", [True, False])
def test_scripted_broken_transports(sandbox: Sandbox, ref: str, charge: bool) -> None:
    sandbox.set(time_divisor=0.01)  # nobody is let go after 60 s
    modes: dict[str, tuple[type[Exception], ...]] = {
        "abort": (ConnectionError,),
        "hang": (TimeoutError,),
        "one_byte_per_second": (TimeoutError,),
        "truncated": (IncompleteRead, ConnectionError),
    }
    for mode, errors in modes.items():
        sandbox.script("0555", {"mode": mode, "charge": charge})
        patience: dict[str, Any] = {"timeout": 0.5} if TimeoutError in errors else {}
        with pytest.raises(errors):
            sandbox.pay("0555", f"{ref}-{mode}", **patience)
        assert len(sandbox.charges(f"{ref}-{mode}")) == int(charge)


def test_scripted_huge_bodies(sandbox: Sandbox, ref: str) -> None:
    fifty_megabytes = 50 * 1024 * 1024
    sandbox.script("0555", {"mode": "huge", "charge": True}, {"mode": "gzip_bomb", "charge": True})
    huge = sandbox.pay("0555", ref)
    assert len(huge.body) > fifty_megabytes
    bomb = sandbox.pay("0555", f"{ref}-bomb")
    assert bomb.headers["content-encoding"] == "gzip"
    assert len(bomb.body) < 64 * 1024
    assert len(gzip.decompress(bomb.body)) > fifty_megabytes


def test_scripts_of_the_other_operations(sandbox: Sandbox, ref: str) -> None:
    payment_id = reserved(sandbox, "0555", ref)
    sandbox.script(
        "0555",
        {"on": "confirm", "status": 500, "body": "{}", "charge": True},
        {"on": "read", "patch": {"paymentStatus": "settling"}, "times": 2},
        {"on": "list", "status": 200, "body": "[]"},
        {"on": "cancel", "status": 202, "body": ""},
    )
    assert confirm(sandbox, "0555", payment_id) == 500
    assert sandbox.charges(ref) == [("charge", 2000)]
    states = [sandbox.payment(payment_id)["paymentStatus"] for _ in range(3)]
    assert states == ["settling", "settling", "succeeded"]
    assert (sandbox.listed(ref), len(sandbox.listed(ref))) == ([], 1)
    cancelled = sandbox.api("POST", f"/payments/{payment_id}/cancel", {"phoneNumber": "+447700900555"})
    assert (cancelled.status, sandbox.payment(payment_id)["paymentStatus"]) == (202, "succeeded")


@pytest.mark.parametrize(
    "wrong",
    [
        {"phone_number": "+447700900555"},
        {"phone_number": "+447700100555", "answers": []},
        {"phone_number": "+447700900555", "answers": [{"mode": "explode"}]},
        {"phone_number": "+447700900555", "answers": [{"body_base64": "*"}]},
        {"phone_number": "+447700900555", "answers": [{"reply": 1}]},
    ],
)
def test_wrong_scripts_are_refused(sandbox: Sandbox, wrong: dict[str, Any]) -> None:
    assert sandbox.call("POST", "/sandbox/scripts", wrong).error == (400, "INVALID_ARGUMENT")
    assert sandbox.call("GET", "/sandbox/scripts").json == {"waiting": []}
