"""Who sees a deposit: its player and the holder of its link. Nobody else learns that it is there."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import Player
from deposits import links
from deposits.models import Command, Deposit, DepositEvent
from deposits.states import State
from tests.deposits.making import accepted
from tests.deposits.ui.visiting import deposit_of, key_of, player, put, tap, text_of, title_of, visitor

pytestmark = pytest.mark.django_db

UNKNOWN_REFERENCE = "D-0000-0000"


@pytest.fixture(autouse=True)
def no_demo(settings: Settings) -> None:
    settings.DEMO = False


def link_to(deposit: Deposit) -> str:
    """The path and query of a deposit's signed page."""
    parts = urlsplit(links.page_url(deposit.reference))
    return f"{parts.path}?{parts.query}"


def essence(response: Any) -> tuple[int, str]:
    """A response without what differs at each request."""
    request_id = response["X-Request-Id"]
    return response.status_code, response.content.decode().replace(request_id, "")


def test_a_strangers_deposit_looks_like_none() -> None:
    deposit = deposit_of(tap(visitor(player())))
    stranger = visitor(player())
    for suffix in ("", "?again=20", "?t=guessed"):
        assert essence(stranger.get(f"/deposit/{deposit.reference}/{suffix}")) == essence(
            stranger.get(f"/deposit/{UNKNOWN_REFERENCE}/{suffix}")
        )
    for act in ("code", "cancel"):
        assert stranger.post(f"/deposit/{deposit.reference}/{act}/").status_code == 404
    assert not Command.objects.filter(deposit=deposit).exists()


def test_who_is_signed_out_is_asked_to_sign_in_and_told_nothing() -> None:
    deposit = deposit_of(tap(visitor(player())))
    nobody = Client()
    page = nobody.get(f"/deposit/{deposit.reference}/")
    assert (page.status_code, title_of(page)) == (403, "Sign in to see this deposit")
    assert "£" not in text_of(page)
    unknown = nobody.get(f"/deposit/{UNKNOWN_REFERENCE}/")
    assert essence(page)[1].replace(deposit.reference, "") == essence(unknown)[1].replace(
        UNKNOWN_REFERENCE, ""
    )
    assert nobody.get("/deposit/").status_code == 403
    assert nobody.post(f"/deposit/{deposit.reference}/cancel/").status_code == 403


def test_a_link_opens_its_deposit_and_nothing_else(settings: Settings) -> None:
    settings.TIME_DIVISOR = 0.1  # the first words last, however busy the machine
    deposit, other = accepted(), accepted()
    holder = Client()
    page = holder.get(link_to(deposit))
    assert (page.status_code, title_of(page)) == (200, "Waiting for Sandbox Mobile – £20")
    assert "session" not in holder.cookies
    assert holder.get("/deposit/").status_code == 403
    assert holder.get(f"/deposit/{other.reference}/?{urlsplit(link_to(deposit)).query}").status_code == 403


def test_a_links_token_stays_in_what_its_holder_can_do() -> None:
    deposit = accepted()
    token = urlsplit(link_to(deposit)).query
    body = Client().get(link_to(deposit)).content.decode()
    assert f'action="/deposit/{deposit.reference}/code/?{token.replace(":", "%3A")}"' in body
    assert f'formaction="/deposit/{deposit.reference}/cancel/?{token.replace(":", "%3A")}"' in body
    assert 'href="/deposit/"' not in body
    assert "history" not in body


def test_a_holder_of_the_link_can_cancel() -> None:
    deposit = accepted()
    holder = Client()
    page = holder.get(link_to(deposit))
    address = link_to(deposit).replace("/?", "/cancel/?")
    answer = holder.post(address, {"key": key_of(page)})
    assert title_of(holder.get(answer["Location"])) == "Cancelled – £20"
    deposit.refresh_from_db()
    assert deposit.state == State.CANCELLED
    event = DepositEvent.objects.get(deposit=deposit, event="cancelled")
    assert event.actor_kind == "player"


def test_the_holder_goes_back_to_where_he_came_from() -> None:
    deposit = put(accepted(return_url="https://casino.example/back"), State.CREDITED)
    assert 'href="https://casino.example/back"' in Client().get(link_to(deposit)).content.decode()
    sly = put(accepted(return_url="javascript:alert(1)"), State.CREDITED)
    assert "javascript" not in Client().get(link_to(sly)).content.decode()


def test_a_form_from_elsewhere_is_refused() -> None:
    someone = player()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = visitor(someone).cookies
    answer = strict.post("/deposit/", {"amount": "20"})
    assert (answer.status_code, title_of(answer)) == (403, "Not accepted")
    assert not someone.deposits.exists()


def test_the_demo_signs_its_player_in(settings: Settings) -> None:
    settings.DEMO = True
    client = Client()
    assert client.get("/deposit/").status_code == 200
    assert Player.objects.get(pk=client.session["player_id"]).external_id == "demo-player"


def test_who_signs_out_of_the_demo_stays_so_until_he_chooses_a_story(settings: Settings) -> None:
    settings.DEMO = True
    client = Client()
    client.get("/deposit/")
    client.post("/sign-out/")
    assert title_of(client.get("/deposit/")) == "Sign in to see this deposit"
    client.post("/demo/", {"story": "001"})
    assert client.get("/deposit/").status_code == 200


def test_each_story_has_a_player_of_its_own(settings: Settings) -> None:
    settings.DEMO = True
    client = Client()
    lobby = text_of(client.get("/demo/"))
    for number in range(1, 21):
        assert f"07700 900{number:03}" in lobby
    assert client.post("/demo/", {"story": "002"})["Location"] == "/deposit/"
    first = Player.objects.get(pk=client.session["player_id"])
    assert first.phones.get().number == "+447700900002"
    assert first.phones.get().verified_at
    before = client.session.session_key
    client.post("/demo/", {"story": "code"})
    second = Player.objects.get(pk=client.session["player_id"])
    assert second.phones.get().verified_at is None
    assert (second.pk != first.pk, client.session.session_key != before) == (True, True)
    assert client.post("/demo/", {"story": "nonsense"}).status_code == 404


def test_without_demo_there_is_no_lobby() -> None:
    assert Client().get("/demo/").status_code == 404
    assert Client().post("/demo/", {"story": "001"}).status_code == 404


def test_a_token_signed_for_a_stream_opens_no_page() -> None:
    deposit = accepted()
    token = urlsplit(links.stream_url(deposit.reference)).query
    assert Client().get(f"/deposit/{deposit.reference}/?{token}").status_code == 403
