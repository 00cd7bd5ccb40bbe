"""The refunds' operations, bodies and examples as the schema describes them."""

from __future__ import annotations

from typing import Any

from deposits.api import checks, operations
from deposits.api.examples import DEPOSIT
from deposits.api.schema_parts import ref
from deposits.api.selection import ID_PATTERN
from deposits.models import Refund
from deposits.refund_states import Event, State
from deposits.refunds_shown import STATUSES

REFUND_ID_PATTERN = "^ref_[0-9a-f]{32}$"
REFUND_REFERENCE_PATTERN = checks.REFERENCE_PATTERN.replace("^D", "^R")

CREATE: dict[str, Any] = {"amount": 500, "reason": "player_request", "note": "Asked for in chat 4711."}
REFUND: dict[str, Any] = {
    "id": "ref_019aab3f0a1b7c2d8e3f4a5b6c7d8e9f",
    "object": "refund",
    "reference": "R-2M8H-5TQV",
    "deposit": DEPOSIT["id"],
    "deposit_reference": DEPOSIT["reference"],
    "status": "processing",
    "amount": 500,
    "currency": "GBP",
    "reason": "player_request",
    "note": "Asked for in chat 4711.",
    "created_at": "2026-11-22T11:30:00.123456Z",
    "updated_at": "2026-11-22T11:30:00.123456Z",
}

_REASON = {
    "type": "string",
    "enum": list(Refund.Reason.values),
    "description": "Why. " + " ".join(f"`{one.value}`: {one.label}." for one in Refund.Reason),
}
_AMOUNT = {"type": "integer", "minimum": 1, "maximum": checks.MOST_MINOR}
_TIME = {"type": "string", "format": "date-time"}
_PROPERTIES: dict[str, Any] = {
    "id": {"type": "string", "pattern": REFUND_ID_PATTERN, "description": "Ours, for machines."},
    "object": {"type": "string", "const": "refund"},
    "reference": {
        "type": "string",
        "pattern": REFUND_REFERENCE_PATTERN,
        "description": "Ours, for people; also what the carrier or bank knows it by.",
    },
    "deposit": {"type": "string", "pattern": ID_PATTERN, "description": "The deposit's id."},
    "deposit_reference": {"type": "string", "pattern": checks.REFERENCE_PATTERN},
    "status": {
        "type": "string",
        "enum": list(STATUSES),
        "description": "`processing` includes that a person has to agree, and that we do not know yet. After `failed` "
        "the amount is in the player's balance again.",
    },
    "amount": {**_AMOUNT, "description": "Minor units."},
    "currency": {"type": "string", "description": "The deposit's."},
    "reason": _REASON,
    "note": {"type": ["string", "null"], "description": "As you sent it."},
    "created_at": {**_TIME, "description": "When it was requested. UTC."},
    "updated_at": {**_TIME, "description": "When it last changed. UTC."},
}
_EVENT: dict[str, Any] = {
    "type": {
        "type": "string",
        "enum": list(Event.values),
        "description": "What happened. More may be added.",
    },
    "text": {"type": "string", "description": "The same in plain words."},
    "from_state": {"type": ["string", "null"], "enum": [*State.values, None], "description": "State before."},
    "to_state": {"type": "string", "enum": list(State.values), "description": "State after."},
    "at": {**_TIME, "description": "When. UTC."},
}


def _object(description: str, properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": list(required or properties),
        "properties": properties,
    }


SCHEMAS: dict[str, Any] = {
    "CreateRefund": {
        **_object(
            "What to give back. Unknown fields are refused.",
            {
                "amount": {
                    **_AMOUNT,
                    "type": ["integer", "null"],
                    "description": "Minor units; left out, all that is neither returned nor on its way.",
                },
                "reason": _REASON,
                "note": {
                    "type": ["string", "null"],
                    "minLength": 1,
                    "maxLength": checks.NOTE_CHARACTERS,
                    "description": "For your own people and ours: printable characters, nothing like a card number.",
                },
            },
            "reason",
        ),
        "additionalProperties": False,
    },
    "Refund": _object("A refund as it is now.", _PROPERTIES),
    "RefundList": _object(
        "The refunds of a deposit.",
        {
            "object": {"type": "string", "const": "list"},
            "data": {"type": "array", "items": ref("Refund"), "description": "Newest first."},
        },
    ),
    "TimelineRefund": _object(
        "A refund of the deposit, and what happened to it.",
        {
            "refund": {**_PROPERTIES["id"], "description": "The refund's id."},
            "reference": _PROPERTIES["reference"],
            "amount": _PROPERTIES["amount"],
            "status": _PROPERTIES["status"],
            "events": {"type": "array", "items": ref("TimelineRefundEvent"), "description": "In order."},
        },
    ),
    "TimelineRefundEvent": _object("One thing that happened to a refund.", _EVENT),
}

_REFUND_PATH = operations.parameter(
    "path", "refund_id", "The refund's id (`ref_…`), or its reference (`R-…`).", {"type": "string"}
)
_REFUSED = ("refund_not_offered", "above_refundable", "balance_too_low")

CREATE_REFUND: operations.Operation = {
    "operationId": "createRefund",
    "tags": ["Refunds"],
    "summary": "Give a deposit back",
    "description": "Takes the amount from the player's balance at once and answers; a worker then orders the money "
    "back to where it came from. All refunds of a deposit together never exceed what it credited. Needs a key with "
    "the scope `refunds:write`. 201 the first time, 200 when the same key and body come again.",
    "parameters": [operations.DEPOSIT_PATH, operations.KEY_HEADER],
    "requestBody": operations.body("CreateRefund", CREATE),
    "responses": {
        "200": operations.response(
            "The key was used before: the refund as it is now.",
            ref("Refund"),
            REFUND,
            {"Idempotent-Replayed": "IdempotentReplayed"},
        ),
        "201": operations.response("Requested.", ref("Refund"), REFUND, {"Location": "Location"}),
        **operations.problems(
            *operations.ALWAYS,
            *operations.WRITING,
            *operations.BODY,
            *_REFUSED,
            "not_found",
            "not_possible_now",
        ),
    },
}
LIST_REFUNDS: operations.Operation = {
    "operationId": "listRefunds",
    "tags": ["Refunds"],
    "summary": "List the refunds of a deposit",
    "description": "Newest first, all of them.",
    "parameters": [operations.DEPOSIT_PATH],
    "responses": {
        "200": operations.response("The refunds.", ref("RefundList"), {"object": "list", "data": [REFUND]}),
        **operations.problems(*operations.ALWAYS, "not_found"),
    },
}
GET_REFUND: operations.Operation = {
    "operationId": "getRefund",
    "tags": ["Refunds"],
    "summary": "Read a refund",
    "description": "The truth as of now.",
    "parameters": [_REFUND_PATH],
    "responses": {
        "200": operations.response("The refund.", ref("Refund"), REFUND),
        **operations.problems(*operations.ALWAYS, "not_found"),
    },
}
