"""The schemas of everything that is sent and answered (JSON Schema 2020-12, as OpenAPI 3.1 has it)."""

from __future__ import annotations

from typing import Any

from carriers.reasons import ACTIONS
from deposits.api import checks, paging
from deposits.api.kinds import FIELD_CODES, KINDS, SITE_CODES
from deposits.api.selection import ID_PATTERN
from deposits.models import Deposit
from deposits.states import Event, State

Schema = dict[str, Any]

#: What an attempt can come to; a test compares it with the carriers' outcomes.
OUTCOMES = (
    "approved",
    "declined",
    "pending",
    "reserved",
    "code_required",
    "code_lost",
    "code_rejected",
    "cancelled",
    "already_known",
    "not_found",
    "not_done",
    "not_sent",
    "our_fault",
    "mismatch",
    "unknown",
    "barred",
)
ACTORS = ("player", "partner", "worker", "carrier", "staff")
MONEY = {
    "none": "nothing was taken",
    "reserved": "the carrier holds the amount and has not charged it",
    "taken": "it was taken and is not credited yet",
    "credited": "it was taken, and the player was credited",
    "unknown": "we do not know yet if it was taken, and are finding out",
    "returned": "it was taken, credited and given back",
}


def ref(name: str) -> Schema:
    """Return a reference to the schema `name`."""
    return {"$ref": f"#/components/schemas/{name}"}


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _one_of(values: Any, description: str) -> Schema:
    return {"type": "string", "enum": list(values), "description": description}


def _time(description: str, *, nullable: bool = False) -> Schema:
    kind: Any = ["string", "null"] if nullable else "string"
    return {"type": kind, "format": "date-time", "description": f"{description} UTC."}


def _object(properties: Schema, description: str, optional: tuple[str, ...] = (), **more: Any) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": [name for name in properties if name not in optional],
        "properties": properties,
        **more,
    }


def _or_null(schema: Schema, description: str) -> Schema:
    return {"anyOf": [schema, {"type": "null"}], "description": description}


_AMOUNT = {"type": "integer", "minimum": 1, "maximum": checks.MOST_MINOR}
_CURRENCY = _text("ISO 4217, in capital letters.", pattern="^[A-Z]{3}$", examples=["GBP"])

_REQUESTS: Schema = {
    "CreateDeposit": _object(
        {
            "player": _text(
                "Your own name for the player. With a test key, a new one is created.",
                pattern=checks.PLAYER_PATTERN,
            ),
            "amount": {
                **_AMOUNT,
                "description": 'Minor units: 2000 is £20.00. Only as a whole number in digits: not 2e3, not "2000".',
            },
            "currency": _CURRENCY,
            "partner_reference": {
                "type": ["string", "null"],
                "minLength": 1,
                "maxLength": checks.PARTNER_REFERENCE_CHARACTERS,
                "description": "Your own name for the deposit: printable characters, nothing like a card number.",
            },
            "method": _object(
                {
                    "type": {
                        "type": "string",
                        "const": "carrier_billing",
                        "description": "Pay by phone bill.",
                    },
                    "phone_number": _text(
                        "E.164: + and digits, without spaces.", pattern=checks.PHONE_PATTERN
                    ),
                },
                "How the player pays.",
                additionalProperties=False,
            ),
            "return_url": {
                "type": ["string", "null"],
                "maxLength": checks.URL_CHARACTERS,
                "format": "uri",
                "description": "Where the player goes back to: https, without user name. "
                "With a test key also http on localhost or 127.0.0.1.",
            },
            "device": {
                "type": ["string", "null"],
                "pattern": checks.PLAYER_PATTERN,
                "description": "Your own name for the player's device; too many failed attempts from one cool it down.",
            },
        },
        "A deposit to take. Unknown fields are refused.",
        ("partner_reference", "return_url", "device"),
        additionalProperties=False,
    ),
    "Confirm": _object(
        {
            "code": _text(
                "The one-time code as the player typed it: 4 to 8 digits.", minLength=1, maxLength=32
            )
        },
        "The player's code.",
        additionalProperties=False,
    ),
    "Nothing": _object({}, "An empty object; the body may also be left out.", additionalProperties=False),
}

_REASON: Schema = {
    "Reason": _object(
        {
            "code": _text("Stable; the words may change."),
            "title": _text("A headline for the player."),
            "text": _text("What happened, and whether the player was charged, for the player."),
            "next": {
                "type": "array",
                "description": "What the player can do now, most useful first.",
                "items": _object(
                    {
                        "label": _text("What the button says."),
                        "action": _one_of(sorted(ACTIONS), "What the button does."),
                    },
                    "One button.",
                ),
            },
        },
        "Why a deposit is not simply done, in the words that the player's page shows.",
    )
}

