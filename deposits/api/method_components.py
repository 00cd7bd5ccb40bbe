"""The schemas of the ways to pay: as asked for, as taken, as listed, and what each has the player do."""

from __future__ import annotations

from deposits.api import checks
from deposits.api.schema_parts import AMOUNT, CURRENCY, Schema, kind, object_of, ref, text, time

METHOD_ASKED: Schema = {
    "description": "How the player pays.",
    "oneOf": [
        object_of(
            {
                "type": kind("carrier_billing"),
                "phone_number": text("E.164: + and digits, without spaces.", pattern=checks.PHONE_PATTERN),
            },
            "By phone bill.",
            additionalProperties=False,
        ),
        object_of(
            {
                "type": kind("bank"),
                "bank_id": text("A bank that `GET /api/v1/methods` lists.", minLength=1),
            },
            "From the player's bank, where the player approves it.",
            additionalProperties=False,
        ),
    ],
}

METHOD_TAKEN: Schema = {
    "description": "How the player pays.",
    "oneOf": [
        object_of(
            {
                "type": kind("carrier_billing"),
                "phone_number": text("Masked: enough to tell two numbers of one player apart."),
                "carrier": text("Which carrier charges it."),
            },
            "By phone bill.",
        ),
        object_of(
            {
                "type": kind("bank"),
                "bank_id": text("Which bank it is paid from."),
                "bank": text("Its name, as players know it."),
            },
            "From a bank.",
        ),
    ],
}

NEXT_ACTION: Schema = {
    "description": "What the player has to do.",
    "oneOf": [
        object_of(
            {
                "type": kind("one_time_code"),
                "expires_at": time("Until when the code is taken.", nullable=True),
                "sent_to": text("The masked number that the carrier sent it to."),
            },
            "Send the code to `/confirm`.",
        ),
        object_of(
            {
                "type": kind("redirect"),
                "url": text("The bank's address for this one approval.", format="uri"),
                "expires_at": time("Until when the bank takes the approval.", nullable=True),
            },
            "Send the player's browser to `url`. It comes back to us, and we send it on to `return_url`.",
        ),
    ],
}

_OFFERED: Schema = {
    "currencies": {"type": "array", "items": CURRENCY, "description": "What it pays in."},
    "minimum": {**AMOUNT, "description": "The least that it takes at a time, in minor units."},
    "maximum": {**AMOUNT, "description": "The most that it takes at a time, in minor units."},
}
_AVAILABLE = {
    "type": "boolean",
    "description": "False while it is known not to answer: offer another way. What is sent all the same waits.",
}
METHODS: Schema = {
    "MethodList": object_of(
        {
            "object": {"type": "string", "const": "list"},
            "data": {"type": "array", "items": ref("Method"), "description": "In the order to offer them."},
        },
        "The ways to pay.",
    ),
    "Method": {
        "description": "A way to pay.",
        "oneOf": [
            object_of(
                {
                    "type": kind("carrier_billing"),
                    "carrier": text("The carrier; it follows from the phone number."),
                    "name": text("Its name, as players know it."),
                    **_OFFERED,
                    "available": _AVAILABLE,
                },
                "By phone bill.",
            ),
            object_of(
                {
                    "type": kind("bank"),
                    "bank_id": text("Send it as `method.bank_id`."),
                    "name": text("Its name, as players know it."),
                    **_OFFERED,
                    "available": _AVAILABLE,
                },
                "From a bank.",
            ),
        ],
    },
}
