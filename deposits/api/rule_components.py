"""The schemas of what a player may deposit: rules and how they stand."""

from __future__ import annotations

from deposits.api import checks
from deposits.api.method_components import METHOD_ASKED
from deposits.api.schema_parts import CURRENCY, Schema, object_of, or_null, ref, text
from deposits.models import Rule

_MINOR_OR_NULL = {"type": ["integer", "null"], "minimum": 0}
ELIGIBILITY_SCHEMAS: Schema = {
    "AskEligibility": object_of(
        {
            "player": text("Your own name for the player.", pattern=checks.PLAYER_PATTERN),
            "currency": CURRENCY,
            "amount": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": checks.MOST_MINOR,
                "description": "Minor units; left out, it is about the least there is.",
            },
            "method": {
                "anyOf": [METHOD_ASKED, {"type": "null"}],
                "description": "One way to pay; left out, each of the player's numbers and each bank.",
            },
        },
        "Whose deposit, and of how much.",
        ("amount", "method"),
        additionalProperties=False,
    ),
    "Eligibility": object_of(
        {
            "object": {"type": "string", "const": "eligibility"},
            "player": text("Your own name for the player."),
            "currency": CURRENCY,
            "amount": {**_MINOR_OR_NULL, "description": "As you sent it."},
            "eligible": {"type": "boolean", "description": "Whether any way to pay would take it."},
            "methods": {"type": "array", "items": ref("EligibleMethod"), "description": "Each way to pay."},
        },
        "What a player may deposit at this moment.",
    ),
    "EligibleMethod": object_of(
        {
            "type": {"type": "string", "enum": ["carrier_billing", "bank"], "description": "How it is paid."},
            "phone_number": text("Masked; by phone bill only."),
            "carrier": {
                "type": ["string", "null"],
                "description": "Who would charge the number; null: nobody can. By phone bill only.",
            },
            "bank_id": text("The bank; from a bank only."),
            "eligible": {"type": "boolean", "description": "Whether the amount would be accepted."},
            "minimum": {**_MINOR_OR_NULL, "description": "The least that would be; null: nothing would."},
            "maximum": {**_MINOR_OR_NULL, "description": "The most that would be; null: nothing would."},
            "price_points": {
                "type": "array",
                "items": {"type": "integer"},
                "description": "The only amounts that would be; empty: any in between.",
            },
            "reason": or_null(ref("Reason"), "Why it would not be accepted, for the player."),
            "rules": {"type": "array", "items": ref("RuleStanding"), "description": "Who fails comes first."},
        },
        "One way to pay.",
        ("phone_number", "carrier", "bank_id"),
    ),
    "RuleStanding": object_of(
        {
            "rule": text("The code of the rule or check. More may be added."),
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
            "source": text("Where the rule is written."),
            "reason": or_null(ref("Reason"), "What the player is told where it does not pass."),
        },
        "How one rule stands.",
    ),
}
