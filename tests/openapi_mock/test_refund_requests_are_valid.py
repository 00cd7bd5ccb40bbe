"""Every request about a refund is one that the protocol's own description allows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from carriers.interface import HttpAnswer, RefundOrder
from tests.carriers import test_refunds as played
from tests.carriers.replies import BANK_PROFILE
from tests.openapi_mock.conftest import Mock

_CARRIER = "https://carrier.example/carrier-billing-refund/v0.3"
_PAID, _CONSENT, _BACK = (
    played.signed(200, played.PAID),
    played.signed(201, played.CONSENT),
    played.signed(201, played.BACK),
)


@pytest.mark.parametrize(
    ("operation", "asked", "answers"),
    [
        ("refund", played.ORDER, [_PAID, _CONSENT, _BACK]),
        ("inquire_refund", played.NAMED, [played.signed(200, played.BACK)]),
    ],
)
def test_the_banks_requests(
    mocks: Callable[[str], Mock], operation: str, asked: RefundOrder, answers: list[HttpAnswer]
) -> None:
    _, sent = played.talk(getattr(played.bank(), operation)(asked), *answers)
    assert len(sent) == len(answers)
    for request in sent:
        assert mocks("open_banking").problems(request, BANK_PROFILE.base_url) == []


@pytest.mark.parametrize(
    ("operation", "asked", "given"),
    [
        ("refund", played.ORDER, played.answer(201, played.refund())),
        ("inquire_refund", played.NAMED, played.answer(200, played.refund())),
        ("inquire_refund", played.ORDER, played.answer(200, [])),
    ],
)
def test_the_carriers_requests(
    mocks: Callable[[str], Mock], operation: str, asked: RefundOrder, given: HttpAnswer
) -> None:
    _, (sent,) = played.talk(getattr(played.carrier(), operation)(asked), given)
    assert mocks("camara_refunds").problems(sent, _CARRIER) == []
