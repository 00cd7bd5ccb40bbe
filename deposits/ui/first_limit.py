"""S4: before the first deposit a player is asked to set a limit, where the rules want it (UKGC RTS 12A)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods

from accounts.models import Player
from carriers.wording import fill
from deposits import limits
from deposits.actions import own_limits
from deposits.models import Rule
from deposits.ui import kept_entry
from deposits.ui.forms import amount_minor
from deposits.ui.offer import Offer
from deposits.ui.protection_page import periods
from deposits.ui.sign_in import actor_of, for_players


def is_due(offered: Offer) -> bool:
    """Whether this player is to be asked before a deposit: a first one, without a limit and without an answer."""
    player = offered.player
    return (
        settings.JURISDICTIONS.get(offered.currency) in settings.LIMIT_PROMPT_IN
        and offered.last_amount_minor is None
        and player.limits_reviewed_at is None
        and all(getattr(player, column) is None for column in limits.COLUMNS.values())
    )


@require_http_methods(["GET", "HEAD", "POST"])
@gzip_page
@for_players
def page(request: HttpRequest, player: Player) -> HttpResponse:
    """GET: the question; `?without=` asks once more. POST: the answer, and back to the deposit with the entry kept."""
    entry = kept_entry.read(request)
    context: dict[str, Any] = {
        "periods": periods(),
        "query": urlencode([one for one in request.GET.items() if one[0] != "without"]),
        "without": "without" in request.GET,
    }
    if request.method != "POST":
        return render(request, "deposits/first_limit.html", context)
    if "without" in request.POST:
        own_limits.decline_prompt(player, actor_of(request, player))
        return kept_entry.lead_on(request, entry, "deposit")
    typed, period = request.POST.get("limit", ""), request.POST.get("period", "")
    minor = amount_minor(typed)
    if not minor or period not in Rule.Own.values:
        problem = fill(_("Enter an amount, like {example}"), example="50")
        return render(request, "deposits/first_limit.html", {**context, "problem": problem, "typed": typed})
    own_limits.set_limit(player, Rule.Own(period), minor, actor_of(request, player))
    return kept_entry.lead_on(request, entry, "deposit")
