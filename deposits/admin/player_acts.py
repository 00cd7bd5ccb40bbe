"""What staff do for a player who asks: begin a break, lower a limit. Nothing here ends, shortens or raises one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from accounts.admin.acts import STAFF
from accounts.admin.forms import ActForm, act_page
from accounts.models import Player, Protection
from accounts.protections import breaks
from accounts.protections.acts import Actor, NotAllowed
from deposits.actions import own_limits
from deposits.admin.case_acts import clerk_of
from deposits.formats import format_money
from deposits.models import Rule

#: The currency of a player's own limit, as long as the product has one per player.
LIMIT_CURRENCY = "GBP"
_LONGEST_TIME_OUT_DAYS = breaks.TIME_OUT_HOURS[-1] // 24
_SHORTEST_MONTHS, _LONGEST_MONTHS = breaks.SELF_EXCLUSION_MONTHS[0], breaks.SELF_EXCLUSION_MONTHS[-1]


class BreakForm(ActForm):
    """Which kind, how long, and that the player knows that nobody ends it early."""

    kind = forms.ChoiceField(label="Kind", choices=[(one.value, one.label) for one in breaks.OWN])
    length = forms.IntegerField(
        label="How long",
        min_value=1,
        max_value=_LONGEST_MONTHS,
        help_text=f"A time-out in days, from 1 to {_LONGEST_TIME_OUT_DAYS}. "
        f"A self-exclusion in months, from {_SHORTEST_MONTHS} to {_LONGEST_MONTHS}.",
    )
    told = forms.BooleanField(label="The player asked for it, and knows that nobody can end it early")
    field_order = ("kind", "length", "reason", "told")


class LowerForm(ActForm):
    """Which limit, and to how much."""

    period = forms.ChoiceField(label="Limit", choices=[(one.value, one.label) for one in Rule.Own])
    amount = forms.DecimalField(
        label=f"New limit, {LIMIT_CURRENCY}",
        min_value=Decimal(0),
        max_digits=12,
        decimal_places=2,
        help_text="At most what it is now. Only the player raises it, and a day later.",
    )
    field_order = ("period", "amount", "reason")


@dataclass(frozen=True, slots=True)
class Act:
    """One act: its button, who may, its form, what it does with the answers, and what to say of it."""

    label: str
    permission: str
    form: type[ActForm]
    do: Callable[[Player, Actor, dict[str, Any]], str]
    explanation: str
    offered: Callable[[Player], bool] = lambda _: True


def _begin_break(player: Player, by: Actor, given: dict[str, Any]) -> str:
    if given["kind"] == Protection.Kind.TIME_OUT:
        if given["length"] > _LONGEST_TIME_OUT_DAYS:
            raise NotAllowed("length", f"A time-out is 1 to {_LONGEST_TIME_OUT_DAYS} days.")
        begun = breaks.take_time_out(player, given["length"] * 24, by)
    else:
        begun = breaks.exclude(player, given["length"], by)
    return f"Begun: {begun}."


def _lower(player: Player, by: Actor, given: dict[str, Any]) -> str:
    minor = int(given["amount"] * 100)
    own_limits.set_limit(player, Rule.Own(given["period"]), minor, by)
    return f"The limit is {format_money(minor, LIMIT_CURRENCY)} from now on."


def _look_twice(player: Player, by: Actor, _: dict[str, Any]) -> str:
    return _flag(
        player, by, Now(), "player.looks_twice", "The player is asked once more before each deposit."
    )


def _look_once(player: Player, by: Actor, _: dict[str, Any]) -> str:
    return _flag(player, by, None, "player.looks_once", "The player deposits as everybody does.")


@transaction.atomic
def _flag(player: Player, by: Actor, at: Now | None, action: str, said: str) -> str:
    Player.objects.filter(pk=player.pk).update(look_twice_at=at)
    by.note(action, player, {}, {})
    return said


ACTS: dict[str, Act] = {
    "break": Act(
        "Begin a break…",
        "accounts.add_protection",
        BreakForm,
        _begin_break,
        "At the player's request. It begins at once, and nobody can end or shorten it, staff neither.",
    ),
    "lower-limit": Act(
        "Lower a limit…",
        "deposits.add_playerlimit",
        LowerForm,
        _lower,
        "At the player's request. It holds at once, and a raise that waits is withdrawn.",
    ),
    "look-twice": Act(
        "Ask before each deposit…",
        "accounts.flag_player",
        ActForm,
        _look_twice,
        "Before each deposit the player sees the amount, the balance after it and what is left of the limit once more, "
        "as before an unusual one. The page does not say why.",
        lambda player: player.look_twice_at is None,
    ),
    "look-once": Act(
        "Stop asking before each deposit…",
        "accounts.flag_player",
        ActForm,
        _look_once,
        "The player is asked once more before unusual deposits only.",
        lambda player: player.look_twice_at is not None,
    ),
}


def buttons(request: HttpRequest, player: Player) -> list[tuple[str, str]]:
    """Return what this person can do for the player, as (label, address)."""
    return [
        (act.label, reverse(f"admin:accounts_player_{name}", args=[player.pk]))
        for name, act in ACTS.items()
        if request.user.has_perm(act.permission) and act.offered(player)
    ]


def urls(admin: ModelAdmin) -> list[URLPattern]:
    """Return the addresses of the acts."""
    return [
        path(
            f"<int:player_id>/{name}/",
            admin.admin_site.admin_view(_view(admin, act)),
            name=f"accounts_player_{name}",
        )
        for name, act in ACTS.items()
    ]


def asked(
    admin: ModelAdmin,
    request: HttpRequest,
    act: Act,
    find: Callable[[], Player],
    title: str = "",
) -> HttpResponse:
    """Ask why, then do it for the player that `find` finds, and say what was done. Refuses who may not."""
    if not request.user.has_perm(act.permission):
        raise PermissionDenied
    player = find()
    form = act.form(request)
    if request.method == "POST" and form.is_valid():
        clerk = clerk_of(request)
        by = Actor(STAFF, clerk.name, clerk.address, clerk.request_id, form.cleaned_data["reason"])
        try:
            messages.success(request, act.do(player, by, form.cleaned_data))
        except NotAllowed as error:
            messages.error(request, error.detail)
        return HttpResponseRedirect(reverse("admin:accounts_player_change", args=[player.pk]))
    label = act.label.rstrip("…")
    title = title or f"{label}: {player.external_id}"
    return act_page(admin, request, form, title=title, explanation=act.explanation, button=label)


def _view(admin: ModelAdmin, act: Act) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest, player_id: int) -> HttpResponse:
        return asked(admin, request, act, lambda: get_object_or_404(Player, pk=player_id))

    return view
