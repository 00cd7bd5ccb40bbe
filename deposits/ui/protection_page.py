"""The player's own limits, breaks and exclusion: plain forms, each act asked for once and the long ones confirmed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods

from accounts.models import Player
from accounts.protections import breaks
from accounts.protections.acts import Actor
from deposits import limits
from deposits.actions import own_limits
from deposits.actions.refusal import NotPossibleNow
from deposits.models import LimitRaise, Rule
from deposits.presentation import format_moment, format_money
from deposits.ui.forms import amount_minor
from deposits.ui.sign_in import actor_of, for_players

PERIODS = {Rule.Own.DAY: "24 hours", Rule.Own.WEEK: "7 days", Rule.Own.MONTH: "one month"}
_HOURS = {24: "24 hours", 168: "1 week", 672: "4 weeks", 1_008: "6 weeks"}
_MONTHS = {6: "6 months", 12: "1 year", 60: "5 years"}
_NO_LIMIT = "none"
#: What a request met, said once on the page that follows.
_SAID = {
    "set": "Your limit is set.",
    "asked": "You can confirm the higher limit in 24 hours. Until then the lower one holds.",
    "confirmed": "Your limit is raised.",
    "withdrawn": "Your limit stays as it is.",
    "kept": "Your limits stay as they are.",
    "early": "It is too early to confirm this.",
    "amount": "Enter an amount, like 50.",
}


@require_http_methods(["GET", "HEAD", "POST"])
@gzip_page
@for_players
def page(request: HttpRequest, player: Player) -> HttpResponse:
    """GET: the forms. POST: one act on limits, or a break to begin; the answer is a redirect, or asks to confirm."""
    if request.method != "POST":
        return render(request, "deposits/protection.html", _context(player, request.GET.get("said", "")))
    if "break" in request.POST:
        return _break(request, player)
    return HttpResponseRedirect(
        f"{reverse('deposit-protection')}?said={_change_limits(request, player)}", status=303
    )


def _context(player: Player, said: str) -> dict[str, Any]:
    due = own_limits.review_due_at(player)
    return {
        "said": _SAID.get(said, ""),
        "problem": said in ("early", "amount"),
        "periods": [(period.value, name) for period, name in PERIODS.items()],
        "limits": [
            (name, _shown(getattr(player, limits.COLUMNS[period])))
            for period, name in PERIODS.items()
            if getattr(player, limits.COLUMNS[period]) is not None
        ],
        "raises": [_raise(one) for one in own_limits.waiting(player)],
        "review": due is not None and due <= timezone.now(),
        "breaks": [*((f"h{count}", name) for count, name in _HOURS.items())],
        "exclusions": [*((f"m{count}", name) for count, name in _MONTHS.items())],
    }


def _raise(waits: LimitRaise) -> dict[str, Any]:
    return {
        "period": waits.period,
        "name": PERIODS[Rule.Own(waits.period)],
        "to": _shown(waits.amount_minor),
        "from": format_moment(waits.ripe_at),
        "ripe": waits.ripe_at <= timezone.now(),
    }


def _shown(minor: int | None) -> str:
    return "no limit" if minor is None else format_money(minor, settings.DEPOSIT_PAGE_CURRENCY)


def _change_limits(request: HttpRequest, player: Player) -> str:
    """Carry out an act on limits; return what is to be said of it."""
    by = actor_of(request, player)
    act, named = request.POST.get("act", ""), request.POST.get("period", "")
    if act == "keep":
        own_limits.keep(player, by)
        return "kept"
    if named not in Rule.Own.values:
        return ""
    period = Rule.Own(named)
    try:
        match act:
            case "set":
                return _set(request, player, period, by)
            case "confirm":
                own_limits.confirm_raise(player, period, by)
                return "confirmed"
            case "withdraw":
                own_limits.withdraw_raise(player, period, by)
                return "withdrawn"
    except NotPossibleNow:
        return "early" if act == "confirm" else ""
    return ""


def _set(request: HttpRequest, player: Player, period: Rule.Own, by: Actor) -> str:
    minor = None
    if request.POST.get("limit") != _NO_LIMIT:
        minor = amount_minor(request.POST.get("amount", ""))
        if minor is None:
            return "amount"
    return "set" if own_limits.set_limit(player, period, minor, by) is None else "asked"


def _break(request: HttpRequest, player: Player) -> HttpResponse:
    """Ask whether it is really meant, for nobody can end it early; then begin it."""
    chosen = request.POST["break"]
    hours = next((count for count in _HOURS if chosen == f"h{count}"), None)
    months = next((count for count in _MONTHS if chosen == f"m{count}"), None)
    if hours is None and months is None:
        return HttpResponseRedirect(reverse("deposit-protection"), status=303)
    if "sure" not in request.POST:
        name = _HOURS[hours] if hours else _MONTHS[months or 0]
        context = {"chosen": chosen, "name": name, "excludes": months is not None}
        return render(request, "deposits/protection_sure.html", context)
    by = actor_of(request, player)
    if hours:
        breaks.take_time_out(player, hours, by)
    elif months:
        breaks.exclude(player, months, by)
    return HttpResponseRedirect(reverse("deposit"), status=303)
