"""For each rule that ships one deposit just inside and one just outside, and what is told before either is tried."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiKey, Player
from deposits import limits
from deposits.limits import COLUMNS
from deposits.models import Accumulator
from deposits.rules import Scope
from tests.deposits.api.calling import Api, body, check_problem
from tests.deposits.api.conftest import MakeApi
from tests.deposits.api.shipped import RULES, Shipped, already, each
from tests.deposits.clock import standing_at
from tests.deposits.plans import plan, reads_no_whole_table

pytestmark = pytest.mark.django_db

NUMBER = "+447700900888"
BILL = {"type": "carrier_billing", "phone_number": NUMBER}
PLAYER = "p-rules"
#: A Sunday in the middle of everything, and one in the time of rules that have ended since.
NOW, BEFORE = datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 6, 14, 12, tzinfo=UTC)
SYMBOLS = {"GBP": "£", "EUR": "€"}
Change = Callable[..., None]


def ask(api: Api, **changes: Any) -> Any:
    content = {"player": PLAYER, "currency": "GBP", "method": BILL, **changes}
    answer = api.call("POST", "/api/v1/eligibility", json.dumps(content))
    assert answer.status_code == 200, answer.content
    return answer.json()


def deposit(api: Api, amount: int, currency: str) -> Any:
    return api.create(body(player=PLAYER, amount=amount, currency=currency, method=BILL))


@contextmanager
def applying(rule: dict[str, Any], change_carriers: Change) -> Iterator[str]:
    """Stand at a time at which `rule` applies, with a carrier that it is about. Yields the currency to pay in."""
    currency = rule.get("currency") or ("GBP" if rule["jurisdiction"] == "GB" else "EUR")
    change_carriers(code=rule.get("carrier") or "plain-mobile", currencies=[currency], maximum_minor=100_000)
    with standing_at(BEFORE if "effective_to" in rule else NOW):
        yield currency


def how_long_ago(rule: dict[str, Any]) -> timedelta:
    """Within the rule's window, and within none that is shorter."""
    if rule["window"] == "day" or rule.get("length") == "24 hours":
        return timedelta(hours=2)
    return timedelta(days=2 if rule["window"] in ("rolling", "week") else 10)


@each("single amount")
def test_a_single_amount_passes_up_to_the_rule_and_not_beyond(
    api: Api, change_carriers: Change, rule: Shipped
) -> None:
    code = rule["code"]
    inside = max(rule["price_points"]) if "price_points" in rule else rule["amount"]
    with applying(rule, change_carriers) as currency:
        outside = deposit(api, inside + 1, currency)
        problem = check_problem(outside, 422, "carrier_payment_limit", "amount", "carrier_payment_limit")
        told = ask(api, currency=currency, amount=inside + 1)
        assert deposit(api, inside, currency).status_code == 201
    (method,) = told["methods"]
    points = ", ".join(map(str, rule.get("price_points", ())))
    right = f"one of {points} minor units" if points else f"at most {inside} minor units, by {code}"
    assert problem["detail"] == f"Send {right}."
    assert (told["eligible"], method["reason"]) == (False, problem["reason"])
    assert method["rules"][0]["rule"] == code
    assert method["rules"][0]["source"] == rule["source"]
    if "price_points" in rule:
        assert method["price_points"] == rule["price_points"]
    else:
        assert method["maximum"] == inside


@each("by number")
def test_deposits_of_one_number_pass_up_to_the_rule_and_not_beyond(
    api: Api, change_carriers: Change, rule: Shipped
) -> None:
    code = rule["code"]
    with applying(rule, change_carriers) as currency:
        already("phone_number", NUMBER, currency, rule["amount"] - 100, how_long_ago(rule), NOW)
        assert ask(api, currency=currency, amount=100)["eligible"] is True
        above = check_problem(deposit(api, 101, currency), 422, "carrier_monthly_limit")
        assert deposit(api, 100, currency).status_code == 201
        problem = check_problem(
            deposit(api, 100, currency), 422, "carrier_monthly_limit", "amount", "carrier_monthly_limit"
        )
        told = ask(api, currency=currency, amount=100)
    assert above["detail"] == f"The number has 100 minor units left, by {code}."
    assert problem["detail"] == f"The number has 0 minor units left, by {code}."
    most = f"{SYMBOLS[currency]}{rule['amount'] // 100}"
    assert f"You have used {most} of {most}." in problem["reason"]["text"]
    (method,) = told["methods"]
    assert (told["eligible"], method["maximum"], method["reason"]) == (False, None, problem["reason"])
    first = method["rules"][0]
    assert (first["rule"], first["used"], first["left"]) == (code, rule["amount"], 0)
    assert first["resets_at"] > "2026-11-22T12:00"


