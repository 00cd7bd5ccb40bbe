"""Input that is refused: with which answer, how fast, and that nothing changes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Player
from tests.deposits.api.calling import DEPOSITS, Api, body, check_problem, new_key, stored, validator

pytestmark = pytest.mark.django_db


def raw(**changes: str) -> str:
    """A body in which the given fields are written as they stand, be they JSON or not."""
    fields = {name: json.dumps(value) for name, value in body().items()} | changes
    return "{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}"


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "out_of_range"),
        ("-1", "out_of_range"),
        ("1.5", "wrong_type"),
        ('"10"', "wrong_type"),
        ("1e3", "wrong_type"),
        ("2000.0", "wrong_type"),
        ("1e999", "wrong_type"),
        ("true", "wrong_type"),
        ("null", "wrong_type"),
        ("[2000]", "wrong_type"),
        ("{}", "wrong_type"),
        ("9223372036854775808", "out_of_range"),
        ("-9223372036854775809", "out_of_range"),
        ("1" * 4_000, "out_of_range"),
        ('"١٠"', "wrong_type"),
    ],
)
def test_s01_an_amount_that_is_no_amount_is_refused(api: Api, amount: str, code: str) -> None:
    before = stored()
    answer = api.create(raw(amount=amount))
    problem = check_problem(answer, 422, "validation_failed", "amount", code)
    assert "whole number" in problem["errors"][0]["detail"]
    assert stored() == before


@pytest.mark.parametrize(
    "amount", ["NaN", "Infinity", "-Infinity", "١٠", "0x10", "+1", "01", "1_000", "1" * 5_000]
)
def test_s01_an_amount_that_is_no_json_is_refused(api: Api, amount: str) -> None:
    before = stored()
    check_problem(api.create(raw(amount=amount)), 400, "body_malformed")
    assert stored() == before


@pytest.mark.parametrize("amount", [4_001, 99, 1, 100_000_000])
def test_s02_an_amount_that_the_carrier_does_not_take_is_refused_with_the_limits(
    api: Api, amount: int
) -> None:
    before, players = stored(), Player.objects.count()
    problem = check_problem(
        api.create(body(amount=amount)), 422, "amount_out_of_range", "amount", "amount_out_of_range"
    )
    assert "from 100 to 4000" in problem["detail"]
    assert problem["reason"]["title"] == "Choose from £1 to £40"
    assert problem["reason"]["text"] == "You have not been charged."
    assert stored() == before
    assert Player.objects.count() == players


def test_s02_an_amount_above_the_players_own_limit_is_refused_with_what_is_left(api: Api) -> None:
    sent = body(amount=3_000)
    assert api.create(sent).status_code == 201
    Player.objects.filter(external_id=sent["player"]).update(weekly_limit_minor=5_000)
    before = stored()
    problem = check_problem(api.create(sent), 422, "limit_would_exceed", "amount", "limit_would_exceed")
    assert "2000 minor units" in problem["detail"]
    assert "£20 left this week" in problem["reason"]["text"]
    assert stored() == before
    assert api.create({**sent, "amount": 2_000}).status_code == 201
    problem = check_problem(
        api.create({**sent, "amount": 100}), 422, "limit_reached", "amount", "limit_reached"
    )
    assert "£50 of £50 this week" in problem["reason"]["text"]


def test_s02_an_amount_above_the_numbers_monthly_cap_is_refused(
    api: Api, change_carriers: Callable[..., None]
) -> None:
    # Not the carrier whose cap is lifted for tests.
    change_carriers(code="capped-mobile")
    number = {"type": "carrier_billing", "phone_number": "+447700900777"}
    for _ in range(6):
        assert api.create(body(amount=4_000, method=number)).status_code == 201
    before = stored()
    answer = api.create(body(amount=100, method=number))
    problem = check_problem(answer, 422, "carrier_monthly_limit", "amount", "carrier_monthly_limit")
    assert problem["reason"]["title"] == "Phone bill limit reached for this month"
    assert "You have used £240 of £240." in problem["reason"]["text"]
    assert stored() == before


@pytest.mark.parametrize("currency", ["eur", "gbp", "XXX", "EU", "EUR", "", "GBP ", "ＧＢＰ"])
def test_s03_a_currency_that_we_do_not_take_is_refused(api: Api, currency: str) -> None:
    before = stored()
    answer = api.create(body(currency=currency))
    problem = check_problem(answer, 422, "currency_not_supported", "currency", "currency_not_supported")
    assert "GBP" in problem["errors"][0]["detail"]
    assert stored() == before


def test_s03_a_currency_that_only_another_carrier_takes_is_refused(
    api: Api, change_carriers: Callable[..., None]
) -> None:
    change_carriers({"code": "euro-mobile", "prefixes": ["+3361"], "currencies": ["EUR"]})
    before = stored()
    answer = api.create(body(currency="EUR"))
    check_problem(answer, 422, "currency_not_supported", "currency", "currency_not_supported")
    assert stored() == before


@pytest.mark.parametrize(
    "name", ["state", "credited", "balance", "user_id", "is_staff", "id", "client", "__class__"]
)
def test_s04_a_field_that_is_not_ours_to_be_told_is_refused(api: Api, name: str) -> None:
    before = stored()
    sent = body(**{name: "credited"})
    check_problem(api.create(sent), 422, "validation_failed", name, "unknown_field")
    assert not validator("CreateDeposit").is_valid(sent)
    assert stored() == before


def test_s04_a_field_inside_the_method_is_refused_too(api: Api) -> None:
    before = stored()
    method = {"type": "carrier_billing", "phone_number": "+447700900001", "carrier": "other"}
    check_problem(
        api.create(body(method=method)), 422, "validation_failed", "method.carrier", "unknown_field"
    )
    assert stored() == before


_DEEP = "[" * 1_000 + "]" * 1_000

_MALFORMED: dict[str, bytes] = {
    "no body": b"",
    "no JSON": b"{",
    "no object": b'["a"]',
    "two values": b"{}{}",
    "single quotes": b"{'player': 1}",
    "comment": b"{} // done",
    "key twice": raw().replace("{", '{"amount":100,', 1).encode(),
    "key twice, escaped": raw().replace("{", '{"\\u0061mount":100,', 1).encode(),
    "key twice inside": raw(
        method='{"type":"carrier_billing","type":"bank","phone_number":"+447700900001"}'
    ).encode(),
    "1,000 deep": raw(method=_DEEP).encode(),
    "33 deep": raw(method="[" * 32 + "]" * 32).encode(),
    "never closed": b"[" * 60_000,
    "deep objects": b'{"a":' * 10_000,
    "quotes without end": b'{"a":"' + b'\\"' * 30_000,
    "digits without end": b'{"amount":' + b"9" * 60_000 + b"}",
    "BOM": b"\xef\xbb\xbf" + raw().encode(),
    "UTF-16": raw().encode("utf-16"),
    "UTF-16 without BOM": raw().encode("utf-16-le"),
    "Latin-1": raw(partner_reference='"café"').encode("latin-1"),
    "surrogate as bytes": raw(partner_reference='"?"').encode().replace(b"?", b"\xed\xa0\x80"),
    "lone surrogate": raw(partner_reference='"\\ud800"').encode(),
    "lone surrogate in a name": raw().replace("{", '{"\\udfff":1,', 1).encode(),
    "NUL escaped": raw(partner_reference='"a\\u0000b"').encode(),
    "NUL in a name": raw().replace("{", '{"a\\u0000":1,', 1).encode(),
    "NUL as byte": raw(partner_reference='"a\0b"').encode(),
    "line feed in a string": raw(partner_reference='"a\nb"').encode(),
}


def quickest(send: Callable[[], Any], tries: int = 3) -> tuple[Any, float]:
    """The answer, and the least CPU time of some tries in ms: what else the machine does is not ours."""
    times = []
    for _ in range(tries):
        started = time.thread_time()
        answer = send()
        times.append((time.thread_time() - started) * 1_000)
    return answer, min(times)


@pytest.mark.parametrize("case", _MALFORMED)
def test_s05_a_body_that_is_not_plain_json_is_refused_at_once(api: Api, case: str) -> None:
    before = stored()
    answer, ms = quickest(lambda: api.create(_MALFORMED[case]))
    check_problem(answer, 400, "body_malformed")
    assert ms < 50
    assert stored() == before


@pytest.mark.parametrize("size", [64 * 1024 + 1, 1_000_000])
def test_s05_a_large_body_is_refused_unread(api: Api, size: int) -> None:
    before = stored()
    content = raw(partner_reference='"' + "x" * size + '"').encode()[:size]
    answer, ms = quickest(lambda: api.create(content))
    check_problem(answer, 413, "body_too_large")
    assert ms < 50
    assert stored() == before


def test_s05_thousands_of_wrong_fields_get_a_short_answer_at_once(api: Api) -> None:
    before = stored()
    content = json.dumps({f"f{number}": 0 for number in range(5_000)})
    answer, ms = quickest(lambda: api.create(content))
    assert len(check_problem(answer, 422, "validation_failed")["errors"]) == 20
    assert ms < 50
    assert stored() == before


def test_s05_what_is_only_unusual_is_read(api: Api) -> None:
    # 32 levels are read, and refused for what they are.
    check_problem(
        api.create(raw(method="[" * 31 + "]" * 31)), 422, "validation_failed", "method", "wrong_type"
    )
    assert (
        api.create(" \r\n\t" + raw(partner_reference='"\\\\u0000 \\ud83d\\ude00 [[[[{{{{"')).status_code
        == 201
    )
    brackets = '"' + "[{" * 32 + '"'
    assert api.create(raw(partner_reference=brackets)).json()["partner_reference"] == "[{" * 32


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/json; version=2",
        "application/jsonx",
        "application/problem+json",
        "application/json, text/plain",
        "*/*",
    ],
)
def test_s06_a_body_that_is_not_declared_as_json_is_refused(api: Api, content_type: str) -> None:
    before = stored()
    check_problem(api.create(body(), content_type=content_type), 415, "media_type_not_supported")
    assert stored() == before


@pytest.mark.parametrize(
    "content_type",
    ["application/json;charset=UTF-8", 'application/json; charset="utf-8"', "Application/JSON ; "],
)
def test_s06_other_spellings_of_json_are_read(api: Api, content_type: str) -> None:
    assert api.create(body(), content_type=content_type).status_code == 201


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PURGE"])
@pytest.mark.parametrize(
    ("suffix", "allowed"), [("", "GET, HEAD, POST"), ("/{}", "GET, HEAD"), ("/{}/cancel", "POST")]
)
def test_s07_a_wrong_method_is_refused(api: Api, method: str, suffix: str, allowed: str) -> None:
    path = DEPOSITS + suffix.format(api.create().json()["id"])
    before = stored()
    answer = api.call(method, path, json.dumps(body()), HTTP_IDEMPOTENCY_KEY=new_key())
    check_problem(answer, 405, "method_not_allowed")
    assert answer["Allow"] == allowed
    assert stored() == before


@pytest.mark.parametrize(
    "header", ["HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD"]
)
def test_s07_a_method_override_is_ignored(api: Api, header: str) -> None:
    before = stored()
    answer = api.get(**{header: "POST", "HTTP_IDEMPOTENCY_KEY": new_key()})
    assert answer.status_code == 200
    assert answer.json()["data"] == []
    assert stored() == before
    assert api.create(**{header: "DELETE"}).status_code == 201
