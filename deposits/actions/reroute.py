"""Second routes: what certainly was not sent by the first carrier of a network goes by the next."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from carriers import registry
from carriers.profiles import CarrierProfile
from deposits import breakers, transitions
from deposits.models import Deposit
from deposits.states import State
from deposits.transitions import Claimed, Rerouting

#: Deposits that wait for a carrier whose breaker is open and are moved in one go.
_BATCH = 200


def reroute_unsent(claimed: Iterable[Claimed]) -> list[UUID]:
    """Give deposits that could not be sent to the next route, where there is one; return which went.

    Only those that no carrier can have (design §4): one that was bound before stays.
    """
    unbound = [one for one in claimed if not one.bound]
    others = {
        one.id: _others(one.phone_number, one.currency, one.carrier, one.amount_minor) for one in unbound
    }
    if not any(others.values()):
        return []
    shut = _shut()
    return transitions.reroute(
        [
            Rerouting(one.id, one.carrier, to.code, f"{one.carrier} could not be reached")
            for one in unbound
            if (to := _first_open(others[one.id], shut))
        ]
    )


def reroute_waiting() -> int:
    """Give deposits that wait for a carrier whose breaker is open to the next route; return how many went."""
    shut = _shut()
    if not shut or not registry.has_second_routes():
        return 0
    waiting = Deposit.objects.filter(
        carrier__in=list(shut),
        state=State.RECEIVED,
        next_action_at__isnull=False,
        bound=False,
        lease_owner="",
    ).order_by("carrier", "next_action_at")[:_BATCH]
    reroutings = [
        Rerouting(one.pk, one.carrier, to.code, f"{one.carrier} is not used now: {shut[one.carrier]}")
        for one in waiting
        if (to := _first_open(_others(one.phone_number, one.currency, one.carrier, one.amount_minor), shut))
    ]
    return len(transitions.reroute(reroutings)) if reroutings else 0


def _shut() -> dict[str, str]:
    return breakers.shut(registry.registry().profiles, Deposit.Next.AUTHORISE.value)


def _others(msisdn: str, currency: str, carrier: str, amount_minor: int) -> list[CarrierProfile]:
    return [
        profile
        for profile in registry.routes(msisdn, currency)
        if profile.code != carrier and profile.minimum_minor <= amount_minor <= profile.maximum_minor
    ]


def _first_open(profiles: Iterable[CarrierProfile], shut: dict[str, str]) -> CarrierProfile | None:
    return next((profile for profile in profiles if profile.code not in shut), None)
