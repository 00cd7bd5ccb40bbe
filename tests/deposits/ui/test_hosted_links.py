"""A partner's link brings its player to the deposit page: once, in time, as it was signed, within its range."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import AuditRecord, Player, PlayerAct
from accounts.protections.acts import Actor
from deposits import links
from deposits.actions import hosted_links
from deposits.actions.hosted_links import Terms
from deposits.models import HostedLink
from tests.deposits.ui.visiting import deposit_of, key_of, made_in, player, tap, text_of, title_of, visitor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_demo(settings: Settings) -> None:
    settings.DEMO = False


def link_for(whom: Player, lasts_s: int = 900, **terms: Any) -> HostedLink:
    """A link for £10 to £30 by any method, unless `terms` say otherwise."""
    act = PlayerAct.objects.create(
        player=whom, client="partner:test", idempotency_key=uuid4().hex, idempotency_hash=bytes(32)
    )
    given = {"currency": "GBP", "minimum_minor": 1_000, "maximum_minor": 3_000, **terms}
    return hosted_links.make(whom, act, Terms(**given), lasts_s, Actor("partner", "ps_test_x"))


def path(link: HostedLink) -> str:
    parts = urlsplit(links.hosted_url(link))
    return f"{parts.path}?{parts.query}"


def refused(answer: Any, status: int, title: str) -> bool:
    """Whether the page says why and nothing about the player or the amounts."""
    assert answer.content.decode().count('class="button"') == 1
    return (answer.status_code, title_of(answer), "£" in text_of(answer)) == (status, title, False)


def test_one_tap_signs_the_player_in_and_applies_the_range() -> None:
    whom, client = player(), Client()
    link = link_for(whom)
    assert "From £10 to £30." in text_of(client.get(path(link)))
    answer = client.post(path(link))
    assert (answer.status_code, answer["Location"]) == (303, "/deposit/")
    assert client.session["player_id"] == whom.pk
    assert 0 < client.session.get_expiry_age() <= 3_600
    page = text_of(client.get("/deposit/"))
    assert "from £10 to £30 by phone bill" in page
    assert "£40" not in page
    assert tap(client, "40")["Location"].startswith("/deposit/?")
    assert tap(client, "other", other="9.99")["Location"].startswith("/deposit/?")
    assert made_in(client) == 0
    assert deposit_of(tap(client, "30")).player_id == whom.pk


def test_previews_and_prefetching_do_not_use_it_up() -> None:
    link, preview = link_for(player()), Client()
    for _ in range(3):
        assert preview.get(path(link), HTTP_SEC_PURPOSE="prefetch").status_code == 200
        assert preview.head(path(link)).status_code == 200
    assert "player_id" not in preview.session
    assert Client().post(path(link)).status_code == 303


def test_a_second_use_is_refused_and_told_to_nobody() -> None:
    whom, first, second = player(), Client(), Client()
    link = link_for(whom)
    first.post(path(link))
    assert refused(second.post(path(link)), 410, "This link has been used")
    assert refused(second.get(path(link)), 410, "This link has been used")
    assert "player_id" not in second.session
    assert AuditRecord.objects.filter(action="hosted_link.spent", subject=str(whom.pk)).count() == 1


def test_a_link_that_has_run_out_is_refused() -> None:
    link, client = link_for(player(), lasts_s=-1), Client()
    assert refused(client.get(path(link)), 410, "This link has run out")
    assert refused(client.post(path(link)), 410, "This link has run out")
    assert "player_id" not in client.session


def test_a_form_of_somebody_else_cannot_use_it() -> None:
    link = link_for(player())
    assert Client(enforce_csrf_checks=True).post(path(link)).status_code == 403
    assert HostedLink.objects.get(pk=link.pk).spent_at is None


@pytest.mark.parametrize("change", ["token", "no token", "id", "another's token"])
def test_a_link_that_was_tampered_with_is_refused(change: str) -> None:
    link, other = link_for(player()), link_for(player())
    address = path(link)
    changed = {
        "token": address[:-1] + ("A" if address[-1] != "A" else "B"),
        "no token": address.partition("?")[0],
        "id": address.replace(str(link.pk), str(uuid4())),
        "another's token": path(other).replace(str(other.pk), str(link.pk)),
    }[change]
    client = Client()
    assert refused(client.get(changed), 404, "This link does not work")
    assert refused(client.post(changed), 404, "This link does not work")
    assert "player_id" not in client.session


@pytest.mark.parametrize(
    "change",
    [
        {"maximum_minor": 9_000},
        {"minimum_minor": 500},
        {"method_type": "bank"},
        {"return_url": "https://elsewhere.example/"},
        {"expires_at": timezone.now() + timedelta(days=9)},
        "player",
    ],
)
def test_a_row_that_was_changed_opens_nothing(change: Any) -> None:
    link = link_for(player())
    changes = {"player": player()} if change == "player" else change
    HostedLink.objects.filter(pk=link.pk).update(**changes)
    assert refused(Client().post(path(link)), 404, "This link does not work")


def test_whoever_was_signed_in_is_told_and_signed_out() -> None:
    before, whom = player(), player()
    client, link = visitor(before), link_for(whom)
    assert "Another player is signed in on this device." in text_of(client.get(path(link)))
    old = client.session.session_key
    form = key_of(client.get("/deposit/"))
    client.post(path(link))
    assert (client.session["player_id"], client.session.session_key == old) == (whom.pk, False)
    assert tap(client, key=form)["Location"].startswith("/deposit/?")
    assert not before.deposits.exists()
    assert not whom.deposits.exists()


def test_the_way_to_pay_may_be_bound_too() -> None:
    client = Client()
    client.post(path(link_for(player(), method_type="bank", bank_id="sandbox-bank")))
    page = client.get("/deposit/")
    assert "from Sandbox Bank" in text_of(page)
    assert "Phone bill" not in text_of(page)
    assert tap(client, method="phone")["Location"].startswith("/deposit/?")
    assert made_in(client) == 0
    made = deposit_of(tap(client, method="bank:sandbox-bank"))
    assert (made.carrier, made.amount_minor) == ("sandbox-bank", 2_000)


def test_a_range_between_the_usual_amounts_is_offered_as_it_is() -> None:
    client = Client()
    client.post(path(link_for(player(), minimum_minor=1_200, maximum_minor=1_700)))
    page = text_of(client.get("/deposit/"))
    assert "Deposit £12" in page
    assert "Deposit £17" in page
    assert "Deposit £10" not in page


def test_a_player_goes_back_to_where_the_link_came_from() -> None:
    client = Client()
    address = "https://casino.example/cashier"
    link = link_for(player(), return_url=address)
    client.post(path(link))
    assert deposit_of(tap(client)).return_url == address
    stranger = Client().get(path(link)).content.decode()
    assert f'href="{address}"' in stranger
    assert "Back to Casino" in stranger


def test_another_way_of_signing_in_ends_what_the_link_bound(settings: Settings) -> None:
    client = Client()
    client.post(path(link_for(player())))
    settings.DEMO = True
    client.post("/demo/", {"story": "001"})
    assert "£40" in text_of(client.get("/deposit/"))
