"""The schemas of everything that is sent and answered (JSON Schema 2020-12, as OpenAPI 3.1 has it)."""

from __future__ import annotations

from carriers.reasons import ACTIONS
from deposits.api import checks, paging
from deposits.api.kinds import FIELD_CODES, KINDS, SITE_CODES
from deposits.api.method_components import METHOD_ASKED, METHOD_TAKEN, METHODS, NEXT_ACTION
from deposits.api.schema_parts import (
    AMOUNT,
    CURRENCY,
    NEXT_CURSOR,
    Schema,
    kind,
    object_of,
    one_of,
    or_null,
    ref,
    text,
    time,
)
from deposits.api.selection import ID_PATTERN
from deposits.consent_shown import PROOFS
from deposits.models import Deposit, Rule
from deposits.states import Event, State

#: What an attempt can come to; a test compares it with the carriers' outcomes.
OUTCOMES = (
    "approved",
    "declined",
    "pending",
    "reserved",
    "code_required",
    "code_lost",
    "code_rejected",
    "redirect_required",
    "approval_exchanged",
    "undecided",
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
    "returned": "it was taken, credited and given back, all of it",
}


_REQUESTS: Schema = {
    "CreateDeposit": object_of(
        {
            "player": text(
                "Your own name for the player. With a test key, a new one is created.",
                pattern=checks.PLAYER_PATTERN,
            ),
            "amount": {
                **AMOUNT,
                "description": 'Minor units: 2000 is £20.00. Only as a whole number in digits: not 2e3, not "2000".',
            },
            "currency": CURRENCY,
            "partner_reference": {
                "type": ["string", "null"],
                "minLength": 1,
                "maxLength": checks.PARTNER_REFERENCE_CHARACTERS,
                "description": "Your own name for the deposit: printable characters, nothing like a card number.",
            },
            "method": METHOD_ASKED,
            "return_url": {
                "type": ["string", "null"],
                "maxLength": checks.URL_CHARACTERS,
                "format": "uri",
                "description": "Where the player goes back to, after the bank too: https, without user name, under an "
                "address that you have registered. With a test key also http on localhost or 127.0.0.1.",
            },
            "device": {
                "type": ["string", "null"],
                "pattern": checks.PLAYER_PATTERN,
                "description": "Your own name for the player's device; too many failed attempts from one cool it down.",
            },
            "consent": or_null(
                object_of(
                    {
                        "words": text(
                            "What the player read on the button: printable characters, nothing like a card number.",
                            minLength=1,
                            maxLength=checks.WORDS_CHARACTERS,
                        ),
                        "language": text(
                            "Their language (BCP 47).",
                            pattern=checks.LANGUAGE_PATTERN,
                            maxLength=checks.LANGUAGE_CHARACTERS,
                        ),
                    },
                    "What you showed the player.",
                    additionalProperties=False,
                ),
                "Kept as evidence for disputes. Left out, the evidence says that you showed the player something that "
                "we do not know.",
            ),
        },
        "A deposit to take. Unknown fields are refused.",
        ("partner_reference", "return_url", "device", "consent"),
        additionalProperties=False,
    ),
    "Confirm": object_of(
        {"code": text("The one-time code as the player typed it: 4 to 8 digits.", minLength=1, maxLength=32)},
        "The player's code.",
        additionalProperties=False,
    ),
    "Nothing": object_of({}, "An empty object; the body may also be left out.", additionalProperties=False),
}

_REASON: Schema = {
    "Reason": object_of(
        {
            "code": text("Stable; the words may change."),
            "title": text("A headline for the player."),
            "text": text("What happened, and whether the player was charged, for the player."),
            "next": {
                "type": "array",
                "description": "What the player can do now, most useful first.",
                "items": object_of(
                    {
                        "label": text("What the button says."),
                        "action": one_of(sorted(ACTIONS), "What the button does."),
                    },
                    "One button.",
                ),
            },
        },
        "Why a deposit is not simply done, in the words that the player's page shows.",
    )
}

_DEPOSIT: Schema = {
    "Deposit": object_of(
        {
            "id": text("Ours, for machines.", pattern=ID_PATTERN),
            "object": {"type": "string", "const": "deposit"},
            "reference": text(
                "Ours, for people; also what the carrier knows it by.", pattern=checks.REFERENCE_PATTERN
            ),
            "status": one_of(
                paging.STATES_OF, "What to act on. `processing` includes that we do not know yet."
            ),
            "money": one_of(
                MONEY, "Where the money is. " + " ".join(f"`{name}`: {text}." for name, text in MONEY.items())
            ),
            "amount": {**AMOUNT, "description": "Minor units."},
            "currency": CURRENCY,
            "refunded_amount": {
                "type": "integer",
                "minimum": 0,
                "description": "Given back, in minor units.",
            },
            "player": text("Your own name for the player."),
            "partner_reference": {
                "type": ["string", "null"],
                "description": "Your own name for the deposit.",
            },
            "method": METHOD_TAKEN,
            "reason": or_null(
                ref("Reason"), "Why it is not simply done; null when there is nothing to explain."
            ),
            "next_action": or_null(ref("NextAction"), "What the player has to do now, or null."),
            "page_url": text(
                "The player's page, open for seven days to whoever holds this address.", format="uri"
            ),
            "return_url": {"type": ["string", "null"], "description": "As you sent it."},
            "created_at": time("When it was accepted."),
            "updated_at": time("When it last changed."),
        },
        "A deposit as it is now.",
    ),
    "NextAction": NEXT_ACTION,
    "DepositList": object_of(
        {
            "object": {"type": "string", "const": "list"},
            "data": {"type": "array", "items": ref("Deposit"), "description": "Newest first."},
            "next_cursor": NEXT_CURSOR,
        },
        "One page of deposits.",
    ),
}

