"""Whose deposits a key sees: its partner's, of its mode, and no trace of anybody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.models import ApiKey, AuditRecord, Player
from deposits.models import Deposit
from tests.deposits import making
from tests.deposits.api.calling import DEPOSITS, Api, body, check_problem, stored
from tests.deposits.api.conftest import MakeApi

pytestmark = pytest.mark.django_db

UNKNOWN = "dep_" + "0" * 32

_CALLS: dict[str, Callable[[Api, str], Any]] = {
    "read": lambda api, deposit: api.get(f"{DEPOSITS}/{deposit}"),
    "timeline": lambda api, deposit: api.get(f"{DEPOSITS}/{deposit}/timeline"),
    "cancel": lambda api, deposit: api.act(deposit, "cancel"),
    "confirm": lambda api, deposit: api.act(deposit, "confirm", {"code": "123456"}),
}


@pytest.mark.parametrize("call", _CALLS)
@pytest.mark.parametrize("name", ["id", "reference"])
def test_s11_s12_somebody_elses_deposit_is_not_found(
    api: Api, make_api: MakeApi, call: str, name: str
) -> None:
    theirs = make_api().create().json()[name]
    before = stored()
    refused = _CALLS[call](api, theirs)
    problem = check_problem(refused, 404, "not_found")
    unknown = check_problem(_CALLS[call](api, UNKNOWN if name == "id" else "D-0000-0000"), 404, "not_found")
    assert {**problem, "request_id": ""} == {**unknown, "request_id": ""}
    note = AuditRecord.objects.get(action="deposit.not_visible", subject=theirs)
    assert (note.actor, note.request_id) == (api.key[:16], refused["X-Request-Id"])
    assert stored() == before


def test_s11_both_answers_take_the_same_work(
    api: Api, make_api: MakeApi, django_assert_num_queries: Callable[..., Any]
) -> None:
    theirs = make_api().create().json()["id"]
    for name in (theirs, UNKNOWN):
        # The look-up of the deposit and the note; the key's look-up goes past Django's count.
        with django_assert_num_queries(2):
            api.get(f"{DEPOSITS}/{name}")


@pytest.mark.parametrize(
    "name",
    [
        "1",
        "dep_1",
        "dep_" + "g" * 32,
        "dep_" + "A" * 32,
        "dep_0_0000000000000000000000000000000",
        "D-7F3K-92QI",
        "d-7f3k-92qx",
        "D-7F3K-92QX%00",
        "dep_%D9%A0" + "0" * 31,
        "..%2F..%2Fadmin",
        "'%20OR%201=1--",
    ],
)
def test_s13_what_is_no_id_is_not_found(api: Api, name: str) -> None:
    answer = api.get(f"{DEPOSITS}/{name}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_s12_a_list_holds_only_the_partners_own(api: Api, make_api: MakeApi) -> None:
    mine, other = api.create().json(), make_api()
    theirs = other.create().json()
    assert [one["id"] for one in api.get().json()["data"]] == [mine["id"]]
    assert api.get(f"{DEPOSITS}?player={theirs['player']}").json()["data"] == []
    assert api.get(f"{DEPOSITS}?reference={theirs['reference']}").json()["data"] == []


def test_test_and_live_keys_do_not_see_each_others_deposits(api: Api, make_api: MakeApi) -> None:
    live = make_api("live", of=api)
    sent = body()
    partner = ApiKey.objects.get(prefix=api.key[:16]).partner
    Player.objects.create(partner=partner, external_id=sent["player"], identity_state="verified")
    tested = api.create(sent).json()
    lived = live.create(sent).json()
    assert lived["id"] != tested["id"]
    for own, foreign, key in ((tested, lived, api), (lived, tested, live)):
        assert [one["id"] for one in key.get().json()["data"]] == [own["id"]]
        check_problem(key.act(foreign["id"], "cancel"), 404, "not_found")


@pytest.mark.parametrize("demo", [True, False])
def test_what_players_do_on_the_page_is_live_except_in_a_demo(
    api: Api, make_api: MakeApi, settings: Settings, demo: bool
) -> None:
    settings.DEMO = demo
    api.create(sent := body())
    player = Player.objects.get(external_id=sent["player"])
    deposit = making.accepted(
        partner_id=player.partner_id, player=player.external_id, client=f"player:{player.pk}"
    )
    assert make_api("live", of=api).get(f"{DEPOSITS}/{deposit.reference}").status_code == 200
    assert api.get(f"{DEPOSITS}/{deposit.reference}").status_code == (200 if demo else 404)


def test_a_live_key_does_not_create_players(make_api: MakeApi) -> None:
    live, sent = make_api("live"), body()
    before = stored()
    check_problem(live.create(sent), 422, "player_unknown", "player", "player_unknown")
    assert stored() == before
    assert not Player.objects.filter(external_id=sent["player"]).exists()


def test_a_blocked_player_gets_neutral_words(api: Api) -> None:
    api.create(sent := body())
    Player.objects.filter(external_id=sent["player"]).update(
        blocked_at=Deposit.objects.latest("pk").created_at
    )
    before = stored()
    problem = check_problem(api.create(sent), 422, "not_accepted", "player", "not_accepted")
    assert problem["reason"]["title"] == "We cannot take this deposit"
    assert stored() == before
