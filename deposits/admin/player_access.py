"""By what a player comes in: passkeys and partners' links. No key, token or address is shown; each can be ended."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin

from accounts import passkeys
from accounts.admin.forms import ActForm
from accounts.admin.pages import Fact, Table, cell
from accounts.models import Passkey, Player
from accounts.protections.acts import Actor
from deposits.actions import hosted_links
from deposits.admin.player_acts import Act, asked
from deposits.formats import format_money
from deposits.models import HostedLink

MAY_REMOVE, MAY_END = "accounts.delete_passkey", "deposits.change_hostedlink"
_NEWEST_LINKS = 20


def tables(request: HttpRequest, player: Player) -> list[Table]:
    """Return the player's passkeys and newest links; what this person may end has a link to its form."""
    keys = [
        [
            cell(f"passkey {one.pk}"),
            cell(one.created_at),
            cell(one.used_at or "never"),
            _act(request, MAY_REMOVE, "Remove…", "passkey", player, one.pk),
        ]
        for one in player.passkeys.order_by("-pk")
    ]
    links = [
        [
            cell(one.created_at),
            cell(
                f"{format_money(one.minimum_minor, one.currency)} to {format_money(one.maximum_minor, one.currency)}"
            ),
            cell(one.bank_id or one.method_type or "any way to pay"),
            cell(_standing(one)),
            _act(request, MAY_END, "End…", "hosted-link", player, one.pk)
            if _standing(one).startswith("good")
            else cell(""),
        ]
        for one in player.hosted_links.order_by("-created_at")[:_NEWEST_LINKS]
    ]
    return [
        Table("Passkeys", ("Passkey", "Added", "Last used", ""), keys),
        Table(
            f"Partners' links, newest {_NEWEST_LINKS}",
            ("Made", "Amounts", "Way to pay", "Standing", ""),
            links,
        ),
    ]


def urls(admin: ModelAdmin) -> list[URLPattern]:
    """Return the addresses of the two acts."""

    def remove_passkey(request: HttpRequest, player_id: int, passkey_id: int) -> HttpResponse:
        passkey = get_object_or_404(Passkey, pk=passkey_id, player=player_id)
        act = Act(
            "Remove a passkey",
            MAY_REMOVE,
            ActForm,
            lambda _, by, __: _remove(passkey, by),
            "Its device signs nobody in any more, and every session of the player's ends.",
        )
        title = f"Remove a passkey of {passkey.player.external_id}"
        return asked(admin, request, act, lambda: passkey.player, title)

    def end_link(request: HttpRequest, player_id: int, link_id: UUID) -> HttpResponse:
        link = get_object_or_404(HostedLink, pk=link_id, player=player_id)
        act = Act(
            "End a link",
            MAY_END,
            ActForm,
            lambda _, by, __: _end(link, by),
            "Nobody can use it any more. The partner can make another.",
        )
        return asked(admin, request, act, lambda: link.player, f"End a link of {link.player.external_id}")

    view = admin.admin_site.admin_view
    return [
        path(
            "<int:player_id>/passkey/<int:passkey_id>/", view(remove_passkey), name="accounts_player_passkey"
        ),
        path("<int:player_id>/link/<uuid:link_id>/", view(end_link), name="accounts_player_hosted-link"),
    ]


def _remove(passkey: Passkey, by: Actor) -> str:
    passkeys.remove(passkey, by)
    return "The passkey is removed, and the player is signed out everywhere."


def _end(link: HostedLink, by: Actor) -> str:
    return "The link is ended." if hosted_links.end(link, by) else "The link had been used or had run out."


def _act(request: HttpRequest, permission: str, label: str, name: str, player: Player, which: Any) -> Fact:
    if not request.user.has_perm(permission):
        return cell("")
    return cell(label, reverse(f"admin:accounts_player_{name}", args=[player.pk, which]))


def _standing(link: HostedLink) -> str:
    if link.spent_at is not None:
        return f"used {timezone.localtime(link.spent_at):%Y-%m-%d %H:%M}"
    if link.ended_at is not None:
        return f"ended {timezone.localtime(link.ended_at):%Y-%m-%d %H:%M}"
    until = f"{timezone.localtime(link.expires_at):%Y-%m-%d %H:%M}"
    return f"good until {until}" if link.expires_at > timezone.now() else f"ran out {until}"