_TIMELINE: Schema = {
    "Timeline": object_of(
        {
            "object": {"type": "string", "const": "timeline"},
            "deposit": text("The deposit's id.", pattern=ID_PATTERN),
            "events": {"type": "array", "items": ref("TimelineEvent"), "description": "In order."},
            "attempts": {
                "type": "array",
                "items": ref("TimelineAttempt"),
                "description": "Each time we went to the carrier, in order; the latest 200.",
            },
            "refunds": {
                "type": "array",
                "items": ref("TimelineRefund"),
                "description": "What was to be given back of it, in order.",
            },
        },
        "What happened to a deposit.",
    ),
    "TimelineEvent": object_of(
        {
            "type": one_of(Event.values, "What happened. More may be added."),
            "text": text("The same in plain words."),
            "from_state": {
                "type": ["string", "null"],
                "enum": [*State.values, None],
                "description": "State before.",
            },
            "to_state": one_of(State.values, "State after."),
            "actor": one_of(ACTORS, "Who or what did it."),
            "at": time("When."),
        },
        "One thing that happened.",
    ),
    "TimelineAttempt": object_of(
        {
            "number": {"type": "integer", "minimum": 1, "description": "Counted from 1."},
            "step": one_of(Deposit.Next.values, "What the carrier was asked."),
            "outcome": one_of(OUTCOMES, "What came of it; `unknown` also while no answer has been recorded."),
            "started_at": time("When."),
            "finished_at": time("When the answer was recorded, or null.", nullable=True),
        },
        "One request to the carrier.",
    ),
}

_CONSENT: Schema = {
    "Consent": object_of(
        {
            "object": kind("consent"),
            "deposit": text("The deposit's id.", pattern=ID_PATTERN),
            "shown_by": one_of(("page", "partner"), "Who showed the player the words: our page, or you."),
            "words": {
                "type": ["string", "null"],
                "description": "What the button said; null where you did not send it.",
            },
            "language": {"type": ["string", "null"], "description": "Of the words (BCP 47), or null."},
            "amount": {**AMOUNT, "description": "The price, in minor units."},
            "currency": CURRENCY,
            "method": METHOD_TAKEN,
            "at": time("When the player agreed: when the deposit was accepted."),
            "proofs": {
                "type": "array",
                "description": "What the player was asked for and did beside that, in order.",
                "items": object_of({"type": one_of(PROOFS, "What."), "at": time("When.")}, "One of them."),
            },
            "rules": {
                "type": "array",
                "description": "By which rules it was accepted.",
                "items": object_of(
                    {
                        "rule": text("Its code."),
                        "version": {"type": "integer", "minimum": 1, "description": "Which version of it."},
                        "source": text("Where it is written."),
                    },
                    "One rule.",
                ),
            },
            "own_limits": {
                "type": "array",
                "description": "The player's own limits at that moment.",
                "items": object_of(
                    {
                        "period": one_of(Rule.Own.values, "How long."),
                        "amount": {"type": "integer", "minimum": 0, "description": "Minor units."},
                    },
                    "One limit.",
                ),
            },
        },
        "What is kept as evidence of one deposit.",
    )
}

_PROBLEM: Schema = {
    "Problem": object_of(
        {
            "type": text("An address that explains the kind of problem, or about:blank.", format="uri"),
            "title": text("The kind of problem in words; always the same for a code."),
            "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status."},
            "detail": text("What was wrong this time, and what would be right."),
            "code": one_of([*KINDS, *SITE_CODES], "The kind of problem, for programs. More may be added."),
            "errors": {
                "type": "array",
                "items": ref("FieldError"),
                "description": "Which fields were wrong; at most 20, empty when no field was.",
            },
            "request_id": text("Quote it when you ask us about this answer."),
            "reason": ref("Reason"),
            "ends_at": time("When what stands in the way ends by itself."),
        },
        "Why nothing was done (RFC 9457). `reason` is there when the player should be told something, `ends_at` when "
        "that ends by itself.",
        ("reason", "ends_at"),
    ),
    "FieldError": object_of(
        {
            "field": text("The field or query parameter, with dots: `method.phone_number`."),
            "code": one_of(
                [*FIELD_CODES, *(code for code, kind in KINDS.items() if kind.status == 422)],
                "What is wrong with it. More may be added.",
            ),
            "detail": text("What would be right."),
        },
        "One field that was wrong.",
    ),
}

SCHEMAS: Schema = {**_REQUESTS, **_DEPOSIT, **_REASON, **METHODS, **_TIMELINE, **_CONSENT, **_PROBLEM}
SECURITY_SCHEMES: Schema = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "`Authorization: Bearer ps_test_…`. Keys have scopes: `deposits:read`, `deposits:write`, "
        "`refunds:write`, `withdrawals:write`, `players:read` and `players:write`. A key in the address is refused and "
        "has to be replaced.",
    }
}
HEADERS: Schema = {
    "RequestId": {
        "description": "The id under which both sides log this request. Send your own `X-Request-Id` to choose it.",
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "The address of what was made.",
        "schema": {"type": "string", "format": "uri"},
    },
    "IdempotentReplayed": {
        "description": "`true`: this key was used before, and nothing new happened.",
        "schema": {"type": "string", "const": "true"},
    },
    "WwwAuthenticate": {"description": "`Bearer`", "schema": {"type": "string", "const": "Bearer"}},
    "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "string"}},
}
