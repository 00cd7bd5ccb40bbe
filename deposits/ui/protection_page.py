"""The player's own limits, breaks and exclusion: plain forms, each act asked for once and the long ones confirmed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods

from accounts.models import Player
from accounts.protections import breaks
from accounts.protections.acts import Actor
from carriers.wording import fill
from deposits import limits
from deposits.actions import own_limits
from deposits.actions.refusal import NotPossibleNow
from deposits.formats import format_moment, format_money
from deposits.models import LimitRaise, Rule
from deposits.ui.forms import amount_minor
from deposits.ui.sign_in import actor_of, for_players

_PERIODS = {
    Rule.Own.DAY: gettext_noop("24 hours"),
    Rule.Own.WEEK: gettext_noop("7 days"),
    Rule.Own.MONTH: gettext_noop("one month"),
}
_HELD = {
    Rule.Own.DAY: gettext_noop("{amount} in 24 hours."),
    Rule.Own.WEEK: gettext_noop("{amount} in 7 days."),
    Rule.Own.MONTH: gettext_noop("{amount} in one month."),
}
_ASKED = {
    Rule.Own.DAY: gettext_noop("You asked for {amount} in 24 hours."),
    Rule.Own.WEEK: gettext_noop("You asked for {amount} in 7 days."),
    Rule.Own.MONTH: gettext_noop("You asked for {amount} in one month."),
}
_ASKED_FOR_NONE = {
    Rule.Own.DAY: gettext_noop("You asked for no limit in 24 hours."),
    Rule.Own.WEEK: gettext_noop("You asked for no limit in 7 days."),
    Rule.Own.MONTH: gettext_noop("You asked for no limit in one month."),
}
_HOURS = {
    24: gettext_noop("24 hours"),
    168: gettext_noop("1 week"),
    672: gettext_noop("4 weeks"),
    1_008: gettext_noop("6 weeks"),
}
_MONTHS = {6: gettext_noop("6 months"), 12: gettext_noop("1 year"), 60: gettext_noop("5 years")}
_NO_LIMIT = "none"
#: What a request met, said once on the page that follows.
_SAID = {
    "set": gettext_noop("Your limit is set."),
    "asked": gettext_noop("You can confirm the higher limit in 24 hours. Until then the lower one holds."),
    "confirmed": gettext_noop("Your limit is raised."),
    "withdrawn": gettext_noop("Your limit stays as it is."),
    "kept": gettext_noop("Your limits stay as they are."),
    "early": gettext_noop("It is too early to confirm this."),
    "amount": gettext_noop("Enter an amount, like 50."),
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
        "said": _(_SAID.get(said, "")),
        "problem": said in ("early", "amount"),
        "periods": periods(),
        "limits": [
            fill(_(held), amount=_shown(minor))
            for period, held in _HELD.items()
            if (minor := getattr(player, limits.COLUMNS[period])) is not None
        ],
        "raises": [_raise(one) for one in own_limits.waiting(player)],
        "review": due is not None and due <= timezone.now(),
        "breaks": [(f"h{count}", _(name)) for count, name in _HOURS.items()],
        "exclusions": [(f"m{count}", _(name)) for count, name in _MONTHS.items()],
    }


def periods() -> list[tuple[str, str]]:
    """Return the times that a limit can be for, as a form sends them and as it calls them."""
    return [(period.value, _(name)) for period, name in _PERIODS.items()]


def _raise(waits: LimitRaise) -> dict[str, Any]:
    period, minor = Rule.Own(waits.period), waits.amount_minor
    told = {
        "period": waits.period,
        "from": fill(_("You can confirm it from {date}."), date=format_moment(waits.ripe_at)),
        "ripe": waits.ripe_at <= timezone.now(),
    }
    if minor is None:
        return {**told, "asked": _(_ASKED_FOR_NONE[period]), "confirm": _("Confirm no limit")}
    amount = _shown(minor)
    return {
        **told,
        "asked": fill(_(_ASKED[period]), amount=amount),
        "confirm": fill(_("Confirm {amount}"), amount=amount),
    }


def _shown(minor: int) -> str:
    return format_money(minor, settings.DEPOSIT_PAGE_CURRENCY)


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
        name = _(_HOURS[hours] if hours else _MONTHS[months or 0])
        asked = _("Take a break for {time}?") if hours else _("Exclude yourself for {time}?")
        context = {
            "chosen": chosen,
            "title": fill(asked, time=name),
            "yes": fill(_("Yes, for {time}"), time=name),
        }
        return render(request, "deposits/protection_sure.html", context)
    by = actor_of(request, player)
    if hours:
        breaks.take_time_out(player, hours, by)
    elif months:
        breaks.exclude(player, months, by)
    return HttpResponseRedirect(reverse("deposit"), status=303)
