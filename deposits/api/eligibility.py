"""POST /eligibility: what a player may deposit, by each way to pay, and why not more. It changes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from accounts.models import Player
from carriers import registry
from carriers.profiles import CarrierProfile
from carriers.redaction import mask_msisdn
from deposits.actions.eligibility import Eligibility, Verdict, eligibility
from deposits.actions.refusal import Refusal
from deposits.api import checks, operations, reading
from deposits.api.answers import answer
from deposits.api.authentication import READ, holder_of
from deposits.api.fields import Field, Group, errors_in, refuse
from deposits.api.inputs import METHOD, Method
from deposits.api.problems import Problem
from deposits.api.views import ApiView
from deposits.presentation import as_reason, refusal_reason

#: A player's numbers, and the banks, that are looked at when the request names no way to pay.
_MOST_NUMBERS = 5
_MOST_BANKS = 5


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /eligibility."""

    player: str
    currency: str
    amount: int | None = None
    method: Method | None = None


_ASKED = Group(
    {
        "player": Field(str, checks.player),
        "currency": Field(str, checks.currency),
        "amount": Field(int, checks.amount, required=False),
        "method": dataclasses.replace(METHOD, required=False),
    }
)


class EligibilityView(ApiView):
    """/eligibility"""

    described = {"post": operations.ASK_ELIGIBILITY}
    write_scope = READ

    def post(self, request: Request) -> HttpResponse:
        """Answer for the amount, or for the least there is when none is named."""
        holder = holder_of(request)
        raw = reading.read_object(request._request)
        if errors := errors_in(raw, _ASKED):
            refuse(errors)
        asked = msgspec.convert(raw, Asked)
        player = Player.objects.filter(partner_id=holder.partner_id, external_id=asked.player).first()
        if player is None and holder.mode == "live":
            raise Problem("player_unknown", "Create the player first: we do not know this one.")
        methods = [_method(holder.partner_id, player, asked, method) for method in _methods(asked, player)]
        body = {
            "object": "eligibility",
            "player": asked.player,
            "currency": asked.currency,
            "amount": asked.amount,
            "eligible": any(method["eligible"] for method in methods),
            "methods": methods,
        }
        return answer(body)


def _methods(asked: Asked, player: Player | None) -> list[Method]:
    """The way to pay that is asked about; else the player's own numbers, and the banks."""
    if asked.method is not None:
        return [asked.method]
    newest = player.phones.order_by("-pk").values_list("number", flat=True) if player else ()
    banks = registry.banks(asked.currency)[:_MOST_BANKS]
    return [
        *(Method(registry.CARRIER_BILLING, phone_number=number) for number in newest[:_MOST_NUMBERS]),
        *(Method(registry.BANK, bank_id=bank.code) for bank in banks),
    ]


def _method(partner_id: int, player: Player | None, asked: Asked, method: Method) -> dict[str, Any]:
    by_bank = method.type == registry.BANK
    profile = (
        registry.bank(method.bank_id, asked.currency)
        if by_bank
        else registry.route(method.phone_number, asked.currency)
    )
    shown: dict[str, Any] = {"type": method.type}
    if by_bank:
        shown["bank_id"] = method.bank_id
    else:
        shown |= {
            "phone_number": mask_msisdn(method.phone_number),
            "carrier": profile.code if profile else None,
        }
    if profile is None:
        return {
            **shown,
            "eligible": False,
            "minimum": None,
            "maximum": None,
            "price_points": [],
            "reason": _reason(_unserved(by_bank, asked.currency), asked.currency),
            "rules": [],
        }
    stands = eligibility(partner_id, player, profile, asked.currency, method.type, method.phone_number)
    return {**shown, **_standing(stands, profile, asked)}


def _unserved(by_bank: bool, currency: str) -> Refusal:
    if by_bank:
        return Refusal("currency_not_supported", f"This bank does not pay in {currency}.")
    return Refusal("carrier_not_supported", "No carrier that we work with serves this number.")


def _standing(stands: Eligibility, profile: CarrierProfile, asked: Asked) -> dict[str, Any]:
    verdicts = stands.verdicts(asked.amount)
    most, least = stands.most_minor, profile.minimum_minor
    points = [point for point in stands.price_points if least <= point <= most]
    possible = most >= least and (bool(points) or not stands.price_points)
    return {
        "eligible": all(verdict.passes for verdict in verdicts),
        "minimum": least if possible else None,
        "maximum": most if possible else None,
        "price_points": points,
        "reason": _reason(verdicts[0].refusal, asked.currency),
        "rules": [_rule(verdict, asked.currency) for verdict in verdicts],
    }


def _rule(verdict: Verdict, currency: str) -> dict[str, Any]:
    stands = verdict.standing
    rule = stands.rule if stands else None
    counts = stands is not None and stands.applied.counts
    return {
        "rule": verdict.code,
        "version": rule.version if rule else None,
        "passes": verdict.passes,
        "subject": rule.subject if rule else None,
        "measure": rule.measure if rule else None,
        "window": rule.window if rule else None,
        "length": (rule.length or None) if rule else None,
        "used": stands.used if stands and counts else None,
        "limit": stands.most if stands else None,
        "left": stands.left if stands and counts else None,
        "resets_at": stands.resets_at.isoformat().replace("+00:00", "Z")
        if stands and stands.resets_at
        else None,
        "source": verdict.source,
        "reason": _reason(verdict.refusal, currency),
    }


def _reason(refusal: Refusal | None, currency: str) -> Mapping[str, Any] | None:
    words = refusal_reason(refusal, currency) if refusal else None
    return None if words is None else as_reason(words)
