"""The closed loop: where a player's deposits came from, and the withdrawals that a partner has paid out."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from deposits.actions.closed_loop import Recorded, Source, WithdrawalRequest, sources, withdraw
from deposits.actions.refusal import Refusal
from deposits.api import inputs, reading, withdrawal_operations
from deposits.api.answers import answer
from deposits.api.authentication import WITHDRAW, HasPlayersScope, address_of, holder_of
from deposits.api.players import find_player
from deposits.api.problems import request_id
from deposits.api.refusals import as_problem
from deposits.api.views import ApiView
from deposits.presentation import as_time, shown_method
from deposits.references import public_withdrawal_id


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

    http_method_names = ["post"]
    permission_classes = [HasPlayersScope]
    write_scope = WITHDRAW
    described = {"post": withdrawal_operations.CREATE_WITHDRAWAL}

    def post(self, request: Request, player: str) -> HttpResponse:
        """Record a withdrawal that was paid out, once per key."""
        http: HttpRequest = request._request
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
        return answer(body, 201)


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
