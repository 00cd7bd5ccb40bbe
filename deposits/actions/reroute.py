"""Second routes: what certainly was not sent by the first carrier of a network goes by the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from carriers import registry
from carriers.profiles import CarrierProfile
from deposits import breakers, transitions
from deposits.models import Deposit
from deposits.states import State
from deposits.transitions import Claimed, Rerouting

#: Deposits that wait for a carrier whose breaker is open and are moved in one go.
_BATCH = 200

_OnRoute = Claimed | Deposit


def reroute_unsent(claimed: Iterable[Claimed]) -> list[UUID]:
    """Give deposits that could not be sent to the next route, where there is one; return which went.

    Only those that no carrier can have (design §4): one that was bound before stays.
    """
    unbound = [one for one in claimed if not one.bound]
    if not unbound or not registry.has_second_routes():
        return []
    return _reroute(unbound, _shut(), lambda one: f"{one.carrier} could not be reached")


def reroute_waiting() -> int:
    """Give deposits that wait for a carrier whose breaker is open to the next route; return how many went."""
    if not registry.has_second_routes():
        return 0
    shut = _shut()
    if not shut:
        return 0
    waiting = Deposit.objects.filter(
        carrier__in=list(shut),
        state=State.RECEIVED,
        next_action_at__isnull=False,
        bound=False,
        lease_owner="",
    ).order_by("carrier", "next_action_at")[:_BATCH]
    return len(_reroute(waiting, shut, lambda one: f"{one.carrier} is not used now: {shut[one.carrier]}"))


def _shut() -> dict[str, str]:
    return breakers.shut(registry.registry().profiles, Deposit.Next.AUTHORISE.value)


def _reroute(
    deposits: Iterable[_OnRoute], shut: dict[str, str], reason: Callable[[_OnRoute], str]
) -> list[UUID]:
    reroutings = [
        Rerouting(one.id, one.carrier, to.code, reason(one))
        for one in deposits
        if (to := _next_route(one, shut))
    ]
    return transitions.reroute(reroutings) if reroutings else []


def _next_route(deposit: _OnRoute, shut: dict[str, str]) -> CarrierProfile | None:
    """The first other carrier of the number that takes the amount and is not shut."""
    for profile in registry.routes(deposit.phone_number, deposit.currency):
        takes_it = profile.minimum_minor <= deposit.amount_minor <= profile.maximum_minor
        if takes_it and profile.code != deposit.carrier and profile.code not in shut:
            return profile
    return None
