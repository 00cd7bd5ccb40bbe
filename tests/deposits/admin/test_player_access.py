"""Staff see by what a player comes in, and may end it with a reason; what opens a door is never shown."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import AuditRecord, Passkey, Player, PlayerAct, User
from deposits import links
from deposits.models import HostedLink
from tests.deposits.admin.conftest import PASSWORD
from tests.deposits.admin.test_keys_and_people import form_of
from tests.deposits.ui.visiting import player, text_of, visitor

pytestmark = pytest.mark.django_db

WHY = "the player has lost the phone with it"
CREDENTIAL = b"the-credential-of-a-device"


def staff(*rights: str) -> Client:
    someone = User.objects.create_user(f"staff-{len(rights)}", password=PASSWORD, is_staff=True)
    someone.user_permissions.set(Permission.objects.filter(codename__in=("view_player", *rights)))
    browser = Client()
    browser.force_login(someone)
    return browser


def passkey_of(someone: Player) -> Passkey:
    return Passkey.objects.create(player=someone, credential_id=CREDENTIAL, credential=CREDENTIAL * 2)


def link_for(someone: Player) -> HostedLink:
    act = PlayerAct.objects.create(
        client="partner:1", idempotency_key="once", idempotency_hash=b"-" * 32, player=someone
    )
    return HostedLink.objects.create(
        player=someone,
        act=act,
        currency="GBP",
        minimum_minor=500,
        maximum_minor=2_000,
        expires_at=timezone.now() + timedelta(hours=1),
    )


def page_of(browser: Client, someone: Player) -> str:
    return browser.get(f"/admin/accounts/player/{someone.pk}/change/").content.decode()


def act(browser: Client, where: str) -> None:
    answer = browser.post(where, form_of(browser, where) | {"reason": WHY}, follow=True)
    assert answer.status_code == 200


def test_a_passkey_is_seen_without_its_key_and_removed_with_a_reason() -> None:
    someone = player()
    passkey, client = passkey_of(someone), visitor(someone)
    where = f"/admin/accounts/player/{someone.pk}/passkey/{passkey.pk}/"
    support = staff()
    page = page_of(support, someone)
    assert f"passkey {passkey.pk}" in page
    assert CREDENTIAL.decode() not in page
    assert CREDENTIAL.hex() not in page
    assert where not in page
    assert support.post(where, {"reason": WHY}).status_code == 403
    operator = staff("delete_passkey")
    assert where in page_of(operator, someone)
    assert client.get("/deposit/limits/").status_code == 200
    operator.post(where, form_of(operator, where) | {"reason": "short"})
    assert Passkey.objects.filter(pk=passkey.pk).exists()
    act(operator, where)
    assert not Passkey.objects.filter(pk=passkey.pk).exists()
    noted = AuditRecord.objects.get(action="passkey.removed", subject=str(someone.pk))
    assert (noted.actor_kind, noted.reason) == ("staff", WHY)
    someone.refresh_from_db()
    assert someone.signed_out_at is not None


def test_a_link_is_seen_without_its_address_and_ended_with_a_reason() -> None:
    someone = player()
    link = link_for(someone)
    address = urlsplit(links.hosted_url(link))
    where = f"/admin/accounts/player/{someone.pk}/link/{link.pk}/"
    support = staff()
    page = page_of(support, someone)
    assert "£5.00 to £20.00" in page
    assert "good until" in page
    assert address.query.partition("=")[2] not in page
    assert where not in page
    assert support.post(where, {"reason": WHY}).status_code == 403
    operator = staff("change_hostedlink")
    assert where in page_of(operator, someone)
    act(operator, where)
    noted = AuditRecord.objects.get(action="hosted_link.ended", subject=str(someone.pk))
    assert (noted.actor_kind, noted.reason) == ("staff", WHY)
    page = page_of(operator, someone)
    assert where not in page
    used = Client().post(f"{address.path}?{address.query}")
    assert used.status_code == 410
    assert "This link has run out" in text_of(used)


def test_another_players_passkey_and_link_are_not_found_under_this_one() -> None:
    someone, other = player(), player()
    passkey, link = passkey_of(other), link_for(other)
    operator = staff("delete_passkey", "change_hostedlink")
    for path in (f"passkey/{passkey.pk}", f"link/{link.pk}"):
        assert operator.get(f"/admin/accounts/player/{someone.pk}/{path}/").status_code == 404
