"""A deposit is found at each hop of its way under one id, and no log holds a number, key, token, code or session."""

from __future__ import annotations

import re
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from tests.broken_parts.proxied import Visitor, lines, log_text
from tests.deposits.ui.visiting import player, visitor
from tests.local_servers import ENVIRONMENT, servers, servers_log
from tests.stack import Stack, await_condition, http

#: A wrong code that cannot be part of anything else.
WRONG_CODE = "73915846"
RIGHT_CODE = "123456"
#: A number that the database refuses, so that something breaks in the middle of a request.
BREAKING = "+447700900571"


@pytest.fixture
def signed_in(stack: Stack, django_db_blocker: DjangoDbBlocker) -> Iterator[Visitor]:
    """A browser in which a player with the number …007 is signed in, over real HTTP."""
    with django_db_blocker.unblock():
        session = visitor(player("007")).cookies["session"].value
        yield Visitor(stack.base_url, session)
        connection.close()


def hops(stack: Stack, word: str) -> set[tuple[str, str]]:
    """(program, event) of every structured line that holds `word` in one of its fields."""
    return {(line["program"], line["event"]) for line in lines(stack) if word in map(str, line.values())}


def states(stack: Stack, reference: str) -> list[str]:
    """What became of the deposit at each attempt, as the worker has logged it so far."""
    return [line["state"] for line in lines(stack, "worker") if line.get("reference") == reference]


def test_a_deposit_is_found_from_tap_to_credit_under_its_reference(stack: Stack, signed_in: Visitor) -> None:
    tapped = signed_in.tap("20")
    assert tapped.status == 303
    reference = tapped.headers["location"].split("/")[2]
    shown = signed_in.get(tapped.headers["location"])
    stream = re.search(r'data-live="([^"]+)"', shown.body)
    assert stream
    with urllib.request.urlopen(stream[1].replace("&amp;", "&"), timeout=60) as events:
        assert any(b'"final": true' in line for line in events)
    way = {
        ("web", "request"),
        ("web", "notification"),
        ("worker", "attempt"),
        ("live", "state_shown"),
    }
    await_condition(lambda: way <= hops(stack, reference), what="every hop being logged")
    # The worker logs what it has committed: the page may have shown the last of it before.
    await_condition(lambda: "credited" in states(stack, reference), what="the worker's line of the credit")
    # The carrier was told the same id, and has written it down.
    carrier = http("GET", f"{stack.sandbox_url}/sandbox/requests?reference={reference}").body
    told = [one for one in _requests(carrier) if one["correlator"] == reference]
    assert told
    # The request of the tap leads to the worker's lines and the notification's too.
    request_id = tapped.headers["x-request-id"]
    assert {("web", "request"), ("worker", "attempt"), ("web", "notification")} <= hops(stack, request_id)


def test_a_partner_finds_its_own_request_id_in_the_worker(stack: Stack) -> None:
    request_id = f"order-{uuid.uuid4().hex}"
    answer = http(
        "POST",
        f"{stack.base_url}/api/v1/deposits",
        _body("001"),
        {
            "Authorization": f"Bearer {stack.api_key}",
            "Idempotency-Key": str(uuid.uuid4()),
            "X-Request-Id": request_id,
        },
    )
    assert (answer.status, answer.headers["x-request-id"]) == (201, request_id)
    stack.await_status(answer.body["id"], "succeeded")
    reference = answer.body["reference"]
    # The worker logs what it has committed: the API may have shown it before.
    attempts = await_condition(
        lambda: [line for line in lines(stack, "worker") if line.get("request_id") == request_id],
        what="the worker's line of the attempt",
    )
    assert {line["reference"] for line in attempts} == {reference}
    assert ("web", "request") in hops(stack, reference)


