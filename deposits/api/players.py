"""/players: who a player is, what stands in the way of their deposits, and the breaks they take."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from accounts.api_keys import KeyHolder
from accounts.models import Player, Protection
from accounts.protections import breaks, identity, once
from accounts.protections.acts import Actor, NotAllowed
from deposits import rules
from deposits.actions import own_limits
from deposits.actions.accept import canonical
from deposits.api import checks, operations, player_inputs, reading, selection
from deposits.api.answers import answer
from deposits.api.authentication import HasPlayersScope, address_of, holder_of
from deposits.api.fields import refuse
from deposits.api.player_object import as_object
from deposits.api.problems import FieldError, Problem, request_id
from deposits.api.views import ApiView
from deposits.models import Rule

_BEGIN: dict[Protection.Kind, Callable[[Player, int, Actor], Protection]] = {
    Protection.Kind.TIME_OUT: breaks.take_time_out,
    Protection.Kind.SELF_EXCLUSION: breaks.exclude,
}


class PlayerDetail(ApiView):
    """/players/{player}"""

    http_method_names = ["get", "head", "put", "patch"]
    permission_classes = [HasPlayersScope]
    described = {
        "get": operations.GET_PLAYER,
        "put": operations.PUT_PLAYER,
        "patch": operations.PATCH_PLAYER,
    }

    def get(self, request: Request, player: str) -> HttpResponse:
        """Return what is known of the player."""
        return answer(as_object(find_player(player, holder_of(request), request._request)))

    def put(self, request: Request, player: str) -> HttpResponse:
        """Create the player, or replace what is known of them."""
        http: HttpRequest = request._request
        holder = holder_of(request)
        if wrong := checks.player(player):
            refuse([FieldError("player", *wrong)])
        given = player_inputs.particulars(reading.read_object(http), complete=True)
        try:
            known = identity.put(
                holder.partner_id,
                player,
                given,
                actor_of(holder, http),
                rules.minimum_age,
                test=holder.mode == "test",
            )
        except NotAllowed as error:
            raise _as_problem(error) from None
        except identity.OtherMode:
            detail = "This player was created with a live key; a test key cannot change them."
            raise Problem("not_possible_now", detail) from None
        return answer(as_object(known))

    def patch(self, request: Request, player: str) -> HttpResponse:
        """Change what the body names."""
        http: HttpRequest = request._request
        holder = holder_of(request)
        given = player_inputs.particulars(reading.read_object(http), complete=False)
        known = find_player(player, holder, http)
        try:
            changed = identity.change(known, given, actor_of(holder, http), rules.minimum_age)
        except NotAllowed as error:
            raise _as_problem(error) from None
        return answer(as_object(changed))


class PlayerBreaks(ApiView):
    """/players/{player}/breaks"""

    permission_classes = [HasPlayersScope]
    described = {"post": operations.BEGIN_BREAK}
    http_method_names = ["post"]

    def post(self, request: Request, player: str) -> HttpResponse:
        """Begin a time-out or a self-exclusion."""
        http: HttpRequest = request._request
        holder = holder_of(request)
        key = reading.idempotency_key(http)
        kind, length = player_inputs.break_length(reading.read_object(http))
        known = find_player(player, holder, http)

        def begin(locked: Player) -> None:
            _BEGIN[kind](locked, length, actor_of(holder, http))

        return answer(as_object(do_once(known, holder, key, ["break", kind.value, length], begin)))


class PlayerLimits(ApiView):
    """/players/{player}/limits"""

    permission_classes = [HasPlayersScope]
    described = {"post": operations.CHANGE_LIMITS}
    http_method_names = ["post"]

    def post(self, request: Request, player: str) -> HttpResponse:
        """Set, lower, ask to raise, confirm or withdraw a raise, or keep the limits as they are."""
        http: HttpRequest = request._request
        holder = holder_of(request)
        key = reading.idempotency_key(http)
        act, period, amount = player_inputs.limit_act(reading.read_object(http))
        known, by = find_player(player, holder, http), actor_of(holder, http)

        def do(locked: Player) -> None:
            match act, period:
                case "set", Rule.Own():
                    own_limits.set_limit(locked, period, amount, by)
                case "confirm_raise", Rule.Own():
                    own_limits.confirm_raise(locked, period, by)
                case "withdraw_raise", Rule.Own():
                    own_limits.withdraw_raise(locked, period, by)
                case _:
                    own_limits.keep(locked, by)

        return answer(as_object(do_once(known, holder, key, ["limits", act, period, amount], do)))


def do_once(player: Player, holder: KeyHolder, key: str, what: Any, act: Callable[[Player], None]) -> Player:
    """Do `act` unless the key was used for the same before; return the player as they are then. Raises `Problem`."""
    digest = hashlib.sha256(canonical([player.external_id, what])).digest()
    try:
        with transaction.atomic():
            locked = Player.objects.select_for_update().get(pk=player.pk)
            if once.first_time(locked, holder.client, key, digest):
                act(locked)
    except once.KeyReused:
        detail = "This key came with another body before. Nothing was done."
        raise Problem("idempotency_key_reused", detail) from None
    except NotAllowed as error:
        raise _as_problem(error) from None
    locked.refresh_from_db()
    return locked


def find_player(name: str, holder: KeyHolder, http: HttpRequest) -> Player:
    """Return the partner's player `name` of the key's mode. Raises `Problem` (404) for everybody else."""
    mine = Player.objects.filter(partner_id=holder.partner_id, is_test=holder.mode == "test")
    player = mine.filter(external_id=name).first() if checks.player(name) is None else None
    if player is None:
        raise selection.not_visible("player", name, holder, http)
    return player


def actor_of(holder: KeyHolder, http: HttpRequest) -> Actor:
    return Actor("partner", holder.prefix, address_of(http), request_id())


def _as_problem(error: NotAllowed) -> Problem:
    errors = [FieldError(error.field, "out_of_range", error.detail)]
    return Problem("validation_failed", f"{error.field}: {error.detail}", errors=errors)
