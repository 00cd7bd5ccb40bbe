"""Players over the API: who they are, what protects them, and what only their own mode and partner may see."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.models import Player, Protection
from deposits.api.examples import PUT_PLAYER
from tests.deposits.api.calling import Api, body, check_problem, new_key
from tests.deposits.api.conftest import MakeApi

pytestmark = pytest.mark.django_db

PLAYERS = "/api/v1/players"


def put(api: Api, name: str = "p-1", **changes: Any) -> Any:
    return api.call("PUT", f"{PLAYERS}/{name}", json.dumps({**PUT_PLAYER, **changes}))


def patch(api: Api, name: str = "p-1", **changes: Any) -> Any:
    return api.call("PATCH", f"{PLAYERS}/{name}", json.dumps(changes))


def begin(api: Api, key: str = "", name: str = "p-1", **content: Any) -> Any:
    return api.call(
        "POST",
        f"{PLAYERS}/{name}/breaks",
        json.dumps(content),
        HTTP_IDEMPOTENCY_KEY=key or new_key(),
    )


@pytest.fixture
def live(make_api: MakeApi) -> Api:
    """A partner with a live key."""
    return make_api("live")


def test_a_live_player_deposits_once_created_and_verified(live: Api) -> None:
    sent = body(player="p-1")
    check_problem(live.create(sent), 422, "player_unknown", "player", "player_unknown")
    assert put(live, identity="pending").json()["may_deposit"] is False
    check_problem(live.create(sent), 422, "checks_needed", "player", "checks_needed")
    shown = patch(live, identity="verified").json()
    assert (shown["identity"], shown["may_deposit"], shown["reason"]) == ("verified", True, None)
    assert live.create(sent).status_code == 201


def test_the_answer_is_what_the_page_would_say_and_no_personal_data(live: Api) -> None:
    answer = put(live, identity="pending")
    assert answer.json()["reason"]["code"] == "checks_needed"
    shown = live.get(f"{PLAYERS}/p-1")
    assert shown.json() == answer.json()
    assert not any(
        value.encode() in shown.content for value in ("Ada", "Byron", "1990", "SW1A", "example.com")
    )


def test_an_under_age_player_is_known_and_may_not_deposit(live: Api) -> None:
    shown = put(live, birth_date="2020-01-31").json()
    assert (shown["identity"], shown["may_deposit"]) == ("verified", False)
    assert shown["reason"]["code"] == "under_age"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("identity", "yes", "malformed"),
        ("identity", None, "wrong_type"),
        ("jurisdiction", "gb", "malformed"),
        ("birth_date", "17/05/1990", "malformed"),
        ("birth_date", "19900517", "malformed"),
        ("birth_date", "1990-02-30", "malformed"),
        ("birth_date", "2990-01-01", "malformed"),
        ("birth_date", None, "out_of_range"),
        ("first_name", " ", "malformed"),
        ("last_name", "x" * 101, "malformed"),
        ("postcode", "<script>", "malformed"),
        ("email", "ada", "malformed"),
        ("phone_number", "07700900001", "malformed"),
        ("barred_until", "2026-01-01", "unknown_field"),
    ],
)
def test_what_is_wrong_is_named_and_nobody_is_created(live: Api, field: str, value: Any, code: str) -> None:
    check_problem(put(live, **{field: value}), 422, "validation_failed", field, code)
    assert not Player.objects.filter(external_id="p-1").exists()


def test_a_name_that_no_deposit_could_use_is_refused(live: Api) -> None:
    check_problem(put(live, "p%201"), 422, "validation_failed", "player", "malformed")


def test_players_are_their_partners_own_and_their_modes(api: Api, make_api: MakeApi) -> None:
    assert put(api).json()["test"] is True
    for other in (make_api("test"), make_api("live", of=api)):
        for answer in (
            other.get(f"{PLAYERS}/p-1"),
            patch(other, identity="failed"),
            begin(other, type="time_out", hours=24),
        ):
            check_problem(answer, 404, "not_found")
    assert api.get(f"{PLAYERS}/p-1").json()["identity"] == "verified"


def test_a_test_key_cannot_change_a_live_player(live: Api, make_api: MakeApi) -> None:
    put(live, identity="failed")
    check_problem(put(make_api("test", of=live)), 409, "not_possible_now")
    assert live.get(f"{PLAYERS}/p-1").json()["identity"] == "failed"


def test_players_have_scopes_of_their_own(api: Api, make_api: MakeApi) -> None:
    put(api)
    deposits_only = make_api(scopes=("deposits:read", "deposits:write"), of=api)
    reader = make_api(scopes=("players:read",), of=api)
    check_problem(deposits_only.get(f"{PLAYERS}/p-1"), 403, "scope_missing")
    assert reader.get(f"{PLAYERS}/p-1").status_code == 200
    for answer in (put(reader), patch(reader, identity="failed"), begin(reader, type="time_out", hours=24)):
        assert "players:write" in check_problem(answer, 403, "scope_missing")["detail"]


def test_a_break_begins_at_once_and_once_per_key(api: Api) -> None:
    put(api)
    shown = begin(api, "key-1", type="time_out", hours=48).json()
    assert shown["may_deposit"] is False
    assert [one["type"] for one in shown["breaks"]] == ["time_out"]
    assert begin(api, "key-1", type="time_out", hours=48).json() == shown
    check_problem(begin(api, "key-1", type="time_out", hours=49), 422, "idempotency_key_reused")
    assert Protection.objects.count() == 1
    check_problem(api.create(body(player="p-1")), 422, "time_out_active", "player", "time_out_active")


@pytest.mark.parametrize(
    ("content", "field", "code"),
    [
        ({"type": "time_out", "hours": 23}, "hours", "out_of_range"),
        ({"type": "time_out", "hours": 1_009}, "hours", "out_of_range"),
        ({"type": "time_out"}, "hours", "missing"),
        ({"type": "time_out", "hours": 24, "months": 6}, "months", "unknown_field"),
        ({"type": "self_exclusion", "months": 5}, "months", "out_of_range"),
        ({"type": "self_exclusion", "months": 61}, "months", "out_of_range"),
        ({"type": "self_exclusion", "hours": 24, "months": 6}, "hours", "unknown_field"),
        ({"type": "holiday"}, "type", "malformed"),
    ],
)
def test_a_break_of_another_length_is_refused(
    api: Api, content: dict[str, Any], field: str, code: str
) -> None:
    put(api)
    check_problem(begin(api, **content), 422, "validation_failed", field, code)
    assert not Protection.objects.exists()
