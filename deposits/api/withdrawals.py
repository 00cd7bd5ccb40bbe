"""The closed loop: where a player's deposits came from, and the withdrawals that a partner has paid out."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from rest_framework.request import Request

from deposits.actions.closed_loop import (
    Recorded,
    Source,
    WithdrawalRequest,
    sources,
    with_sources,
    withdraw,
)
from deposits.actions.refusal import Refusal
from deposits.api import inputs, paging, reading, withdrawal_operations
from deposits.api.answers import answer
from deposits.api.authentication import WITHDRAW, HasPlayersScope, address_of, holder_of
from deposits.api.players import find_player
from deposits.api.problems import NOT_FOUND, Problem, request_id
from deposits.api.refusals import as_problem
from deposits.api.views import ApiView
from deposits.models import Withdrawal
from deposits.presentation import as_time, shown_method
from deposits.references import public_withdrawal_id

_ID = re.compile(r"wdr_([0-9a-f]{32})\Z")


class PlayerSources(ApiView):
    """/players/{player}/sources"""

    http_method_names = ["get", "head"]
    permission_classes = [HasPlayersScope]
    described = {"get": withdrawal_operations.LIST_SOURCES}

    def get(self, request: Request, player: str) -> HttpResponse:
        """Return where the player's deposits came from, and what is left to go back there."""
        known = find_player(player, holder_of(request), request._request)
        return answer({"object": "list", "data": [_source(one) for one in sources(known.pk)]})


class PlayerWithdrawals(ApiView):
    """/players/{player}/withdrawals"""

    http_method_names = ["get", "head", "post"]
    permission_classes = [HasPlayersScope]
    write_scope = WITHDRAW
    described = {
        "get": withdrawal_operations.LIST_WITHDRAWALS,
        "post": withdrawal_operations.CREATE_WITHDRAWAL,
    }
    takes_query = True

    def get(self, request: Request, player: str) -> HttpResponse:
        """Return one page of the player's withdrawals, newest first."""
        query = paging.read_place(request._request.GET, _ID)
        known = find_player(player, holder_of(request), request._request)
        paid = Withdrawal.objects.filter(query.condition, player_id=known.pk).order_by("-pk")
        page, cursor = with_sources(known.pk, paid[: query.limit + 1]), None
        if len(page) > query.limit:
            page.pop()
            cursor = public_withdrawal_id(page[-1].withdrawal.pk)
        return answer(
            {"object": "list", "data": [_withdrawal(one, player) for one in page], "next_cursor": cursor}
        )

    def post(self, request: Request, player: str) -> HttpResponse:
        """Record a withdrawal that was paid out, once per key."""
        http: HttpRequest = request._request
        paging.refuse_any(http.GET)
        holder = holder_of(request)
        key = reading.idempotency_key(http)
        wanted = inputs.create_withdrawal(reading.read_object(http))
        known = find_player(player, holder, http)
        try:
            recorded = withdraw(
                WithdrawalRequest(
                    player_id=known.pk,
                    source=wanted.source,
                    amount_minor=wanted.amount,
                    client=holder.client,
                    idempotency_key=key,
                    actor=holder.prefix,
                    rest_to=wanted.rest_to or "",
                    partner_reference=wanted.partner_reference or "",
                    address=address_of(http),
                    request_id=request_id(),
                )
            )
        except Refusal as refusal:
            raise as_problem(refusal, "") from None
        body = _withdrawal(recorded, player)
        if recorded.replayed:
            return answer(body, 200, {"Idempotent-Replayed": "true"})
        where = reverse("api-player-withdrawal", args=(player, body["id"]))
        return answer(body, 201, {"Location": f"{settings.BASE_URL}{where}"})


class PlayerWithdrawal(ApiView):
    """/players/{player}/withdrawals/{withdrawal_id}"""

    http_method_names = ["get", "head"]
    permission_classes = [HasPlayersScope]
    described = {"get": withdrawal_operations.GET_WITHDRAWAL}

    def get(self, request: Request, player: str, withdrawal_id: str) -> HttpResponse:
        """Return one withdrawal."""
        known = find_player(player, holder_of(request), request._request)
        named = _ID.match(withdrawal_id)
        paid = Withdrawal.objects.filter(player_id=known.pk)
        found = with_sources(known.pk, paid.filter(pk=UUID(hex=named[1]))) if named else []
        if not found:
            raise Problem("not_found", NOT_FOUND)
        return answer(_withdrawal(found[0], player))


def _source(source: Source) -> dict[str, Any]:
    *way, currency = source.key
    return {
        "id": source.id,
        "object": "source",
        "method": shown_method(*way),
        "currency": currency,
        "taken": source.taken_minor,
        "refunded": source.refunded_minor,
        "withdrawn": source.withdrawn_minor,
        "left": source.left_minor,
    }


def _withdrawal(recorded: Recorded, player: str) -> dict[str, Any]:
    told = recorded.withdrawal
    return {
        "id": public_withdrawal_id(told.pk),
        "object": "withdrawal",
        "player": player,
        "amount": told.amount_minor,
        "currency": told.currency,
        "returned": told.returned_minor,
        "rest": told.amount_minor - told.returned_minor,
        "rest_to": told.rest_to or None,
        "partner_reference": told.partner_reference or None,
        "source": _source(recorded.source),
        "created_at": as_time(told.created_at),
    }
