"""A player's own limits: lowered at once; raised only with both 24 hours and the player's second act."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.utils import timezone

from accounts.models import AuditRecord, Player
from accounts.protections.acts import Actor, NotAllowed
from deposits.actions import own_limits
from deposits.models import LimitRaise, PlayerLimit, Rule
from tests.deposits.api.calling import Api, body, check_problem, new_key
from tests.triggers import triggers_off

pytestmark = pytest.mark.django_db

PATH = "/api/v1/players/p-1"
WEEK = Rule.Own.WEEK
STAFF = Actor("staff", "sam")


def act(api: Api, act: str, key: str = "", **content: Any) -> Any:
    sent = json.dumps({"act": act, **content})
    return api.call("POST", f"{PATH}/limits", sent, HTTP_IDEMPOTENCY_KEY=key or new_key())


def let_pass(time: timedelta) -> None:
    """Let so much time pass for raises, as the owner of the table could, with its triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        triggers_off(cursor, "deposits_limitraise")
        cursor.execute(
            "UPDATE deposits_limitraise SET ripe_at = ripe_at - %(time)s::interval", {"time": str(time)}
        )
        cursor.execute("ALTER TABLE deposits_limitraise ENABLE TRIGGER USER")


@pytest.fixture
def player(api: Api) -> Player:
    """A test player with a weekly limit of £50."""
    assert api.create(body(player="p-1", amount=100)).status_code == 201
    assert act(api, "set", period="week", amount=5_000).status_code == 200
    return Player.objects.get(external_id="p-1")


def weekly(api: Api) -> dict[str, Any]:
    shown: dict[str, Any] = api.get(PATH).json()["limits"][0]
    return shown


def test_a_limit_is_set_and_lowered_at_once(api: Api, player: Player) -> None:
    assert (weekly(api)["amount"], weekly(api)["used"], weekly(api)["left"]) == (5_000, 100, 4_900)
    act(api, "set", period="week", amount=300)
    assert api.create(body(player="p-1", amount=200)).status_code == 201
    problem = check_problem(
        api.create(body(player="p-1", amount=100)), 422, "limit_reached", "amount", "limit_reached"
    )
    assert {step["action"] for step in problem["reason"]["next"]} <= {"my_limits", "take_a_break"}


@pytest.mark.parametrize("amount", [5_001, None])
def test_a_raise_needs_both_the_day_and_the_second_act(api: Api, player: Player, amount: int | None) -> None:
    shown = act(api, "set", period="week", amount=amount).json()["limits"][0]
    assert (shown["amount"], shown["raise"]["amount"]) == (5_000, amount)
    check_problem(act(api, "confirm_raise", period="week"), 409, "not_possible_now")
    let_pass(timedelta(hours=24) - timedelta(minutes=1))
    check_problem(act(api, "confirm_raise", period="week"), 409, "not_possible_now")
    let_pass(timedelta(minutes=1))
    # The day alone raises nothing.
    assert weekly(api)["amount"] == 5_000
    shown = act(api, "confirm_raise", period="week").json()["limits"]
    assert [one["amount"] for one in shown] == ([] if amount is None else [amount])
    assert not LimitRaise.objects.filter(state="waiting").exists()
    check_problem(act(api, "confirm_raise", period="week"), 409, "not_possible_now")


def test_a_raise_can_be_taken_back_and_lowering_takes_it_back(api: Api, player: Player) -> None:
    act(api, "set", period="week", amount=9_000)
    assert act(api, "withdraw_raise", period="week").json()["limits"][0]["raise"] is None
    act(api, "set", period="week", amount=9_000)
    act(api, "set", period="week", amount=4_000)
    let_pass(timedelta(hours=25))
    check_problem(act(api, "confirm_raise", period="week"), 409, "not_possible_now")
    assert weekly(api)["amount"] == 4_000


def test_asking_again_begins_the_day_again(api: Api, player: Player) -> None:
    act(api, "set", period="week", amount=9_000)
    let_pass(timedelta(hours=25))
    act(api, "set", period="week", amount=9_500)
    check_problem(act(api, "confirm_raise", period="week"), 409, "not_possible_now")


def test_an_act_is_done_once_per_key(api: Api, player: Player) -> None:
    act(api, "set", "key-1", period="week", amount=400)
    act(api, "set", "key-1", period="week", amount=400)
    check_problem(act(api, "set", "key-1", period="week", amount=500), 422, "idempotency_key_reused")
    assert PlayerLimit.objects.filter(player=player, amount_minor=400).count() == 1


def test_nobody_in_staff_raises_one(player: Player) -> None:
    with pytest.raises(NotAllowed):
        own_limits.set_limit(player, WEEK, 6_000, STAFF)
    own_limits.set_limit(player, WEEK, 6_000, Actor("player", "p-1"))
    let_pass(timedelta(hours=25))
    with pytest.raises(NotAllowed):
        own_limits.confirm_raise(player, WEEK, STAFF)
    own_limits.set_limit(player, WEEK, 4_000, STAFF)
    player.refresh_from_db()
    assert player.weekly_limit_minor == 4_000


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_player SET weekly_limit_minor = 5001 WHERE id = %(player)s",
        "UPDATE accounts_player SET weekly_limit_minor = NULL WHERE id = %(player)s",
        "UPDATE deposits_limitraise SET ripe_at = now() WHERE player_id = %(player)s",
        "UPDATE deposits_limitraise SET amount_minor = 1 WHERE player_id = %(player)s",
        "UPDATE deposits_limitraise SET state = 'confirmed' WHERE player_id = %(player)s",
        "DELETE FROM deposits_limitraise WHERE player_id = %(player)s",
        "TRUNCATE deposits_limitraise",
    ],
)
def test_no_statement_raises_one(player: Player, statement: str) -> None:
    own_limits.set_limit(player, WEEK, 9_000, Actor("player", "p-1"))
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement, {"player": player.pk})
    player.refresh_from_db()
    assert player.weekly_limit_minor == 5_000


def test_the_database_sets_the_day_whatever_is_sent(player: Player) -> None:
    made = LimitRaise.objects.create(
        player=player, period=WEEK, amount_minor=9_000, ripe_at=timezone.now(), actor_kind="player"
    )
    made.refresh_from_db()
    assert made.ripe_at - made.requested_at == timedelta(hours=24)


def test_the_review_is_due_after_six_months_and_again_after_a_look(api: Api, player: Player) -> None:
    set_at = PlayerLimit.objects.get(player=player).set_at
    due = own_limits.review_due_at(player)
    assert due is not None
    assert 181 <= (due - set_at).days <= 184
    before = api.get(PATH).json()["limits_review_due_at"]
    assert act(api, "keep").json()["limits_review_due_at"] >= before
    assert AuditRecord.objects.filter(subject=str(player.pk), action="limit.reviewed").count() == 1


@pytest.mark.parametrize(
    ("content", "field", "code"),
    [
        ({"act": "set", "amount": 1}, "period", "missing"),
        ({"act": "set", "period": "year", "amount": 1}, "period", "malformed"),
        ({"act": "set", "period": "week", "amount": -1}, "amount", "out_of_range"),
        ({"act": "confirm_raise", "period": "week", "amount": 1}, "amount", "unknown_field"),
        ({"act": "raise", "period": "week"}, "act", "malformed"),
    ],
)
def test_what_is_wrong_is_named(
    api: Api, player: Player, content: dict[str, Any], field: str, code: str
) -> None:
    check_problem(act(api, content.pop("act"), **content), 422, "validation_failed", field, code)
