"""S25: staff hold every way to pay shut. Says until when, where they know; a form would only take what cannot be sent.

What a breaker has shut by itself is another matter: a deposit now and then has to try whether the carrier is back.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import Player
from carriers.wording import fill
from deposits import player_texts
from deposits.models import ReturnText
from deposits.ui.clock import clock
from deposits.ui.offer import Offer
from deposits.ui.sign_in import for_players


def page(request: HttpRequest, offered: Offer) -> HttpResponse | None:
    """Return the page that says so; None while there is a way to pay."""
    ways = [
        profile
        for profile in player_texts.every_way()
        if offered.bounds is None or offered.bounds.permits(profile.method_type, profile.code)
    ]
    if not {one.code for one in ways} <= offered.shut or (held := player_texts.are_off(ways)) is None:
        return None
    now = timezone.now()
    # One that is back is a way to pay: the first counts.
    times = [at for at in held.values() if at is not None and at > now]
    heading = _("Deposits are off right now")
    if times:
        heading = fill(_("Deposits are off until {time}"), time=clock(min(times), now))
    owed = ReturnText.objects.filter(player=offered.player, sent_at=None).select_related("phone").first()
    phone = None if owed else player_texts.phone_of(offered.player.pk)
    context = {"heading": heading, "texted": "", "offers_text": phone}
    if owed:
        told = _("We will text the phone ending {ending} when deposits are back.")
        context["texted"] = fill(told, ending=owed.phone.number[-3:])
    return render(request, "deposits/off.html", context)


@require_POST
@for_players
def text_me(request: HttpRequest, player: Player) -> HttpResponse:
    """Have the player texted once deposits are back."""
    player_texts.ask_for_return(player)
    return HttpResponseRedirect(reverse("deposit"), status=303)