@each("own limit")
def test_a_players_own_limit_lets_deposits_pass_up_to_it_and_not_beyond(
    api: Api, change_carriers: Change, rule: Shipped
) -> None:
    code = rule["code"]
    with applying(rule, change_carriers) as currency:
        assert deposit(api, 3_000, currency).status_code == 201
        player = Player.objects.get(external_id=PLAYER)
        at = BEFORE if "effective_to" in rule else NOW
        already("player", str(player.pk), currency, 3_000, how_long_ago(rule), at)
        limits.set_own_limit(player.pk, rule["own"], 5_000, actor_kind="player", actor=PLAYER)
        problem = check_problem(
            deposit(api, 2_001, currency), 422, "limit_would_exceed", "amount", "limit_would_exceed"
        )
        assert deposit(api, 2_000, currency).status_code == 201
        reached = check_problem(deposit(api, 100, currency), 422, "limit_reached", "amount", "limit_reached")
        told = ask(api, currency=currency)
    assert problem["detail"] == f"The player has 2000 minor units left, by {code}."
    assert reached["detail"] == f"The player has 0 minor units left, by {code}."
    assert told["methods"][0]["reason"] == reached["reason"]
    # What protects the player never leads to another way to pay.
    assert {step["action"] for step in reached["reason"]["next"]} == {"my_limits", "take_a_break"}


def test_own_limits_roll_until_the_regulator_wants_them_fixed(api: Api, change_carriers: Change) -> None:
    """What was deposited late on Saturday counts on Sunday by the rule of before, and not by that of after."""
    change_carriers(code="plain-mobile")
    player = Player.objects.create(
        identity_state="verified", partner_id=_partner(api), external_id=PLAYER, daily_limit_minor=2_000
    )
    for at, eligible in ((BEFORE, False), (NOW, True)):
        with standing_at(at):
            already("player", str(player.pk), "GBP", 2_000, timedelta(hours=14), at)
            assert ask(api, amount=100)["eligible"] is eligible


def test_who_is_blocked_is_told_so_before_anything_else(api: Api, change_carriers: Change) -> None:
    change_carriers(code="plain-mobile")
    Player.objects.create(
        identity_state="verified", partner_id=_partner(api), external_id=PLAYER, blocked_at=timezone.now()
    )
    told = ask(api, amount=9_000)
    (method,) = told["methods"]
    assert (told["eligible"], method["maximum"], method["reason"]["code"]) == (False, None, "not_accepted")
    check_problem(deposit(api, 2_000, "GBP"), 422, "not_accepted")


def test_what_a_carrier_refused_for_its_own_cap_is_not_asked_again(api: Api, change_carriers: Change) -> None:
    change_carriers(code="plain-mobile")
    shown = deposit(api, 2_000, "GBP").json()
    row = Accumulator.objects.get(subject_kind="phone_number", subject=NUMBER)
    assert row.refused_minor is None
    scope = Scope(_partner(api), "GBP", "plain-mobile", "carrier_billing", NUMBER)
    limits.learn_refusal(scope, 2_000, datetime.fromisoformat(shown["created_at"]))
    check_problem(deposit(api, 2_000, "GBP"), 422, "carrier_monthly_limit")
    assert ask(api)["methods"][0]["maximum"] == 1_999
    assert deposit(api, 1_999, "GBP").status_code == 201


def test_it_reads_accumulators_and_no_deposits(api: Api) -> None:
    deposit(api, 2_000, "GBP")
    ask(api)
    with CaptureQueriesContext(connection) as asked:
        ask(api, amount=2_000)
    statements = [one["sql"] for one in asked if one["sql"].startswith(("SELECT", "WITH"))]
    assert not [sql for sql in statements if "deposits_deposit" in sql]
    assert 1 <= len(statements) <= 5
    for sql in statements:
        text = plan(sql)
        assert "Aggregate" not in text, f"{sql}\n{text}"
        # Of rules there are few.
        assert reads_no_whole_table(text.replace("Seq Scan on deposits_rule", "")), f"{sql}\n{text}"


def test_a_key_that_only_reads_may_ask_and_a_live_key_needs_a_known_player(make_api: MakeApi) -> None:
    reading = make_api(scopes=("deposits:read",))
    assert ask(reading)["player"] == PLAYER
    live = make_api("live")
    content = json.dumps({"player": "nobody", "currency": "GBP"})
    check_problem(live.call("POST", "/api/v1/eligibility", content), 422, "player_unknown")


def test_every_column_of_an_own_limit_has_a_period() -> None:
    assert {rule["own"] for rule in RULES if "own" in rule} == set(COLUMNS)


def _partner(api: Api) -> int:
    from_key = api.key[:16]
    return ApiKey.objects.get(prefix=from_key).partner_id
