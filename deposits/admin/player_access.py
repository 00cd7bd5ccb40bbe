"""By what a player comes in: passkeys and partners' links. No key, token or address is shown; each can be ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin

from accounts import passkeys
from accounts.admin.acts import STAFF
from accounts.admin.forms import ActForm, act_page
from accounts.admin.pages import Fact, Table, cell
from accounts.models import Passkey, Player
from accounts.protections.acts import Actor
from deposits.actions import hosted_links
from deposits.admin.case_acts import clerk_of
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
        title = f"Remove a passkey of {passkey.player.external_id}"
        explanation = "Its device signs nobody in any more, and every session of the player's ends."
        return _asked(
            admin, request, passkey.player, MAY_REMOVE, title, explanation, lambda by: _remove(passkey, by)
        )

    def end_link(request: HttpRequest, player_id: int, link_id: UUID) -> HttpResponse:
        link = get_object_or_404(HostedLink, pk=link_id, player=player_id)
        title = f"End a link of {link.player.external_id}"
        explanation = "Nobody can use it any more. The partner can make another."
        return _asked(admin, request, link.player, MAY_END, title, explanation, lambda by: _end(link, by))

    view = admin.admin_site.admin_view
    return [
        path(
            "<int:player_id>/passkey/<int:passkey_id>/", view(remove_passkey), name="accounts_player_passkey"
        ),
        path("<int:player_id>/link/<uuid:link_id>/", view(end_link), name="accounts_player_hosted-link"),
    ]


def _asked(
    admin: ModelAdmin,
    request: HttpRequest,
    player: Player,
    permission: str,
    title: str,
    explanation: str,
    do: Callable[[Actor], str],
) -> HttpResponse:
    """Ask why, then do it and say what was done."""
    if not request.user.has_perm(permission):
        raise PermissionDenied
    form = ActForm(request)
    if request.method == "POST" and form.is_valid():
        clerk = clerk_of(request)
        by = Actor(STAFF, clerk.name, clerk.address, clerk.request_id, form.cleaned_data["reason"])
        messages.success(request, do(by))
        return HttpResponseRedirect(reverse("admin:accounts_player_change", args=[player.pk]))
    return act_page(
        admin, request, form, title=title, explanation=explanation, button=title.partition(" of ")[0]
    )


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
