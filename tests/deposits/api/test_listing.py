"""The list: filters from an allow-list, and pages without gaps or repetitions."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from deposits.models import Deposit
from deposits.states import State
from tests.deposits.api.calling import DEPOSITS, Api, body, check_problem
from tests.deposits.api.conftest import MakeApi
from tests.triggers import triggers_off


def _pages(api: Api, query: str = "", most: int = 100) -> list[list[str]]:
    """Walk through all pages and return the ids on each."""
    found: list[list[str]] = []
    cursor = ""
    while len(found) < most:
        page = api.get(f"{DEPOSITS}?{query}{cursor}").json()
        found.append([one["id"] for one in page["data"]])
        if page["next_cursor"] is None:
            break
        cursor = f"&after={page['next_cursor']}"
    return found


def _newest_first(api: Api) -> list[str]:
    own = Deposit.objects.filter(partner__api_keys__prefix=api.key[:16]).order_by("-created_at", "-id")
    return [f"dep_{one.hex}" for one in own.values_list("id", flat=True)]


def test_pages_follow_each_other_without_gaps_while_deposits_are_made(
    committed: None, make_api: MakeApi
) -> None:
    api = make_api()
    for _ in range(7):
        api.create()
    expected = _newest_first(api)
    seen: list[str] = []
    cursor = ""
    while True:
        page = api.get(f"{DEPOSITS}?limit=2{cursor}").json()
        seen += [one["id"] for one in page["data"]]
        api.create()  # comes before the place where we are
        if page["next_cursor"] is None:
            break
        cursor = f"&after={page['next_cursor']}"
    assert seen == expected


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 7])
def test_deposits_of_the_same_instant_are_paged_too(api: Api, limit: int) -> None:
    # The test's transaction stands still, so all of them have one and the same time.
    for _ in range(6):
        api.create()
    pages = _pages(api, f"limit={limit}")
    assert [one for page in pages for one in page] == _newest_first(api)
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1] != []


@pytest.mark.django_db
def test_the_usual_page_holds_twenty(api: Api) -> None:
    for _ in range(21):
        api.create()
    assert [len(page) for page in _pages(api)] == [20, 1]
    assert [len(page) for page in _pages(api, "limit=100")] == [21]
    assert api.get().json()["object"] == "list"


@pytest.mark.django_db
def test_an_empty_list_is_a_list(api: Api) -> None:
    assert api.get().json() == {"object": "list", "data": [], "next_cursor": None}


@pytest.mark.django_db
def test_filters_find_what_they_say(api: Api) -> None:
    one = api.create(body(partner_reference="order +1 & more")).json()
    two = api.create().json()
    api.act(two["id"], "cancel")

    def found(**query: str) -> list[str]:
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        return [deposit["id"] for deposit in api.get(f"{DEPOSITS}?{text}").json()["data"]]

    assert found(player=one["player"]) == [one["id"]]
    assert found(partner_reference="order +1 & more") == [one["id"]]
    assert found(reference=two["reference"]) == [two["id"]]
    assert found(status="processing") == [one["id"]]
    assert found(status="cancelled") == [two["id"]]
    assert found(status="succeeded") == []
    assert found(status="cancelled", player=one["player"]) == []
    assert set(found(created_from=one["created_at"])) == {one["id"], two["id"]}
    assert found(created_to=one["created_at"]) == []
    assert set(found(created_from="2020-01-01T00:00:00+01:00", created_to="2099-01-01T00:00:00Z")) == {
        one["id"],
        two["id"],
    }


@pytest.mark.django_db
@pytest.mark.parametrize("state", State)
def test_each_state_is_found_under_the_status_that_it_shows(api: Api, state: State) -> None:
    with (
        connection.cursor() as cursor
    ):  # the lifecycle's walls do not matter here; they stand again afterwards
        triggers_off(cursor, "deposits_deposit")
    reference = api.create().json()["reference"]
    Deposit.objects.filter(reference=reference).update(state=state.value)
    shown = api.get().json()["data"][0]
    for status in ("processing", "action_required", "succeeded", "failed", "cancelled"):
        found = api.get(f"{DEPOSITS}?status={status}").json()["data"]
        assert [one["id"] for one in found] == ([shown["id"]] if status == shown["status"] else [])


_REFUSED: list[tuple[str, str, str]] = [
    ("order=password", "order", "unknown_field"),
    ("ordering=-id", "ordering", "unknown_field"),
    ("user__password__startswith=a", "user__password__startswith", "unknown_field"),
    ("partner=1", "partner", "unknown_field"),
    ("state=unknown", "state", "unknown_field"),
    ("status__in=failed", "status__in", "unknown_field"),
    ("Status=failed", "Status", "unknown_field"),
    ("limit=0", "limit", "malformed"),
    ("limit=101", "limit", "malformed"),
    ("limit=-1", "limit", "malformed"),
    ("limit=1.0", "limit", "malformed"),
    ("limit=%D9%A1", "limit", "malformed"),
    ("limit=" + "9" * 5_000, "limit", "malformed"),
    ("limit=", "limit", "malformed"),
    ("limit=1&limit=2", "limit", "repeated"),
    ("after=x", "after", "malformed"),
    ("after=", "after", "malformed"),
    ("after=" + "_" * 32, "after", "malformed"),
    ("after=%FF%FE", "after", "malformed"),
    ("status=received", "status", "malformed"),
    ("status=failed%27--", "status", "malformed"),
    ("player=%00", "player", "malformed"),
    ("player=a%27%20OR%201=1", "player", "malformed"),
    ("partner_reference=%00", "partner_reference", "malformed"),
    ("reference=D-1", "reference", "malformed"),
    ("created_from=yesterday", "created_from", "malformed"),
    ("created_from=2026-11-22", "created_from", "malformed"),
    ("created_from=2026-11-22T10:00:00", "created_from", "malformed"),
    (
        "created_from=2026-11-22T10:00:00+01:00",
        "created_from",
        "malformed",
    ),  # "+" means a space in an address
    ("created_to=0001-01-01T00:00:00%2B14:00", "created_to", "malformed"),
    ("created_to=9999-12-31T23:59:59-14:00", "created_to", "malformed"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("query", "field", "code"), _REFUSED)
def test_s14_a_parameter_that_is_not_on_the_list_or_no_good_is_refused(
    api: Api, query: str, field: str, code: str
) -> None:
    check_problem(api.get(f"{DEPOSITS}?{query}"), 400, "query_invalid", field, code)


@pytest.mark.django_db
def test_s14_where_there_are_no_parameters_none_is_taken(api: Api) -> None:
    shown = api.create().json()["id"]
    calls: list[Any] = [
        api.get(f"{DEPOSITS}/{shown}?expand=player"),
        api.get(f"{DEPOSITS}/{shown}/timeline?limit=1"),
        api.call("POST", f"{DEPOSITS}?limit=1", b"{}"),
        api.call("POST", f"{DEPOSITS}/{shown}/cancel?now=1", b"{}"),
    ]
    for answer in calls:
        check_problem(answer, 400, "query_invalid")


@pytest.mark.django_db
def test_head_tells_what_get_would(api: Api) -> None:
    answer = api.call("HEAD", DEPOSITS, content_type="")
    assert answer.status_code == 200
    assert answer.content == b""
