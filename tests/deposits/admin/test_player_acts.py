"""Staff begin a break and lower a limit for a player who asks; they end, shorten and raise nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import AuditRecord, Player, Protection, User
from tests.deposits.admin.conftest import PASSWORD
from tests.deposits.admin.test_keys_and_people import form_of
from tests.deposits.ui.visiting import player

pytestmark = pytest.mark.django_db

WHY = "the player wrote to us this morning"


def address(of: Player, act: str) -> str:
    return f"/admin/accounts/player/{of.pk}/{act}/"


def send(browser: Client, of: Player, act: str, **given: str) -> str:
    """Fill in the form of an act and send it; return what the page says then."""
    where = address(of, act)
    answer = browser.post(where, form_of(browser, where) | {"reason": WHY} | given, follow=True)
    of.refresh_from_db()
    return answer.content.decode()


@pytest.fixture
def support(db: None) -> Client:
    """Support, with the rights that docs/staff.md suggests for this."""
    someone = User.objects.create_user("support", password=PASSWORD, is_staff=True)
    rights = ("view_player", "add_protection", "add_playerlimit")
    someone.user_permissions.set(Permission.objects.filter(codename__in=rights))
    browser = Client()
    browser.force_login(someone)
    return browser


def test_a_break_begins_at_once_and_says_who_asked_and_why(support: Client) -> None:
    someone = player()
    page = support.get(f"/admin/accounts/player/{someone.pk}/change/").content.decode()
    assert "Begin a break…" in page
    assert "Lower a limit…" in page
    assert "Begun: time-out" in send(support, someone, "break", kind="time_out", length="7", told="on")
    (begun,) = Protection.objects.filter(player=someone)
    assert begun.ends_at - begun.begins_at == timedelta(days=7)
    assert (begun.actor_kind, begun.actor, begun.reason) == ("staff", "support", WHY)
    noted = AuditRecord.objects.get(action="player.time_out_begun", subject=str(someone.pk))
    assert (noted.actor_kind, noted.actor, noted.reason) == ("staff", "support", WHY)
    # A shorter one after it shortens nothing.
    send(support, someone, "break", kind="time_out", length="1", told="on")
    assert someone.barred_until == begun.ends_at
    send(support, someone, "break", kind="self_exclusion", length="6", told="on")
    assert someone.barred_reason == "self_excluded"


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "time_out", "length": "43", "told": "on"},
        {"kind": "self_exclusion", "length": "5", "told": "on"},
        {"kind": "self_exclusion", "length": "61", "told": "on"},
        {"kind": "register", "length": "6", "told": "on"},
        {"kind": "time_out", "length": "0", "told": "on"},
        {"kind": "time_out", "length": "7"},
        {"kind": "time_out", "length": "7", "told": "on", "reason": "short"},
    ],
)
def test_what_no_player_may_ask_for_begins_nothing(support: Client, given: dict[str, str]) -> None:
    someone = player()
    send(support, someone, "break", **given)
    assert not Protection.objects.filter(player=someone).exists()


def test_compliance_has_a_player_look_twice_and_support_does_not(support: Client) -> None:
    someone = player()
    change = f"/admin/accounts/player/{someone.pk}/change/"
    assert "Ask before each deposit…" not in support.get(change).content.decode()
    assert support.get(address(someone, "look-twice")).status_code == 403
    compliance = User.objects.create_user("compliance", password=PASSWORD, is_staff=True)
    rights = ("view_player", "flag_player")
    compliance.user_permissions.set(Permission.objects.filter(codename__in=rights))
    browser = Client()
    browser.force_login(compliance)
    assert "Ask before each deposit…" in browser.get(change).content.decode()
    send(browser, someone, "look-twice")
    assert someone.look_twice_at is not None
    noted = AuditRecord.objects.get(action="player.looks_twice", subject=str(someone.pk))
    assert (noted.actor, noted.reason) == ("compliance", WHY)
    assert "Ask before each deposit…" not in browser.get(change).content.decode()
    send(browser, someone, "look-once")
    assert not Player.objects.filter(pk=someone.pk, look_twice_at__isnull=False).exists()
    assert AuditRecord.objects.filter(action="player.looks_once", subject=str(someone.pk)).exists()


def test_a_limit_is_set_and_lowered_at_once_and_never_raised(support: Client) -> None:
    someone = player()
    send(support, someone, "lower-limit", period="week", amount="100")
    assert someone.weekly_limit_minor == 10_000
    send(support, someone, "lower-limit", period="week", amount="49.50")
    assert someone.weekly_limit_minor == 4_950
    noted = AuditRecord.objects.filter(action="limit.set", subject=str(someone.pk)).latest("id")
    assert (noted.actor_kind, noted.actor, noted.reason) == ("staff", "support", WHY)
    said = send(support, someone, "lower-limit", period="week", amount="50")
    assert "Only the player raises" in said
    assert someone.weekly_limit_minor == 4_950
    assert not someone.limit_raises.exists()


def test_who_has_not_the_right_has_neither_button_nor_page(clerk: Client) -> None:
    someone = player()
    viewing = User.objects.get(username="clerk")
    viewing.user_permissions.set(Permission.objects.filter(codename="view_player"))
    page = clerk.get(f"/admin/accounts/player/{someone.pk}/change/").content.decode()
    assert "Begin a break" not in page
    assert "Lower a limit" not in page
    for act in ("break", "lower-limit"):
        assert clerk.get(address(someone, act)).status_code == 403
        assert clerk.post(address(someone, act), {"reason": WHY}).status_code == 403
    assert not Protection.objects.filter(player=someone).exists()
