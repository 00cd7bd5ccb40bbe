"""Who looks at the page: the session's player, or the holder of a deposit's link."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import render

from accounts.models import Player
from accounts.protections.acts import Actor
from deposits.ui import demo_players

SESSION_KEY = "player_id"
#: When the session began (seconds since 1970).
SINCE = "signed_in_at"
_SIGNED_OUT = "signed_out"

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
PlayerView = Callable[Concatenate[HttpRequest, Player, P], HttpResponse]


def sign_in(request: HttpRequest, player: Player) -> None:
    """Make `player` the session's player, under a new session id so that one planted before is worth nothing.

    What was kept about another player, or by an earlier link, is forgotten.
    """
    request.session.flush()
    request.session[SINCE] = time.time()
    request.session[SESSION_KEY] = player.pk
    rotate_token(request)


def end_session(request: HttpRequest) -> None:
    """End this session. In a demo, too, nobody is signed in from here on until he chooses to be."""
    request.session.flush()
    if settings.DEMO:
        request.session[_SIGNED_OUT] = True


def session_player(request: HttpRequest) -> Player | None:
    """Return the session's player, or None. In a demo a visitor becomes the demo player, unless he has signed out."""
    player_id = request.session.get(SESSION_KEY)
    player = Player.objects.filter(pk=player_id).first() if player_id else None
    if player and _has_signed_out_since(request, player):
        request.session.flush()
        player = None
    if player is None and settings.DEMO and _SIGNED_OUT not in request.session:
        player = demo_players.usual_player()
        sign_in(request, player)
    return player


def _has_signed_out_since(request: HttpRequest, player: Player) -> bool:
    """Whether the player signed out everywhere after this session began."""
    ended = player.signed_out_at
    return ended is not None and request.session.get(SINCE, 0.0) <= ended.timestamp()


def actor_of(request: HttpRequest, player: Player | None = None) -> Actor:
    """Return the player, or somebody not known yet, as the one who acts, from where and in which request."""
    try:
        address = str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        address = None
    asked_as = str(structlog.contextvars.get_contextvars().get("request_id", ""))
    return Actor("player", player.external_id if player else "", address, asked_as)


def for_players(view: PlayerView[P]) -> View[P]:
    """A view that is given the signed-in player; anybody else is asked to sign in and told nothing."""

    @wraps(view)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        player = session_player(request)
        return ask_to_sign_in(request) if player is None else view(request, player, *args, **kwargs)

    return checked


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """The page of somebody who is signed out: the same for every deposit there is, and for those there are not."""
    context = {"sign_in_url": settings.SIGN_IN_URL, "next_query": urlencode({"next": request.path})}
    return render(request, "deposits/sign_in.html", context, status=403)
