"""The hosted links' operation, body and example as the schema describes them."""

from __future__ import annotations

from typing import Any

from deposits.api import checks, link_inputs, operations
from deposits.api.schema_parts import AMOUNT, CURRENCY, kind, object_of, one_of, ref, text, time

LINK_ID_PATTERN = "^lnk_[0-9a-f]{32}$"
STATUSES = ("open", "spent", "expired")

CREATE: dict[str, Any] = {
    "minimum": 1000,
    "maximum": 4000,
    "currency": "GBP",
    "method": {"type": "carrier_billing"},
    "return_url": "https://casino.example/cashier",
    "expires_in": 900,
}
LINK: dict[str, Any] = {
    "id": "lnk_019aab405d6e7f8091a2b3c4d5e6f708",
    "object": "link",
    "player": "p-1001",
    "status": "open",
    "url": "https://pay.example/deposit/link/019aab40-5d6e-7f80-91a2-b3c4d5e6f708/?t=8f3KqW",
    "minimum": 1000,
    "maximum": 4000,
    "currency": "GBP",
    "method": {"type": "carrier_billing"},
    "return_url": "https://casino.example/cashier",
    "expires_at": "2026-11-22T10:15:00.123456Z",
    "created_at": "2026-11-22T10:00:00.123456Z",
}

_RANGE: dict[str, Any] = {
    "minimum": {**AMOUNT, "description": "The least that the player may deposit by it, in minor units."},
    "maximum": {**AMOUNT, "description": "The most that the player may deposit by it, in minor units."},
    "currency": CURRENCY,
}
_METHOD: dict[str, Any] = {
    "oneOf": [
        object_of({"type": kind("carrier_billing")}, "By phone bill.", additionalProperties=False),
        object_of(
            {
                "type": kind("bank"),
                "bank_id": {"type": ["string", "null"], "description": "From this bank; left out: from any."},
            },
            "From a bank.",
            ("bank_id",),
            additionalProperties=False,
        ),
        {"type": "null"},
    ],
    "description": "The only way to pay that is offered; left out or null: any.",
}
_RETURN_URL: dict[str, Any] = {
    "type": ["string", "null"],
    "maxLength": checks.URL_CHARACTERS,
    "format": "uri",
    "description": "Where the player goes back to; what holds for a deposit's `return_url` holds here.",
}
SCHEMAS: dict[str, Any] = {
    "CreateLink": object_of(
        {
            **_RANGE,
            "method": _METHOD,
            "return_url": _RETURN_URL,
            "expires_in": {
                "type": ["integer", "null"],
                "minimum": link_inputs.LASTS_S[0],
                "maximum": link_inputs.LASTS_S[-1],
                "description": f"Seconds that the link lasts; {link_inputs.USUAL_LASTS_S} if left out.",
            },
        },
        "What the link is to allow. Unknown fields are refused.",
        ("method", "return_url", "expires_in"),
        additionalProperties=False,
    ),
    "Link": object_of(
        {
            "id": text("Ours.", pattern=LINK_ID_PATTERN),
            "object": kind("link"),
            "player": text("Your own name for the player."),
            "status": one_of(STATUSES, "`spent`: the player has used it."),
            "url": text(
                "Send the player there. It is a secret: whoever has it can use it, once.", format="uri"
            ),
            **_RANGE,
            "method": _METHOD,
            "return_url": _RETURN_URL,
            "expires_at": time("Until when it can be used."),
            "created_at": time("When it was made."),
        },
        "A hosted link.",
    ),
}

_ANSWER = ref("Link")
CREATE_LINK: operations.Operation = {
    "operationId": "createLink",
    "tags": ["Players"],
    "summary": "Bring a player to the deposit page without signing in",
    "description": "The link opens the deposit page for this player, once and for a short time, with the amounts and "
    "the way to pay that you name. Previews do not use it up: the player taps one button first. The same key and body "
    "again answer with the same link as it is then.",
    "parameters": [operations.PLAYER_PATH, operations.KEY_HEADER],
    "requestBody": operations.body("CreateLink", CREATE),
    "responses": {
        "200": operations.response("The link that this key made before, as it is now.", _ANSWER, LINK),
        "201": operations.response("The link.", _ANSWER, LINK),
        **operations.problems(
            *operations.ALWAYS,
            *operations.WRITING,
            *operations.BODY,
            "not_found",
            "method_not_supported",
            "currency_not_supported",
            "bank_unknown",
            "return_url_not_registered",
            "amount_out_of_range",
        ),
    },
}
