"""The schemas of what is sent and answered about players (JSON Schema 2020-12)."""

from __future__ import annotations

from typing import Any

from accounts.models import Player, Protection
from accounts.protections.breaks import OWN, SELF_EXCLUSION_MONTHS, TIME_OUT_HOURS
from deposits.api import checks, player_inputs
from deposits.api.schema_parts import CURRENCY, object_of, or_null, ref, time
from deposits.models import Rule

_MINOR = {"type": "integer", "description": "Minor units."}
_IDENTITY = {
    "type": "string",
    "enum": Player.Identity.values,
    "description": "How far you are in verifying them.",
}


def _optional(pattern: str, description: str) -> dict[str, Any]:
    return {"type": ["string", "null"], "pattern": pattern, "description": description}


_NAME = {
    "type": ["string", "null"],
    "minLength": 1,
    "maxLength": player_inputs.NAME_CHARACTERS,
    "description": "As in the player's identity document.",
}
_PARTICULARS: dict[str, Any] = {
    "identity": _IDENTITY,
    "jurisdiction": _optional(
        player_inputs.JURISDICTION_PATTERN, "Whose rules protect the player (ISO 3166-1); GB if left out."
    ),
    "birth_date": {
        "type": ["string", "null"],
        "format": "date",
        "description": "Needed once `identity` is `verified`.",
    },
    "first_name": _NAME,
    "last_name": _NAME,
    "postcode": _optional(player_inputs.POSTCODE_PATTERN, "Of the home address."),
    "email": _optional(player_inputs.EMAIL_PATTERN, "The player's own address."),
    "phone_number": _optional(checks.PHONE_PATTERN, "E.164."),
}


def _closed(properties: dict[str, Any], required: list[str], description: str) -> dict[str, Any]:
    optional = tuple(name for name in properties if name not in required)
    return object_of(properties, description, optional, additionalProperties=False)


def _list_of(properties: dict[str, Any], one: str, all_of_them: str) -> dict[str, Any]:
    return {"type": "array", "description": all_of_them, "items": object_of(properties, one)}


PLAYER_SCHEMAS: dict[str, Any] = {
    "PutPlayer": _closed(_PARTICULARS, ["identity"], "Who the player is. What is left out is forgotten."),
    "PatchPlayer": _closed(_PARTICULARS, [], "What is to change. What is left out, or null, stays."),
    "BeginBreak": _closed(
        {
            "type": {
                "type": "string",
                "enum": [kind.value for kind in OWN],
                "description": "A break, or an exclusion.",
            },
            "hours": {
                "type": ["integer", "null"],
                "minimum": TIME_OUT_HOURS[0],
                "maximum": TIME_OUT_HOURS[-1],
                "description": "How long a `time_out` lasts.",
            },
            "months": {
                "type": ["integer", "null"],
                "minimum": SELF_EXCLUSION_MONTHS[0],
                "maximum": SELF_EXCLUSION_MONTHS[-1],
                "description": "How long a `self_exclusion` lasts.",
            },
        },
        ["type"],
        "A break to begin now. Nobody can end it early.",
    ),
    "ChangeLimits": _closed(
        {
            "act": {
                "type": "string",
                "enum": list(player_inputs.LIMIT_ACTS),
                "description": "`set` sets or lowers at once, and asks for what would be a raise. `confirm_raise` is "
                "the player's own second act, 24 hours later. `keep`: the player has looked and changes nothing.",
            },
            "period": {
                "type": ["string", "null"],
                "enum": [*Rule.Own.values, None],
                "description": "Which limit; left out for `keep`.",
            },
            "amount": {
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": checks.MOST_MINOR,
                "description": "For `set`: gross deposits in minor units; null or left out: no limit.",
            },
        },
        ["act"],
        "What the player does with their own deposit limits.",
    ),
    "LimitRaise": object_of(
        {
            "amount": {"type": ["integer", "null"], "description": "Minor units; null: no limit any more."},
            "possible_from": time("From when the player can confirm it."),
        },
        "A raise that waits.",
    ),
    "Player": object_of(
        {
            "object": {"type": "string", "const": "player"},
            "player": {"type": "string", "description": "Your own name for the player."},
            "jurisdiction": {"type": "string", "description": "Whose rules protect the player."},
            "test": {
                "type": "boolean",
                "description": "Made with a test key: to a live key nobody is there.",
            },
            "identity": _IDENTITY,
            "may_deposit": {
                "type": "boolean",
                "description": "Whether nothing about the player stands in the way.",
            },
            "reason": or_null(ref("Reason"), "What stands in the way, in the player's words; or null."),
            "balances": _list_of(
                {"currency": CURRENCY, "amount": _MINOR}, "One balance.", "What the player has."
            ),
            "limits": _list_of(
                {
                    "period": {
                        "type": "string",
                        "enum": ["day", "week", "month"],
                        "description": "How long.",
                    },
                    "currency": CURRENCY,
                    "amount": _MINOR,
                    "used": _MINOR,
                    "left": _MINOR,
                    "resets_at": time(
                        "When it starts again; null while nothing of a rolling one is used.", nullable=True
                    ),
                    "raise": or_null(
                        ref("LimitRaise"),
                        "A raise that waits for its time and for the player's own act then; or null.",
                    ),
                },
                "One limit.",
                "The player's own deposit limits.",
            ),
            "limits_review_due_at": time(
                "When to ask the player whether the limits still fit; null where none was ever set.",
                nullable=True,
            ),
            "breaks": _list_of(
                {
                    "type": {"type": "string", "enum": Protection.Kind.values, "description": "Which kind."},
                    "begins_at": time("When it began."),
                    "ends_at": time("When it ends."),
                },
                "One break.",
                "Breaks and exclusions that last.",
            ),
            "created_at": time("When we first knew of them."),
        },
        "A player as they are now.",
    ),
}