def test_no_log_holds_what_must_stay_secret(stack: Stack, signed_in: Visitor) -> None:
    _do_everything(stack, signed_in)
    text = log_text(stack) + servers_log("postgres")
    # Something was logged of each: otherwise nothing is proved.
    for word in ("attempt", "IntegrityError", "Traceback", "notification"):
        assert word in text, word
    numbers = set(re.findall(r"(?<![\w.])(?:\+|00|0)?(?:44)?7700900\d{3}", text))
    assert numbers == set()
    for secret in (
        stack.api_key,
        stack.api_key.split("_", 3)[3],
        signed_in.session,
        signed_in.csrf,
        WRONG_CODE,
        ENVIRONMENT["SANDBOX_CLIENT_SECRET"],
        ENVIRONMENT["NOTIFICATION_SECRET"],
        ENVIRONMENT["SECRET_KEY"],
        urllib.parse.urlsplit(servers().database_url).password,
        urllib.parse.urlsplit(servers().redis_url).password,
    ):
        assert secret
        assert secret not in text
    assert not re.search(rf"(?<![\w.]){RIGHT_CODE}(?!\w)", text)
    assert not re.search(r"Bearer (?!\*\*\*|token|<)[\w.~+/=-]{8,}", text)
    assert not re.search(r"\beyJ[\w-]{10,}", text)


def _do_everything(stack: Stack, signed_in: Visitor) -> None:
    """What players, partners, strangers and carriers do, right and wrong, with secrets wherever they can stand."""
    key = stack.api_key
    waiting = [stack.deposit(number).body["id"] for number in ("001", "003", "010", "015", "017", "019")]
    code = stack.deposit("009").body["id"]
    stack.await_status(code, "action_required")
    stack.api("POST", f"/deposits/{code}/confirm", {"code": WRONG_CODE})
    stack.await_status(code, "action_required")
    stack.api("POST", f"/deposits/{code}/confirm", {"code": RIGHT_CODE})
    stack.await_status(code, "succeeded", "action_required")
    signed_in.tap("20")
    stack.api("POST", "/deposits", b'{"player": "p", "method": {"phone_number": "+447700900001"')
    stack.api("GET", "/deposits/+447700900001")
    stack.api("GET", f"/deposits/{key}")
    stack.api("GET", f"/deposits?api_key={key}&phone=%2B447700900001")
    http("GET", f"{stack.base_url}/deposit/07700900001/{key}")
    http(
        "GET",
        f"{stack.base_url}/api/v1/deposits",
        None,
        {"Authorization": f"Bearer {key}x", "X-Request-Id": key},
    )
    http("GET", f"{stack.base_url}/health/none", None, {"X-Request-Id": "447700900001"})
    _notify(stack, b"{garbage +447700900001", ENVIRONMENT["NOTIFICATION_SECRET"])
    _notify(stack, b"{}", "wrong-token-of-a-stranger")
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE deposits_deposit ADD CONSTRAINT breaks"
            f" CHECK (phone_number <> '{BREAKING}' AND one_time_code <> '{WRONG_CODE}') NOT VALID"
        )
        try:
            assert stack.deposit(BREAKING).status == 500
            broken = stack.deposit("009").body["id"]
            stack.await_status(broken, "action_required")
            assert stack.api("POST", f"/deposits/{broken}/confirm", {"code": WRONG_CODE}).status == 500
        finally:
            cursor.execute("ALTER TABLE deposits_deposit DROP CONSTRAINT breaks")
    for deposit_id in waiting:
        stack.await_status(deposit_id, "succeeded", "failed", "processing")


def _notify(stack: Stack, body: bytes, token: str) -> None:
    address = f"{stack.base_url}/carriers/sandbox-mobile/notifications"
    http(
        "POST",
        address,
        body,
        {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents+json"},
    )


def _body(number: str) -> dict[str, Any]:
    method = {"type": "carrier_billing", "phone_number": f"+447700900{number}"}
    return {"player": f"p-{uuid.uuid4().hex[:8]}", "amount": 2_000, "currency": "GBP", "method": method}


def _requests(body: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body["requests"]
    return found
