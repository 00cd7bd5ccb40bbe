"""Single fields: what is refused, with the name of the field, and what is taken as it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deposits.api.calling import DEPOSITS, Api, body, check_problem, stored, validator
from tests.deposits.api.conftest import MakeApi

pytestmark = pytest.mark.django_db


_FIELDS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"player": ""}, "validation_failed", "player", "malformed"),
    ({"player": "p" * 65}, "validation_failed", "player", "malformed"),
    ({"player": "p 1"}, "validation_failed", "player", "malformed"),
    ({"player": "p\n"}, "validation_failed", "player", "malformed"),
    ({"player": "'; DROP TABLE--"}, "validation_failed", "player", "malformed"),
    ({"player": "پ"}, "validation_failed", "player", "malformed"),
    ({"player": 1001}, "validation_failed", "player", "wrong_type"),
    ({"player": "4111111111111111"}, "validation_failed", "player", "card_number"),
    ({"player": "4111-1111-1111-1111"}, "validation_failed", "player", "card_number"),
    ({"partner_reference": "x" * 65}, "validation_failed", "partner_reference", "too_long"),
    ({"partner_reference": ""}, "validation_failed", "partner_reference", "malformed"),
    ({"partner_reference": "a\r\nX-Evil: 1"}, "validation_failed", "partner_reference", "malformed"),
    ({"partner_reference": "a\u202eb"}, "validation_failed", "partner_reference", "malformed"),
    (
        {"partner_reference": "card 4111 1111 1111 1111"},
        "validation_failed",
        "partner_reference",
        "card_number",
    ),
    (
        {"partner_reference": "order-5500005555555559"},
        "validation_failed",
        "partner_reference",
        "card_number",
    ),
    ({"partner_reference": "3714 496353 98431"}, "validation_failed", "partner_reference", "card_number"),
    ({"method": "carrier_billing"}, "validation_failed", "method", "wrong_type"),
    ({"method": None}, "validation_failed", "method", "wrong_type"),
    (
        {"method": {"type": "cheque", "bank_id": "x"}},
        "method_not_supported",
        "method.type",
        "method_not_supported",
    ),
    ({"method": {"type": "bank", "bank_id": "x"}}, "bank_unknown", "method.bank_id", "bank_unknown"),
    ({"return_url": "http://casino.example/"}, "validation_failed", "return_url", "malformed"),
    ({"return_url": "javascript:alert(1)"}, "validation_failed", "return_url", "malformed"),
    ({"return_url": "https://u:p@casino.example/"}, "validation_failed", "return_url", "malformed"),
    (
        {"return_url": "https://casino.example\\@evil.example/"},
        "validation_failed",
        "return_url",
        "malformed",
    ),
    ({"return_url": "https:///back"}, "validation_failed", "return_url", "malformed"),
    ({"return_url": "https://casino.example:99999/"}, "validation_failed", "return_url", "malformed"),
    ({"return_url": "https://[::1/"}, "validation_failed", "return_url", "malformed"),
    ({"return_url": "https://casino.example/a b"}, "validation_failed", "return_url", "malformed"),
    ({"return_url": "https://casino.example/" + "a" * 500}, "validation_failed", "return_url", "too_long"),
    ({"return_url": "http://localhost.evil.example/"}, "validation_failed", "return_url", "malformed"),
]


@pytest.mark.parametrize(("changes", "code", "field", "field_code"), _FIELDS)
def test_a_field_that_will_not_do_is_named(
    api: Api, changes: dict[str, Any], code: str, field: str, field_code: str
) -> None:
    before = stored()
    check_problem(api.create(body(**changes)), 422, code, field, field_code)
    assert stored() == before


@pytest.mark.parametrize(
    "number",
    [
        "07700900001",
        "+44 7700 900001",
        "+4477009000017770000",
        "+0447700900",
        "+٤٤٧٧٠٠٩٠٠٠٠١",
        "+44770090000a",
        "+\n",
    ],
)
def test_a_phone_number_that_is_not_e164_is_refused(api: Api, number: str) -> None:
    before = stored()
    answer = api.create(body(method={"type": "carrier_billing", "phone_number": number}))
    problem = check_problem(answer, 422, "validation_failed", "method.phone_number", "malformed")
    assert "+447700900001" in problem["errors"][0]["detail"]
    assert stored() == before


def test_a_number_that_no_carrier_serves_is_refused_with_the_players_words(api: Api) -> None:
    before = stored()
    answer = api.create(body(method={"type": "carrier_billing", "phone_number": "+33612345678"}))
    problem = check_problem(
        answer, 422, "carrier_not_supported", "method.phone_number", "carrier_not_supported"
    )
    assert problem["reason"]["title"] == "Your network does not offer phone bill here"
    assert stored() == before


def test_everything_that_is_wrong_is_said_at_once(api: Api) -> None:
    before = stored()
    answer = api.create({"amount": "10", "currency": "eur", "method": {"type": "carrier_billing"}, "tip": 1})
    problem = check_problem(answer, 422, "validation_failed")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [
        ("player", "missing"),
        ("amount", "wrong_type"),
        ("currency", "currency_not_supported"),
        ("method.phone_number", "missing"),
        ("tip", "unknown_field"),
    ]
    assert stored() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"player": "a.b_c:d@e-F9"},
        {"player": "p" * 64},
        {"partner_reference": "Ordnung ✓ №77 = +1"},
        {"partner_reference": "1763818692123"},  # a time in milliseconds is no card
        {"partner_reference": "4111111111111112"},  # and neither is a number whose check digit is wrong
        {"partner_reference": "550e8400-e29b-41d4-a716-446655440000"},
        {"partner_reference": None, "return_url": None},
        {"return_url": "http://localhost:3000/back"},
        {"return_url": "http://127.0.0.1/back?a=1#b"},
        {"return_url": "https://casino.example:8443/back?a=b%20c"},
    ],
)
def test_what_is_right_is_taken_as_it_is(api: Api, changes: dict[str, Any]) -> None:
    sent = body(**changes)
    assert validator("CreateDeposit").is_valid(sent)
    answer = api.create(sent)
    assert answer.status_code == 201
    shown = answer.json()
    assert {name: shown[name] for name in changes} == changes


def test_a_live_key_sends_nobody_to_a_local_page(make_api: MakeApi) -> None:
    answer = make_api("live").create(body(return_url="http://localhost:3000/back"))
    check_problem(answer, 422, "validation_failed", "return_url", "malformed")


def test_too_many_parameters_are_refused(api: Api) -> None:
    answer = api.get(DEPOSITS + "?" + "&".join(f"a{number}=1" for number in range(1_500)))
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
