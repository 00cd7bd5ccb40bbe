"""The body with which a partner asks for a hosted link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from carriers import registry
from deposits.actions.hosted_links import Terms
from deposits.api import checks
from deposits.api.fields import Field, Group, Variants, errors_in, refuse
from deposits.api.problems import FieldError

#: Seconds that a link lasts. A player who was sent one by text message may look tomorrow, not next week.
LASTS_S = range(60, 24 * 3_600 + 1)
USUAL_LASTS_S = 900


def _lasts(value: int) -> checks.Wrong:
    if value in LASTS_S:
        return None
    return "out_of_range", f"Send {LASTS_S[0]} to {LASTS_S[-1]} seconds, or leave it out for {USUAL_LASTS_S}."


def _link(return_url: checks.Check) -> Group:
    kind = Field(str, checks.method_type)
    return Group(
        {
            "minimum": Field(int, checks.amount),
            "maximum": Field(int, checks.amount),
            "currency": Field(str, checks.currency),
            "method": Variants(
                by="type",
                check=checks.method_type,
                groups={
                    registry.CARRIER_BILLING: Group({"type": kind}),
                    registry.BANK: Group(
                        {"type": kind, "bank_id": Field(str, checks.bank_id, required=False)}
                    ),
                },
                usual=registry.CARRIER_BILLING,
                required=False,
            ),
            "return_url": Field(str, return_url, required=False),
            "expires_in": Field(int, _lasts, required=False),
        }
    )


_LINK = {"live": _link(checks.return_url), "test": _link(checks.test_return_url)}


def create_link(raw: Mapping[str, Any], mode: str) -> tuple[Terms, int]:
    """Read what a link is to allow, and for how many seconds. `mode` is the key's, "test" or "live".

    Raises `Problem` (422) that names each wrong field.
    """
    if errors := errors_in(raw, _LINK[mode]):
        refuse(errors)
    method = raw.get("method") or {}
    terms = Terms(
        currency=raw["currency"],
        minimum_minor=raw["minimum"],
        maximum_minor=raw["maximum"],
        method_type=method.get("type") or "",
        bank_id=method.get("bank_id") or "",
        return_url=raw.get("return_url") or "",
    )
    if errors := _unusable(terms):
        refuse(errors)
    return terms, raw.get("expires_in") or USUAL_LASTS_S


def _unusable(terms: Terms) -> list[FieldError]:
    """What would make a link that nobody could deposit with."""
    if terms.maximum_minor < terms.minimum_minor:
        detail = f"Send at least the minimum, {terms.minimum_minor}."
        return [FieldError("maximum", "out_of_range", detail)]
    currency = settings.DEPOSIT_PAGE_CURRENCY
    if terms.currency != currency:
        detail = f"Send {currency}: the deposit page takes no other."
        return [FieldError("currency", "currency_not_supported", detail)]
    ranges = [
        (max(one.minimum_minor, settings.DEPOSIT_PAGE_MINIMUM_MINOR), one.maximum_minor)
        for one in registry.registry().profiles.values()
        if currency in one.currencies
        and terms.method_type in ("", one.method_type)
        and terms.bank_id in ("", one.code)
    ]
    if any(least <= terms.maximum_minor and terms.minimum_minor <= most for least, most in ranges):
        return []
    taken = " or ".join(sorted({f"{least} to {most}" for least, most in ranges})) or "nothing"
    detail = f"By this method {taken} can be deposited, in minor units."
    return [FieldError("minimum", "amount_out_of_range", detail)]
