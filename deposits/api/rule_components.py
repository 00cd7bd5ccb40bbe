"""The schemas of what a player may deposit: rules and how they stand."""

from __future__ import annotations

from typing import Any

from deposits.api import checks
from deposits.api.components import Schema, ref
from deposits.models import Rule


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _object(properties: Schema, description: str, optional: tuple[str, ...] = (), **more: Any) -> Schema:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "description": description,
        "required": required,
        "properties": properties,
        **more,
    }


def _reason_or_null(description: str) -> Schema:
    return {"anyOf": [ref("Reason"), {"type": "null"}], "description": description}


_CURRENCY = _text("ISO 4217, in capital letters.", pattern="^[A-Z]{3}$", examples=["GBP"])
_MINOR_OR_NULL = {"type": ["integer", "null"], "minimum": 0}
ELIGIBILITY_SCHEMAS: Schema = {
    "AskEligibility": _object(
        {
            "player": _text("Your own name for the player.", pattern=checks.PLAYER_PATTERN),
            "currency": _CURRENCY,
            "amount": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": checks.MOST_MINOR,
                "description": "Minor units; left out, it is about the least there is.",
            },
            "method": {
                **_object(
                    {
                        "type": {"type": "string", "const": "carrier_billing"},
                        "phone_number": _text("E.164.", pattern=checks.PHONE_PATTERN),
                    },
                    "One way to pay; left out, each of the player's numbers.",
                    additionalProperties=False,
                ),
                "type": ["object", "null"],
            },
        },
        "Whose deposit, and of how much.",
        ("amount", "method"),
        additionalProperties=False,
    ),
    "Eligibility": _object(
        {
            "object": {"type": "string", "const": "eligibility"},
            "player": _text("Your own name for the player."),
            "currency": _CURRENCY,
            "amount": {**_MINOR_OR_NULL, "description": "As you sent it."},
            "eligible": {"type": "boolean", "description": "Whether any way to pay would take it."},
            "methods": {"type": "array", "items": ref("EligibleMethod"), "description": "Each way to pay."},
        },
        "What a player may deposit at this moment.",
    ),
    "EligibleMethod": _object(
        {
            "type": {"type": "string", "const": "carrier_billing"},
            "phone_number": _text("Masked."),
            "carrier": {"type": ["string", "null"], "description": "Who would charge it; null: nobody can."},
            "eligible": {"type": "boolean", "description": "Whether the amount would be accepted."},
            "minimum": {**_MINOR_OR_NULL, "description": "The least that would be; null: nothing would."},
            "maximum": {**_MINOR_OR_NULL, "description": "The most that would be; null: nothing would."},
            "price_points": {
                "type": "array",
                "items": {"type": "integer"},
                "description": "The only amounts that would be; empty: any in between.",
            },
            "reason": _reason_or_null("Why it would not be accepted, for the player."),
            "rules": {"type": "array", "items": ref("RuleStanding"), "description": "Who fails comes first."},
        },
        "One way to pay.",
    ),
    "RuleStanding": _object(
        {
            "rule": _text("The code of the rule or check. More may be added."),
            "version": {"type": ["integer", "null"], "description": "Null: a check, which has no versions."},
            "passes": {"type": "boolean", "description": "Whether it lets the amount pass."},
            "subject": {
                "type": ["string", "null"],
                "enum": [*Rule.Subject.values, None],
                "description": "Whose.",
            },
            "measure": {
                "type": ["string", "null"],
                "enum": [*Rule.Measure.values, None],
                "description": "What counts.",
            },
            "window": {
                "type": ["string", "null"],
                "enum": [*Rule.Window.values, None],
                "description": "Over which time.",
            },
            "length": {"type": ["string", "null"], "description": "How long a rolling window is."},
            "used": {
                "type": ["integer", "null"],
                "description": "Minor units, or deposits where they are counted.",
            },
            "limit": {**_MINOR_OR_NULL, "description": "The most; null: none is set."},
            "left": {**_MINOR_OR_NULL, "description": "What may still be deposited."},
            "resets_at": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "When it starts again, or when the first of it rolls out. UTC.",
            },
            "source": _text("Where the rule is written."),
            "reason": _reason_or_null("What the player is told where it does not pass."),
        },
        "How one rule stands.",
    ),
}
