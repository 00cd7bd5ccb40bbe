"""/players/{player}/links: links that bring a player to the deposit page without signing in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from accounts.models import Player, PlayerAct
from deposits import links
from deposits.actions import hosted_links
from deposits.api import link_inputs, link_operations, reading
from deposits.api.answers import answer
from deposits.api.authentication import HasPlayersScope, holder_of
from deposits.api.players import actor_of, do_once, find_player
from deposits.api.views import ApiView, return_url_refused
from deposits.models import HostedLink
from deposits.references import public_link_id


class PlayerLinks(ApiView):
    """/players/{player}/links"""

    permission_classes = [HasPlayersScope]
    described = {"post": link_operations.CREATE_LINK}
    http_method_names = ["post"]

    def post(self, request: Request, player: str) -> HttpResponse:
        """Make a link, once per key."""
        http: HttpRequest = request._request
        holder = holder_of(request)
        key = reading.idempotency_key(http)
        terms, lasts_s = link_inputs.create_link(reading.read_object(http), holder.mode)
        known = find_player(player, holder, http)
        # What was made under this key stays so, whatever has been registered since.
        known_key = hosted_links.made_under(holder.client, key) is not None
        if terms.return_url and not known_key and not holder.may_return_to(terms.return_url):
            raise return_url_refused(holder)

        made = []

        def make(locked: Player) -> None:
            act = PlayerAct.objects.get(client=holder.client, idempotency_key=key)
            made.append(hosted_links.make(locked, act, terms, lasts_s, actor_of(holder, http)))

        do_once(known, holder, key, ["link", asdict(terms), lasts_s], make)
        link = hosted_links.made_under(holder.client, key)
        assert link is not None
        body = as_object(link, player)
        return answer(body, 201) if made else answer(body, 200, {"Idempotent-Replayed": "true"})


def as_object(link: HostedLink, player: str) -> dict[str, Any]:
    """Return the link as the API shows it; `player`: the partner's own name."""
    method = {"type": link.method_type, **({"bank_id": link.bank_id} if link.bank_id else {})}
    return {
        "id": public_link_id(link.pk),
        "object": "link",
        "player": player,
        "status": _status(link),
        "url": links.hosted_url(link),
        "minimum": link.minimum_minor,
        "maximum": link.maximum_minor,
        "currency": link.currency,
        "method": method if link.method_type else None,
        "return_url": link.return_url or None,
        "expires_at": link.expires_at,
        "created_at": link.created_at,
    }


def _status(link: HostedLink) -> str:
    if link.spent_at is not None:
        return "spent"
    return "open" if link.expires_at > timezone.now() else "expired"
