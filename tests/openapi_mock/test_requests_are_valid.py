"""Every request of each adapter is one that the protocol's own description allows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from carriers.adapters import camara, open_banking
from carriers.interface import HttpAnswer, HttpRequest, Order
from tests.carriers.bank_replies import BACK, BARE, CONSENTED, HOLDING, NAMED, exchanged, profile, talk
from tests.carriers.replies import BANK_PROFILE, PROFILE, order, play, reply
from tests.openapi_mock.conftest import Mock

ID = "AK234rfweS"
BANKS_REQUESTS: list[tuple[str, Order, tuple[str | HttpAnswer, ...]]] = [
    ("authorise", BARE, ("consent_201",)),
    ("inquire", CONSENTED, ("awaiting",)),
    ("confirm", BACK, (exchanged(),)),
    ("confirm", HOLDING, ("funds_yes", "paid_pdng_201")),
    ("authorise", HOLDING, ("payment_403", "authorised")),
    ("inquire", NAMED, ("payment_acsc",)),
]
CARRIERS_REQUESTS = [
    ("authorise", order(), ("succeeded",)),
    ("authorise", order(proof_needed=True), ("pending_validation_code",)),
    (
        "confirm",
        order(payment_id=ID, authorization_id="A-1", code="123456"),
        ("no_content_204",) * 2 + ("succeeded",),
    ),
    ("cancel", order(payment_id=ID), ("accepted_202", "cancelled")),
    ("inquire", order(payment_id=ID), ("processing",)),
    ("inquire", order(), ("list_empty",)),
]


def ordered(base_url: str, sent: list[HttpRequest]) -> list[HttpRequest]:
    """What goes to the described address; tokens and keys are other addresses' business."""
    return [request for request in sent if request.url.startswith(base_url)]


@pytest.mark.parametrize(("operation", "asked", "answers"), BANKS_REQUESTS)
def test_the_banks_requests(
    mocks: Callable[[str], Mock], operation: str, asked: Order, answers: tuple[str | HttpAnswer, ...]
) -> None:
    adapter = open_banking.Adapter(profile(confirm_funds=True))
    _, sent = talk(operation, asked, *answers, adapter=adapter)
    for request in ordered(BANK_PROFILE.base_url, sent):
        assert mocks("open_banking").problems(request, BANK_PROFILE.base_url) == []


@pytest.mark.parametrize(("operation", "asked", "answers"), CARRIERS_REQUESTS)
def test_the_carriers_requests(
    mocks: Callable[[str], Mock], operation: str, asked: Order, answers: tuple[str, ...]
) -> None:
    replies = [reply("camara", name) for name in ("token", *answers)]
    _, sent = play(getattr(camara.Adapter(PROFILE), operation)(asked), replies)
    requests = ordered(PROFILE.base_url, sent)
    assert requests
    for request in requests:
        assert mocks("camara").problems(request, PROFILE.base_url) == []


def without(request: HttpRequest, *path: str) -> HttpRequest:
    """The request without one member of its body."""
    body: dict[str, Any] = json.loads(request.body)
    inner = body
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return dataclasses.replace(request, body=json.dumps(body).encode())


def test_the_server_would_notice(mocks: Callable[[str], Mock]) -> None:
    _, (consent,) = talk("authorise", BARE, "consent_201")
    headers = {name: text for name, text in consent.headers.items() if name != "x-idempotency-key"}
    for wrong in (
        without(consent, "Risk"),
        without(consent, "Data", "Initiation", "InstructedAmount"),
        dataclasses.replace(consent, headers=headers),
        dataclasses.replace(consent, url=f"{consent.url}s"),
    ):
        assert mocks("open_banking").problems(wrong, BANK_PROFILE.base_url)
    _, sent = play(
        camara.Adapter(PROFILE).authorise(order()), [reply("camara", n) for n in ("token", "succeeded")]
    )
    (charge,) = ordered(PROFILE.base_url, sent)
    for wrong in (
        without(charge, "amountTransaction", "paymentAmount"),
        dataclasses.replace(charge, body=b"{}"),
    ):
        assert mocks("camara").problems(wrong, PROFILE.base_url)
