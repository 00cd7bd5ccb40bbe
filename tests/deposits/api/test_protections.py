"""Who may not deposit is refused with the exact reason and its words, and nothing has happened."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, Player
from accounts.protections import breaks
from deposits import limits
from deposits.management.commands.sweep import Watch, sweep
from deposits.models import Consent, Deposit, Rule
from tests.accounts.protecting import PLAYER, let_pass
from tests.deposits.api.calling import Api, body, check_problem, stored
from tests.deposits.making import rule_changed
from tests.deposits.ui.visiting import player as visitor_player
from tests.deposits.ui.visiting import text_of, visitor

pytestmark = pytest.mark.django_db


def known_player(api: Api, **fields: Any) -> Player:
    """A live, verified player of the key's partner; `fields` override."""
    fields = {"external_id": "p-known", "identity_state": Player.Identity.VERIFIED, **fields}
    return Player.objects.create(partner=ApiKey.objects.get(prefix=api.key[:16]).partner, **fields)


def refused(api: Api, player: Player, code: str) -> dict[str, Any]:
    """Assert that the player's deposit is refused for `code`, and that nothing came of it."""
    before = stored()
    problem = check_problem(api.create(body(player=player.external_id)), 422, code, "player", code)
    assert stored() == before
    assert problem["reason"]["code"] == code
    assert "You have not been charged." in problem["reason"]["text"]
    return problem


def test_a_break_refuses_until_it_ends(api: Api) -> None:
    player = known_player(api)
    begun = breaks.take_time_out(player, 24, PLAYER)
    problem = refused(api, player, "time_out_active")
    assert problem["ends_at"] == begun.ends_at.isoformat().replace("+00:00", "Z")
    ends = timezone.localtime(begun.ends_at)
    assert f"It ends on {ends.day} {ends:%B at %H:%M}." in problem["reason"]["text"]
    assert [step["action"] for step in problem["reason"]["next"]] == ["support_tools"]
    let_pass(player, timedelta(hours=24))
    assert api.create(body(player=player.external_id)).status_code == 201


def test_an_exclusion_refuses_until_it_ends(api: Api) -> None:
    player = known_player(api)
    begun = breaks.exclude(player, 6, PLAYER)
    problem = refused(api, player, "self_excluded")
    assert [step["action"] for step in problem["reason"]["next"]] == ["support_tools"]
    let_pass(player, begun.ends_at - begun.begins_at - timedelta(minutes=1))
    refused(api, player, "self_excluded")
    let_pass(player, timedelta(minutes=1))
    assert api.create(body(player=player.external_id)).status_code == 201


def test_a_key_used_before_the_break_still_answers_with_its_deposit(api: Api) -> None:
    player = known_player(api)
    sent = body(player=player.external_id)
    first = api.create(sent, key="once")
    breaks.take_time_out(player, 24, PLAYER)
    again = api.create(sent, key="once")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


@pytest.mark.parametrize(
    ("state", "code"),
    [("not_started", "checks_needed"), ("pending", "checks_needed"), ("failed", "not_accepted")],
)
def test_nobody_deposits_before_their_identity_is_verified(api: Api, state: str, code: str) -> None:
    player = known_player(api, identity_state=state)
    refused(api, player, code)
    Player.objects.filter(pk=player.pk).update(identity_state=Player.Identity.VERIFIED)
    assert api.create(body(player=player.external_id)).status_code == 201


def test_where_no_rule_of_the_jurisdiction_says_so_identity_is_not_asked_for(api: Api) -> None:
    player = known_player(api, identity_state=Player.Identity.NOT_STARTED)
    refused(api, player, "checks_needed")
    with rule_changed("gb-identity", jurisdiction="IE"):
        assert api.create(body(player=player.external_id)).status_code == 201
    refused(api, player, "checks_needed")
    with rule_changed("gb-identity", jurisdiction="*"):
        refused(api, player, "checks_needed")


def test_a_decision_keeps_the_rules_about_the_player_too(api: Api) -> None:
    sent = api.create(body(player=known_player(api).external_id)).json()
    kept = Consent.objects.get(deposit__reference=sent["reference"]).rules
    codes = set(Rule.objects.filter(pk__in=kept).values_list("code", flat=True))
    assert codes >= {"gb-identity", "gb-age", "velocity-player", "velocity-phone-number", "velocity-device"}
    assert "gb-sr-3-4-4" in codes
    assert Rule.objects.get(pk__in=kept, code="gb-sr-3-4-4").version == 2


def test_a_player_is_old_enough_from_the_very_day_on(api: Api) -> None:
    player = known_player(api, of_age_on=limits.today() + timedelta(days=1))
    problem = refused(api, player, "under_age")
    assert problem["reason"]["title"] == "You are not old enough to deposit"
    assert problem["reason"]["text"] == (
        "You have to be 18 or older. Contact us if we have your date of birth wrong. You have not been charged."
    )
    assert [step["action"] for step in problem["reason"]["next"]] == ["contact", "support_tools"]
    Player.objects.filter(pk=player.pk).update(of_age_on=limits.today())
    assert api.create(body(player=player.external_id)).status_code == 201


def test_a_minimum_age_that_is_raised_holds_for_those_who_are_known(api: Api, make_api: Any) -> None:
    live = make_api("live", of=api)
    born = f"{limits.today().year - 19}-01-01"
    put = json.dumps({"identity": "verified", "birth_date": born})
    assert live.call("PUT", "/api/v1/players/p-19", put).status_code == 200
    sent = body(player="p-19")
    assert live.create(sent).status_code == 201
    with rule_changed("gb-age", amount=21):
        sweep(Watch())
        refused(live, Player.objects.get(external_id="p-19"), "under_age")
    sweep(Watch())
    assert live.create(sent).status_code == 201


def test_a_player_made_by_a_test_key_is_nobody_to_a_live_key(api: Api, make_api: Any) -> None:
    sent = body()
    assert api.create(sent).status_code == 201
    live = make_api("live", of=api)
    check_problem(live.create(sent), 422, "player_unknown", "player", "player_unknown")
    assert Deposit.objects.filter(player__external_id=sent["player"]).count() == 1


def test_the_page_says_it_before_anything_is_tapped() -> None:
    someone = visitor_player()
    breaks.take_time_out(someone, 24, PLAYER)
    client: Client = visitor(someone)
    page = client.get("/deposit/")
    assert "You are taking a break" in text_of(page)
    assert b'name="key"' not in page.content
