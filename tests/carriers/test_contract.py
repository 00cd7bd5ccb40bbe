"""What every adapter must keep, whatever its protocol: one suite, run against each file in carriers/adapters."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Callable

import pytest

from carriers import adapters
from carriers.interface import (
    CarrierAdapter,
    Conversation,
    HttpAnswer,
    HttpRequest,
    NotificationRefused,
    Order,
)
from carriers.outcomes import (
    Approved,
    Cancelled,
    CodeRejected,
    Declined,
    NotDone,
    NotFound,
    NotSent,
    OurFault,
    Outcome,
    Pending,
    Reserved,
    Unknown,
)
from carriers.reasons import REASONS
from tests.carriers.replies import FIXTURES, PROFILE, PROFILES, order, reply

# What begins with an underscore is a part of an adapter.
NAMES = sorted(
    module.name for module in pkgutil.iter_modules(adapters.__path__) if not module.name.startswith("_")
)
OPERATIONS = ("authorise", "confirm", "cancel", "inquire")
# More requests than this in one conversation would outlast the time that a task has.
REQUESTS_MAX = 40

ORDERS = (
    order(),
    order(proof_needed=True),
    order(payment_id="P-1"),
    order(payment_id="P-1", authorization_id="A-1", code="123456"),
    order(consent_id="C-1"),
    order(consent_id="C-1", approval_code="approved-1"),
    order(consent_id="C-1", credential='{"token":"players-token","until":4102444800}'),
)
HOSTILE_BODIES = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b'"text"',
    b"0",
    b"<!doctype html><h1>OK</h1>",
    b'{"paymentStatus":"succeeded"}',
    b'{"status":"succeeded","amount":NaN}',
    b"\xff\xfe{\x00}\x00",
    b"[" * 20_000,
    b'{"a":' * 10_000,
    b'{"code":1,"status":"x","message":[]}',
    b'{"access_token":"","expires_in":"soon"}',
    b'{"access_token":"a b\\n","expires_in":-1}',
    b'{"access_token":"t","expires_in":1e999999999}',
    b"\x1f\x8b\x08\x00" + b"\0" * 50,
)
STATUSES = (100, 200, 201, 202, 204, 301, 302, 400, 401, 403, 404, 408, 409, 418, 422, 500, 502, 503, 504)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def adapter(name: str) -> CarrierAdapter:
    built = importlib.import_module(f"carriers.adapters.{name}").Adapter(PROFILES[name])
    assert isinstance(built, CarrierAdapter)
    return built


def drive(
    conversation: Conversation, answer: Callable[[HttpRequest], HttpAnswer]
) -> tuple[Outcome, list[HttpRequest]]:
    """Answer everything by the same rule, up to a bound."""
    requests: list[HttpRequest] = []
    try:
        request = next(conversation)
        while len(requests) < REQUESTS_MAX:
            requests.append(request)
            request = conversation.send(answer(request))
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome, requests
    pytest.fail(f"more than {REQUESTS_MAX} requests in one conversation")


def talks(adapter: CarrierAdapter) -> list[tuple[str, Order, Conversation]]:
    return [
        (operation, asked, getattr(adapter, operation)(asked)) for operation in OPERATIONS for asked in ORDERS
    ]


def test_there_are_adapters_and_each_is_held_to_the_same() -> None:
    assert {"camara", "open_banking"} <= set(NAMES)
    assert set(NAMES) == set(PROFILES)


def test_a_charge_whose_answer_was_lost_can_be_settled(adapter: CarrierAdapter) -> None:
    assert adapter.resend_is_safe or adapter.can_inquire


def test_there_are_recorded_replies(name: str) -> None:
    assert list((FIXTURES / name).glob("*.txt"))


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", HOSTILE_BODIES, ids=lambda body: repr(body[:24]))
def test_a_hostile_answer_never_settles_a_charge(adapter: CarrierAdapter, status: int, body: bytes) -> None:
    for operation, _, conversation in talks(adapter):
        outcome, requests = drive(conversation, lambda _: HttpAnswer(status, {}, body))
        assert isinstance(outcome, Outcome), operation
        if not requests:
            # Nobody was asked, so nothing of this answer has settled anything.
            continue
        assert not isinstance(outcome, Approved | Declined | Cancelled | CodeRejected | Pending | Reserved), (
            operation
        )
        if not (operation in ("inquire", "cancel") and body == b"[]"):
            assert not isinstance(outcome, NotFound), operation


@pytest.mark.parametrize("status", [status for status in STATUSES if status >= 300])
def test_an_inquiry_that_failed_is_unknown(name: str, adapter: CarrierAdapter, status: int) -> None:
    """`NotSent`, `NotDone` and `OurFault` would put back an order that may have been charged."""

    def answer(request: HttpRequest) -> HttpAnswer:
        return reply(name, "token") if "token" in request.url else HttpAnswer(status, {}, b"")

    for asked in ORDERS:
        outcome, requests = drive(adapter.inquire(asked), answer)
        assert isinstance(outcome, Unknown) or not requests


def test_being_told_to_wait_is_obeyed_and_bounded(name: str, adapter: CarrierAdapter) -> None:
    for told, low, high in (("3", 3, 3), ("", 1, 30), ("soon", 1, 30), ("999999999", 60, 3_600)):

        def busy(request: HttpRequest, told: str = told) -> HttpAnswer:
            token = reply(name, "token")
            return token if "token" in request.url else HttpAnswer(429, {"retry-after": told}, b"")

        outcome, _ = drive(adapter.authorise(order()), busy)
        assert isinstance(outcome, NotDone)
        assert low <= outcome.retry_after_s <= high


def test_only_charges_and_their_second_steps_move_money(name: str, adapter: CarrierAdapter) -> None:
    def answer(request: HttpRequest) -> HttpAnswer:
        return reply(name, "token") if "token" in request.url else HttpAnswer(202, {}, b"")

    profile = adapter.profile
    addresses = tuple(filter(None, (profile.base_url + "/", profile.token_url, profile.jwks_url)))
    moving = set[str]()
    for operation, _, conversation in talks(adapter):
        _, requests = drive(conversation, answer)
        for request in requests:
            assert request.url.startswith(addresses)
            assert profile.client_secret not in request.url
            # The driver proves what has left by what was read of the body.
            assert request.body or not request.moves_money
            assert not (request.moves_money and operation == "inquire")
            assert not (request.moves_money and request.method == "GET")
            if request.moves_money:
                moving.add(operation)
    assert "authorise" in moving


def test_the_same_order_is_sent_with_the_same_reference(name: str, adapter: CarrierAdapter) -> None:
    def answer(request: HttpRequest) -> HttpAnswer:
        return reply(name, "token") if "token" in request.url else HttpAnswer(503, {}, b"")

    first, second = (
        [
            request.body
            for asked in ORDERS
            for request in drive(adapter.authorise(asked), answer)[1]
            if request.moves_money
        ]
        for _ in range(2)
    )
    assert first
    assert all(order().reference.encode() in body for body in first)
    assert [_without_times(body) for body in first] == [_without_times(body) for body in second]


def _without_times(body: bytes) -> bytes:
    """CAMARA's credential for notifications ends a month after it was sent."""
    return re.sub(rb"\d\d:\d\d:\d\d", b"", body)


