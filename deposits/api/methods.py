"""The ways to pay as partners list them: which carriers and banks there are, and what they take."""

from __future__ import annotations

from typing import Any

from carriers import registry
from carriers.profiles import CarrierProfile
from deposits import breakers
from deposits.models import Deposit


def as_list() -> dict[str, Any]:
    """Return every carrier and bank of this installation, amounts in minor units."""
    profiles = registry.registry().profiles
    shut = breakers.shut(profiles, Deposit.Next.AUTHORISE.value)
    return {
        "object": "list",
        "data": [_method(profile, available=code not in shut) for code, profile in profiles.items()],
    }


def _method(profile: CarrierProfile, *, available: bool) -> dict[str, Any]:
    by_bank = profile.method_type == registry.BANK
    return {
        "type": profile.method_type,
        "bank_id" if by_bank else "carrier": profile.code,
        "name": profile.name,
        "currencies": list(profile.currencies),
        "minimum": profile.minimum_minor,
        "maximum": profile.maximum_minor,
        "available": available,
    }
