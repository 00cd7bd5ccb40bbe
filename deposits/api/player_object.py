"""A player as the API shows them: what they have, what limits and protects them, and whether they may deposit now."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import LedgerAccount, Player
from carriers import registry
from deposits.actions import own_limits
from deposits.actions.eligibility import bar_of, barred, eligibility
from deposits.models import LimitRaise
from deposits.presentation import as_reason, as_time, refusal_reason


def as_object(player: Player) -> dict[str, Any]:
    """Return the player as the API shows them. No personal data: the partner has sent it."""
    bar = bar_of(player)
    words = refusal_reason(barred(bar, player.jurisdiction), settings.DEPOSIT_PAGE_CURRENCY) if bar else None
    purses = LedgerAccount.objects.filter(kind=LedgerAccount.Kind.PLAYER, player=player).order_by("currency")
    lasting = player.protections.filter(ends_at__gt=timezone.now()).order_by("begins_at", "pk")
    return {
        "object": "player",
        "player": player.external_id,
        "jurisdiction": player.jurisdiction,
        "test": player.is_test,
        "identity": player.identity_state,
        "may_deposit": bar is None,
        "reason": as_reason(words) if words else None,
        "balances": [{"currency": one.currency, "amount": one.balance_minor} for one in purses],
        "limits": _limits(player),
        "limits_review_due_at": as_time(due) if (due := own_limits.review_due_at(player)) else None,
        "breaks": [
            {"type": one.kind, "begins_at": as_time(one.begins_at), "ends_at": as_time(one.ends_at)}
            for one in lasting
        ],
        "created_at": as_time(player.created_at),
    }


def _limits(player: Player) -> list[dict[str, Any]]:
    currency = settings.DEPOSIT_PAGE_CURRENCY
    profiles = registry.registry().profiles.values()
    profile = next((one for one in profiles if currency in one.currencies), None)
    if profile is None:
        return []
    raises = {one.period: one for one in own_limits.waiting(player)}
    return [
        {
            "period": one.rule.own,
            "currency": currency,
            "amount": one.most,
            "used": one.used,
            "left": one.left,
            "resets_at": as_time(one.resets_at) if one.resets_at else None,
            "raise": _raise(raises.get(one.rule.own)),
        }
        for one in eligibility(player.partner_id, player, profile, currency, "", "").own
    ]


def _raise(waits: LimitRaise | None) -> dict[str, Any] | None:
    return None if waits is None else {"amount": waits.amount_minor, "possible_from": as_time(waits.ripe_at)}