def test_orders_share_nothing_but_the_token(name: str, adapter: CarrierAdapter) -> None:
    first, second = (
        adapter.authorise(order(reference=reference, msisdn=msisdn))
        for reference, msisdn in (("D-FIRST", "+447700900001"), ("D-SECOND", "+447700900002"))
    )
    next(first)
    next(second)
    for conversation, own, other in ((first, b"D-FIRST", b"D-SECOND"), (second, b"D-SECOND", b"D-FIRST")):
        request = conversation.send(reply(name, "token"))
        assert own in request.body
        assert other not in request.body


def test_every_decline_has_words_for_the_player(name: str, adapter: CarrierAdapter) -> None:
    for path in sorted((FIXTURES / name).glob("*.txt")):
        recorded = reply(name, path.stem)

        def answer(request: HttpRequest, recorded: HttpAnswer = recorded) -> HttpAnswer:
            return reply(name, "token") if "token" in request.url else recorded

        for _, asked, conversation in talks(adapter):
            if recorded.status == 200 and "page" in path.stem:
                continue
            outcome, _ = drive(conversation, answer)
            assert isinstance(outcome, Outcome)
            if isinstance(outcome, Declined):
                assert outcome.reason in REASONS
            if isinstance(outcome, Approved):
                assert (outcome.reference, outcome.amount_minor) == (asked.reference, asked.amount_minor)
            if isinstance(outcome, NotSent | OurFault):
                assert outcome.detail


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b"{}", 401),
        ({"authorization": "Bearer"}, b"{}", 401),
        ({"authorization": "Bearer wrong"}, b"{}", 401),
        ({"authorization": "Bearer ünïcode"}, b"{}", 401),
        ({"authorization": f"Basic {PROFILE.notification_secret}"}, b"{}", 401),
        *(
            (
                {
                    "authorization": f"Bearer {PROFILE.notification_secret}",
                    "content-type": "application/json",
                },
                body,
                400,
            )
            for body in HOSTILE_BODIES
        ),
    ],
)
def test_a_notification_that_is_not_one_is_refused(
    adapter: CarrierAdapter, headers: dict[str, str], body: bytes, status: int
) -> None:
    with pytest.raises(NotificationRefused) as refused:
        adapter.read_notification(headers, body)
    # Who takes none in has nothing at that address.
    assert refused.value.status == (status if adapter.profile.notification_url else 404)
    assert PROFILE.notification_secret not in refused.value.detail


def test_without_a_secret_every_notification_is_refused(name: str) -> None:
    profile = dataclasses.replace(PROFILES[name], notification_secret="")
    adapter = importlib.import_module(f"carriers.adapters.{name}").Adapter(profile)
    for given in ("", "Bearer", "Bearer "):
        with pytest.raises(NotificationRefused) as refused:
            adapter.read_notification({"authorization": given, "content-type": "application/json"}, b"{}")
        assert refused.value.status == (401 if profile.notification_url else 404)