_DEPOSIT: Schema = {
    "Deposit": _object(
        {
            "id": _text("Ours, for machines.", pattern=ID_PATTERN),
            "object": {"type": "string", "const": "deposit"},
            "reference": _text(
                "Ours, for people; also what the carrier knows it by.", pattern=checks.REFERENCE_PATTERN
            ),
            "status": _one_of(
                paging.STATES_OF, "What to act on. `processing` includes that we do not know yet."
            ),
            "money": _one_of(
                MONEY, "Where the money is. " + " ".join(f"`{name}`: {text}." for name, text in MONEY.items())
            ),
            "amount": {**_AMOUNT, "description": "Minor units."},
            "currency": _CURRENCY,
            "refunded_amount": {
                "type": "integer",
                "minimum": 0,
                "description": "Given back, in minor units.",
            },
            "player": _text("Your own name for the player."),
            "partner_reference": {
                "type": ["string", "null"],
                "description": "Your own name for the deposit.",
            },
            "method": _object(
                {
                    "type": {"type": "string", "const": "carrier_billing"},
                    "phone_number": _text("Masked: enough to tell two numbers of one player apart."),
                    "carrier": _text("Which carrier charges it."),
                },
                "How the player pays.",
            ),
            "reason": _or_null(
                ref("Reason"), "Why it is not simply done; null when there is nothing to explain."
            ),
            "next_action": _or_null(ref("NextAction"), "What the player has to do now, or null."),
            "page_url": _text(
                "The player's page, open for seven days to whoever holds this address.", format="uri"
            ),
            "return_url": {"type": ["string", "null"], "description": "As you sent it."},
            "created_at": _time("When it was accepted."),
            "updated_at": _time("When it last changed."),
        },
        "A deposit as it is now.",
    ),
    "NextAction": _object(
        {
            "type": {
                "type": "string",
                "const": "one_time_code",
                "description": "Send the code to `/confirm`.",
            },
            "expires_at": _time("Until when the code is taken.", nullable=True),
            "sent_to": _text("The masked number that the carrier sent it to."),
        },
        "What the player has to do.",
    ),
    "DepositList": _object(
        {
            "object": {"type": "string", "const": "list"},
            "data": {"type": "array", "items": ref("Deposit"), "description": "Newest first."},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "Send it as `after` for the next page; null on the last.",
            },
        },
        "One page of deposits.",
    ),
}

_TIMELINE: Schema = {
    "Timeline": _object(
        {
            "object": {"type": "string", "const": "timeline"},
            "deposit": _text("The deposit's id.", pattern=ID_PATTERN),
            "events": {"type": "array", "items": ref("TimelineEvent"), "description": "In order."},
            "attempts": {
                "type": "array",
                "items": ref("TimelineAttempt"),
                "description": "Each time we went to the carrier, in order; the latest 200.",
            },
        },
        "What happened to a deposit.",
    ),
    "TimelineEvent": _object(
        {
            "type": _one_of(Event.values, "What happened. More may be added."),
            "text": _text("The same in plain words."),
            "from_state": {
                "type": ["string", "null"],
                "enum": [*State.values, None],
                "description": "State before.",
            },
            "to_state": _one_of(State.values, "State after."),
            "actor": _one_of(ACTORS, "Who or what did it."),
            "at": _time("When."),
        },
        "One thing that happened.",
    ),
    "TimelineAttempt": _object(
        {
            "number": {"type": "integer", "minimum": 1, "description": "Counted from 1."},
            "step": _one_of(Deposit.Next.values, "What the carrier was asked."),
            "outcome": _one_of(
                OUTCOMES, "What came of it; `unknown` also while no answer has been recorded."
            ),
            "started_at": _time("When."),
            "finished_at": _time("When the answer was recorded, or null.", nullable=True),
        },
        "One request to the carrier.",
    ),
}

_PROBLEM: Schema = {
    "Problem": _object(
        {
            "type": _text("An address that explains the kind of problem, or about:blank.", format="uri"),
            "title": _text("The kind of problem in words; always the same for a code."),
            "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status."},
            "detail": _text("What was wrong this time, and what would be right."),
            "code": _one_of([*KINDS, *SITE_CODES], "The kind of problem, for programs. More may be added."),
            "errors": {
                "type": "array",
                "items": ref("FieldError"),
                "description": "Which fields were wrong; at most 20, empty when no field was.",
            },
            "request_id": _text("Quote it when you ask us about this answer."),
            "reason": ref("Reason"),
            "ends_at": _time("When what stands in the way ends by itself."),
        },
        "Why nothing was done (RFC 9457). `reason` is there when the player should be told something, `ends_at` when "
        "that ends by itself.",
        ("reason", "ends_at"),
    ),
    "FieldError": _object(
        {
            "field": _text("The field or query parameter, with dots: `method.phone_number`."),
            "code": _one_of(
                [*FIELD_CODES, *(code for code, kind in KINDS.items() if kind.status == 422)],
                "What is wrong with it. More may be added.",
            ),
            "detail": _text("What would be right."),
        },
        "One field that was wrong.",
    ),
}

SCHEMAS: Schema = {**_REQUESTS, **_DEPOSIT, **_REASON, **_TIMELINE, **_PROBLEM}
SECURITY_SCHEMES: Schema = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "`Authorization: Bearer ps_test_…`. Keys have scopes: `deposits:read`, `deposits:write`, "
        "`players:read` and `players:write`. "
        "A key in the address is refused and has to be replaced.",
    }
}
HEADERS: Schema = {
    "RequestId": {
        "description": "The id under which both sides log this request. Send your own `X-Request-Id` to choose it.",
        "schema": {"type": "string"},
    },
    "Location": {"description": "The address of the deposit.", "schema": {"type": "string", "format": "uri"}},
    "IdempotentReplayed": {
        "description": "`true`: this key was used before, and nothing new happened.",
        "schema": {"type": "string", "const": "true"},
    },
    "WwwAuthenticate": {"description": "`Bearer`", "schema": {"type": "string", "const": "Bearer"}},
    "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "string"}},
}
