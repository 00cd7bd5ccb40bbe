"""The closed loop's operations, bodies and examples as the schema describes them."""

from __future__ import annotations

from typing import Any

from deposits.api import checks, operations
from deposits.api.examples import DEPOSIT
from deposits.api.method_components import METHOD_TAKEN
from deposits.api.schema_parts import AMOUNT, CURRENCY, NEXT_CURSOR, Schema, kind, object_of, ref, text, time

ID_PATTERN = "^wdr_[0-9a-f]{32}$"
CREATE: dict[str, Any] = {
    "source": "src_5f0c1d2e3b4a59687786a5b4c3d2e1f0",
    "amount": 2500,
    "rest_to": "bank transfer",
    "partner_reference": "payout-12",
}
SOURCE: dict[str, Any] = {
    "id": CREATE["source"],
    "object": "source",
    "method": DEPOSIT["method"],
    "currency": "GBP",
    "taken": 3000,
    "refunded": 1000,
    "withdrawn": 0,
    "left": 2000,
}
WITHDRAWAL: dict[str, Any] = {
    "id": "wdr_019aab3f0a1b7c2d8e3f4a5b6c7d8e9f",
    "object": "withdrawal",
    "player": "p-1001",
    "amount": 2500,
    "currency": "GBP",
    "returned": 2000,
    "rest": 500,
    "rest_to": "bank transfer",
    "partner_reference": "payout-12",
    "source": {**SOURCE, "withdrawn": 2000, "left": 0},
    "created_at": "2026-11-22T11:30:00.123456Z",
}


def _minor(description: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": f"{description} Minor units."}


def _own_text(description: str) -> Schema:
    return {
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": checks.PARTNER_REFERENCE_CHARACTERS,
        "description": f"{description} Printable characters, nothing like a card number.",
    }


_SOURCE_ID = text("Ours; the same for the same source of a player, always.", pattern=checks.SOURCE_PATTERN)
SCHEMAS: Schema = {
    "Source": object_of(
        {
            "id": _SOURCE_ID,
            "object": kind("source"),
            "method": METHOD_TAKEN,
            "currency": CURRENCY,
            "taken": _minor("Credited, and not taken back by the carrier."),
            "refunded": _minor("Returned by refunds, or on its way."),
            "withdrawn": _minor("Paid out by you, as far as it counts for this source."),
            "left": _minor("What is left to go back there."),
        },
        "Where deposits of a player came from: a phone number with its carrier, or a bank, in one currency.",
    ),
    "SourceList": object_of(
        {
            "object": kind("list"),
            "data": {"type": "array", "items": ref("Source"), "description": "The most left comes first."},
        },
        "All sources of a player.",
    ),
    "CreateWithdrawal": object_of(
        {
            "source": _SOURCE_ID,
            "amount": {
                **AMOUNT,
                "description": "All that you paid out, in minor units of the source's currency.",
            },
            "rest_to": _own_text("Where what is above `left` went. Without it no more than `left` is taken."),
            "partner_reference": _own_text("Your own name for the withdrawal."),
        },
        "A withdrawal that you have paid out. Unknown fields are refused.",
        ("rest_to", "partner_reference"),
        additionalProperties=False,
    ),
    "Withdrawal": object_of(
        {
            "id": text("Ours.", pattern=ID_PATTERN),
            "object": kind("withdrawal"),
            "player": text("Your own name for the player."),
            "amount": {**AMOUNT, "description": "Minor units."},
            "currency": CURRENCY,
            "returned": _minor("Of the amount, what counts as gone back to the source."),
            "rest": _minor("Of the amount, what went elsewhere."),
            "rest_to": {"type": ["string", "null"], "description": "As you sent it."},
            "partner_reference": {"type": ["string", "null"], "description": "As you sent it."},
            "source": ref("Source"),
            "created_at": time("When you told us."),
        },
        "A withdrawal as it was recorded, with its source as it is now. It never changes.",
    ),
    "WithdrawalList": object_of(
        {
            "object": kind("list"),
            "data": {"type": "array", "items": ref("Withdrawal")},
            "next_cursor": NEXT_CURSOR,
        },
        "One page of a player's withdrawals, newest first.",
    ),
}

LIST_SOURCES: operations.Operation = {
    "operationId": "listSources",
    "tags": ["Players"],
    "summary": "Where a player's deposits came from",
    "description": "For each source what was taken, what went back, and what is left to go back there, so that a "
    "withdrawal follows the closed loop. Banks' account numbers are not kept.",
    "parameters": [operations.PLAYER_PATH],
    "responses": {
        "200": operations.response("The sources.", ref("SourceList"), {"object": "list", "data": [SOURCE]}),
        **operations.problems(*operations.ALWAYS, "not_found"),
    },
}
LIST_WITHDRAWALS: operations.Operation = {
    "operationId": "listWithdrawals",
    "tags": ["Players"],
    "summary": "The withdrawals that you told us of",
    "description": "Newest first, each with its source as it is now.",
    "parameters": [operations.PLAYER_PATH, *operations.PAGE],
    "responses": {
        "200": operations.response(
            "One page.",
            ref("WithdrawalList"),
            {"object": "list", "data": [WITHDRAWAL], "next_cursor": None},
        ),
        **operations.problems(*operations.ALWAYS, "not_found"),
    },
}
GET_WITHDRAWAL: operations.Operation = {
    "operationId": "getWithdrawal",
    "tags": ["Players"],
    "summary": "One withdrawal",
    "parameters": [
        operations.PLAYER_PATH,
        operations.parameter(
            "path", "withdrawal_id", "The withdrawal's id.", {"type": "string", "pattern": ID_PATTERN}
        ),
    ],
    "responses": {
        "200": operations.response("The withdrawal.", ref("Withdrawal"), WITHDRAWAL),
        **operations.problems(*operations.ALWAYS, "not_found"),
    },
}
CREATE_WITHDRAWAL: operations.Operation = {
    "operationId": "createWithdrawal",
    "tags": ["Players"],
    "summary": "Tell us of a withdrawal",
    "description": "After you have paid it out. It counts for its source up to what is left there; more is refused "
    "unless `rest_to` says where the rest went. Limits of net deposits count all of it, and the player's balance falls "
    "by what went back, as far as it goes. Needs a key with the scope `withdrawals:write`. 201 the first time, 200 "
    "when the same key and body come again.",
    "parameters": [operations.PLAYER_PATH, operations.KEY_HEADER],
    "requestBody": operations.body("CreateWithdrawal", CREATE),
    "responses": {
        "200": operations.response(
            "The key was used before: nothing new happened.",
            ref("Withdrawal"),
            WITHDRAWAL,
            {"Idempotent-Replayed": "IdempotentReplayed"},
        ),
        "201": operations.response("Recorded.", ref("Withdrawal"), WITHDRAWAL, {"Location": "Location"}),
        **operations.problems(
            *operations.ALWAYS,
            *operations.WRITING,
            *operations.BODY,
            "not_found",
            "source_unknown",
            "above_source",
        ),
    },
}
