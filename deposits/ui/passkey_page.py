"""Passkeys on the pages: one added after a sign-in by code, and signing in by one with a single tap.

The browser alone can speak to the device, so this needs script; without it the code is there.
"""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts import passkeys
from accounts.models import Player
from accounts.passkeys import NotShown
from deposits.ui.sign_in import SINCE, actor_of, for_players
from deposits.ui.sign_in_page import KNOWN_BY, enter, where_offered, where_to

#: A key that lasts is added only by who has just shown who they are, and never in a session that a link began.
FRESH_S = 900
_STATE = "passkey"


def _is_fresh(request: HttpRequest) -> bool:
    age_s = time.time() - request.session.get(SINCE, 0.0)
    return KNOWN_BY in request.session and age_s < FRESH_S


@require_http_methods(["GET", "HEAD", "POST"])
@where_offered
@for_players
def add(request: HttpRequest, player: Player) -> HttpResponse:
    """GET: the page with the button. POST: what the browser needs to make a passkey."""
    if not _is_fresh(request):
        query = urlencode({"next": reverse("passkey-add")})
        return HttpResponseRedirect(f"{reverse('sign-in')}?{query}", status=303)
    if request.method != "POST":
        return render(request, "sign_in/passkey.html", {"count": player.passkeys.count()})
    try:
        options, request.session[_STATE] = passkeys.begin_adding(player)
    except NotShown:
        return _refused()
    return JsonResponse(options)


@require_POST
@where_offered
@for_players
def added(request: HttpRequest, player: Player) -> HttpResponse:
    """Keep the passkey that the browser has made."""
    if not _is_fresh(request):
        return _refused()
    try:
        passkeys.add(player, request.session.pop(_STATE, None), _brought(request))
    except NotShown:
        return _refused()
    actor_of(request, player).note("player.passkey_added", player, {}, {})
    return JsonResponse({"to": reverse("deposit")})


@require_POST
@where_offered
def ask(request: HttpRequest) -> HttpResponse:
    """What the browser needs to sign in by a passkey: the same for everybody."""
    options, request.session[_STATE] = passkeys.begin_signing_in()
    return JsonResponse(options)


@require_POST
@where_offered
def use(request: HttpRequest) -> HttpResponse:
    """Sign in whose passkey it is."""
    wanted = where_to(request.GET.get("next", ""))
    try:
        player = passkeys.player_of(request.session.pop(_STATE, None), _brought(request))
    except NotShown:
        return _refused()
    enter(request, player, by="passkey")
    return JsonResponse({"to": wanted})


def _brought(request: HttpRequest) -> dict[str, Any]:
    try:
        brought = json.loads(request.body)
    except ValueError:
        raise NotShown("it is no JSON") from None
    if not isinstance(brought, dict):
        raise NotShown("it is no object")
    return brought


def _refused() -> HttpResponse:
    return JsonResponse({}, status=403)
