"""For each rule that ships about players themselves, a deposit just inside and one just outside.

Those about amounts are in test_eligibility.py.
"""

from __future__ import annotations

import calendar
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.models import ApiKey, Player
from deposits import limits, velocity
from deposits.actions import vulnerability
from deposits.api.examples import PUT_PLAYER
from deposits.models import Case, Deposit
from deposits.rules import Scope
from tests.deposits.api.calling import Api, body, check_problem
from tests.deposits.api.conftest import MakeApi
from tests.deposits.api.shipped import KINDS, RULES, Shipped, already, each, name
from tests.deposits.clock import standing_at

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def live(make_api: MakeApi) -> Api:
    """A partner with a live key: test players may fail as they like."""
    return make_api("live")


def known(api: Api, player: str = "p-1", **changes: Any) -> str:
    """Tell who a player is, as the partner does; return their name."""
    sent = json.dumps({**PUT_PLAYER, **changes})
    assert api.call("PUT", f"/api/v1/players/{player}", sent).status_code == 200
    return player


def deposit(api: Api, player: str, number: int = 0, device: int = 0) -> Any:
    method = {"type": "carrier_billing", "phone_number": f"+4477009019{number:02}"}
    return api.create(body(player=player, amount=100, method=method, device=f"device-{device}"))


def test_every_rule_that_ships_has_its_table() -> None:
    tables = {name(rule): [kind for kind, holds in KINDS.items() if holds(rule)] for rule in RULES}
    assert {rule: kinds for rule, kinds in tables.items() if len(kinds) != 1} == {}
    assert {kind for kinds in tables.values() for kind in kinds} == set(KINDS)


@each("identity")
def test_a_player_deposits_once_verified_and_not_before(live: Api, rule: Shipped) -> None:
    player = known(live, identity="pending", jurisdiction=rule["jurisdiction"])
    check_problem(deposit(live, player), 422, "checks_needed", "player", "checks_needed")
    known(live, identity="verified", jurisdiction=rule["jurisdiction"])
    assert deposit(live, player).status_code == 201


@each("age")
def test_a_player_deposits_from_the_birthday_on_and_not_the_day_before(live: Api, rule: Shipped) -> None:
    today = limits.today()
    year = today.year - rule["amount"]
    born = date(year, today.month, min(today.day, calendar.monthrange(year, today.month)[1]))
    jurisdiction = "IE" if rule["jurisdiction"] == "*" else rule["jurisdiction"]
    for day, status in ((born, 201), (born + timedelta(days=1), 422)):
        player = known(live, f"p-{status}", birth_date=day.isoformat(), jurisdiction=jurisdiction)
        answer = deposit(live, player)
        assert answer.status_code == status, answer.content
    problem = check_problem(answer, 422, "under_age", "player", "under_age")
    assert f"You have to be {rule['amount']} or older." in problem["reason"]["text"]


@each("velocity")
def test_so_many_failures_cool_down_and_one_less_does_not(live: Api, rule: Shipped) -> None:
    """All of one player, or all by one number, or all from one device; whatever else they share is no two's."""
    shared = rule["subject"]

    def attempt(number: int) -> Any:
        player = "p-0" if shared == "player" else known(live, f"p-{number}")
        by = 0 if shared == "phone_number" else number
        return deposit(live, player, by, 0 if shared == "device" else number)

    known(live, "p-0")
    for number in range(rule["amount"]):
        answer = attempt(number)
        assert answer.status_code == 201, answer.content
        made = Deposit.objects.get(reference=answer.json()["reference"])
        scope = Scope(made.partner_id, made.currency, made.carrier, made.method_type, made.phone_number)
        velocity.count([(made.pk, scope)])
    check_problem(attempt(rule["amount"]), 429, "too_many_requests")
    # Who shares nothing with them is let in.
    other = deposit(live, known(live, "p-other"), 99, 99)
    assert other.status_code == 201


@each("case")
def test_the_threshold_opens_a_case_and_a_penny_less_does_not(live: Api, rule: Shipped) -> None:
    later = [one["effective_from"] for one in RULES if one["code"] == rule["code"]]
    newest = rule["effective_from"] == max(later)
    player = Player.objects.get(
        external_id=known(live), partner=ApiKey.objects.get(prefix=live.key[:16]).partner
    )
    at = NOW if newest else rule["effective_from"] + timedelta(days=40)
    with standing_at(at):
        for minor, marked in ((rule["amount"] - 1, False), (rule["amount"], True)):
            already("player", str(player.pk), "GBP", minor, timedelta(days=2), at)
            vulnerability.look([player.pk])
            player.refresh_from_db()
            assert (player.vulnerable_at is not None) is marked
            # It is a case for people: deposits go on.
            assert deposit(live, player.external_id).status_code == 201
    (case,) = Case.objects.filter(kind=Case.Kind.VULNERABILITY, evidence__player=player.pk)
    assert case.evidence["threshold_minor"] == rule["amount"]
