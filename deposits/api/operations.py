"""The operations as the schema describes them; each view names its own."""

from __future__ import annotations

from typing import Any

from deposits.api import checks, examples, paging
from deposits.api.kinds import KINDS, SITE_CODES
from deposits.api.schema_parts import ref

Operation = dict[str, Any]

_REQUEST_ID = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
_EXTRA_HEADERS = {
    401: ("WWW-Authenticate", "WwwAuthenticate"),
    429: ("Retry-After", "RetryAfter"),
    502: ("Retry-After", "RetryAfter"),
    503: ("Retry-After", "RetryAfter"),
}
# What any address may answer.
ALWAYS = (
    "bad_request",
    "query_invalid",
    "unauthenticated",
    "scope_missing",
    "something_went_wrong",
    "no_answer",
    "busy",
)
WRITING = ("idempotency_key_missing", "idempotency_key_malformed", "idempotency_key_reused")
BODY = ("body_malformed", "body_too_large", "media_type_not_supported", "validation_failed")
_CREATING = (
    "method_not_supported",
    "currency_not_supported",
    "carrier_not_supported",
    "bank_unknown",
    "return_url_not_registered",
    "amount_out_of_range",
    "carrier_payment_limit",
    "carrier_monthly_limit",
    "limit_reached",
    "limit_would_exceed",
    "time_out_active",
    "self_excluded",
    "under_age",
    "checks_needed",
    "too_many_requests",
    "player_unknown",
    "not_accepted",
)


def _json(schema: dict[str, Any], example: Any = None) -> dict[str, Any]:
    return {"application/json": {"schema": schema, **({} if example is None else {"example": example})}}


def response(
    description: str, schema: dict[str, Any], example: Any, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the description of an answer. `headers`: what it has besides the request id, by name of the component."""
    named = {
        name: {"$ref": f"#/components/headers/{component}"} for name, component in (headers or {}).items()
    }
    return {
        "description": description,
        "headers": {**_REQUEST_ID, **named},
        "content": _json(schema, example),
    }


def problems(*codes: str) -> dict[str, Any]:
    """Return one response for each status, with the codes that it can have."""
    kinds = {**KINDS, **SITE_CODES}
    responses: dict[str, Any] = {}
    for status in sorted({kinds[code].status for code in codes}):
        named = [f"`{code}`: {kinds[code].title}." for code in codes if kinds[code].status == status]
        headers = dict(_REQUEST_ID)
        if status in _EXTRA_HEADERS:
            name, component = _EXTRA_HEADERS[status]
            headers[name] = {"$ref": f"#/components/headers/{component}"}
        responses[str(status)] = {
            "description": " ".join(named),
            "headers": headers,
            "content": {"application/problem+json": {"schema": ref("Problem")}},
        }
    return responses


def parameter(place: str, name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a parameter; `place` is "path", "query" or "header"."""
    required = place != "query"
    return {"name": name, "in": place, "required": required, "description": description, "schema": schema}


KEY_HEADER = parameter(
    "header",
    "Idempotency-Key",
    "Your name for this one act. Send the same key and body again until you know what became of it.",
    {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[ -~]+$",
        "examples": ["order-77-deposit"],
    },
)
#: Which page of a list.
PAGE = (
    parameter(
        "query",
        "limit",
        "How many.",
        {"type": "integer", "minimum": 1, "maximum": paging.MOST_LIMIT, "default": paging.DEFAULT_LIMIT},
    ),
    parameter("query", "after", "The `next_cursor` of the page before.", {"type": "string"}),
)
DEPOSIT_PATH = parameter(
    "path", "deposit_id", "The deposit's id (`dep_…`), or its reference (`D-…`).", {"type": "string"}
)


def body(name: str, example: Any, *, required: bool = True) -> dict[str, Any]:
    """Return the description of a request's body: the schema `name`."""
    return {"required": required, "content": _json(ref(name), example)}


CREATE_DEPOSIT: Operation = {
    "operationId": "createDeposit",
    "tags": ["Deposits"],
    "summary": "Take a deposit",
    "description": "Accepts the deposit and answers at once; a worker then asks the carrier, or asks the bank "
    "where the player is to approve (`next_action`). The answer is 201 the "
    "first time, and 200 with the deposit as it is now when the same key and body come again. White space and the "
    "order of fields do not count as another body.",
    "parameters": [KEY_HEADER],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": ref("CreateDeposit"),
                "examples": {
                    "phone_bill": {"summary": "By phone bill", "value": examples.CREATE},
                    "bank": {"summary": "From a bank", "value": examples.CREATE_FROM_BANK},
                },
            }
        },
    },
    "responses": {
        "200": response(
            "The key was used before: the deposit as it is now.",
            ref("Deposit"),
            examples.DEPOSIT,
            {"Idempotent-Replayed": "IdempotentReplayed"},
        ),
        "201": response("Accepted.", ref("Deposit"), examples.DEPOSIT, {"Location": "Location"}),
        **problems(*ALWAYS, *WRITING, *BODY, *_CREATING),
    },
}

LIST_DEPOSITS: Operation = {
    "operationId": "listDeposits",
    "tags": ["Deposits"],
    "summary": "List deposits",
    "description": "Newest first. Filters combine; a parameter that is not listed here is refused.",
    "parameters": [
        *PAGE,
        parameter("query", "status", "Only these.", {"type": "string", "enum": list(paging.STATES_OF)}),
        parameter(
            "query",
            "player",
            "Your own name for the player.",
            {"type": "string", "pattern": checks.PLAYER_PATTERN},
        ),
        parameter(
            "query",
            "partner_reference",
            "Your own name for the deposit.",
            {"type": "string", "minLength": 1, "maxLength": checks.PARTNER_REFERENCE_CHARACTERS},
        ),
        parameter("query", "reference", "Ours.", {"type": "string", "pattern": checks.REFERENCE_PATTERN}),
        parameter(
            "query",
            "created_from",
            "At this time or later, with its zone.",
            {"type": "string", "format": "date-time"},
        ),
        parameter(
            "query",
            "created_to",
            "Before this time, with its zone.",
            {"type": "string", "format": "date-time"},
        ),
    ],
    "responses": {"200": response("One page.", ref("DepositList"), examples.PAGE), **problems(*ALWAYS)},
}

GET_DEPOSIT: Operation = {
    "operationId": "getDeposit",
    "tags": ["Deposits"],
    "summary": "Read a deposit",
    "description": "The truth as of now: `status` says what to do, `money` where the money is.",
    "parameters": [DEPOSIT_PATH],
    "responses": {
        "200": response("The deposit.", ref("Deposit"), examples.DEPOSIT),
        **problems(*ALWAYS, "not_found"),
    },
}

CONFIRM_DEPOSIT: Operation = {
    "operationId": "confirmDeposit",
    "tags": ["Deposits"],
    "summary": "Hand over the one-time code",
    "description": "When `next_action` asks for a code. The carrier checks it afterwards: the answer is the deposit "
    "as it is now, and a wrong code shows as `reason` with another `next_action`.",
    "parameters": [DEPOSIT_PATH, KEY_HEADER],
    "requestBody": body("Confirm", {"code": "123456"}),
    "responses": {
        "200": response("The code was handed over.", ref("Deposit"), examples.DEPOSIT),
        **problems(*ALWAYS, *WRITING, *BODY, "code_malformed", "not_found", "not_possible_now"),
    },
}

CANCEL_DEPOSIT: Operation = {
    "operationId": "cancelDeposit",
    "tags": ["Deposits"],
    "summary": "Cancel a deposit",
    "description": "Possible before it is sent to the carrier, and while a code or an approval is awaited: then the "
    "carrier is asked to void it, and it is `cancelled` once the carrier has said so. After that it is 409.",
    "parameters": [DEPOSIT_PATH, KEY_HEADER],
    "requestBody": body("Nothing", {}, required=False),
    "responses": {
        "200": response("Cancelled, or about to be.", ref("Deposit"), examples.DEPOSIT),
        **problems(*ALWAYS, *WRITING, *BODY, "not_found", "not_possible_now"),
    },
}

LIST_METHODS: Operation = {
    "operationId": "listMethods",
    "tags": ["Methods"],
    "summary": "List the ways to pay",
    "description": "Phone bill with each carrier, and each bank with its `bank_id`, with what they take.",
    "parameters": [],
    "responses": {
        "200": response("All of them.", ref("MethodList"), examples.METHODS),
        **problems(*ALWAYS),
    },
}

GET_TIMELINE: Operation = {
    "operationId": "getTimeline",
    "tags": ["Deposits"],
    "summary": "What happened to a deposit",
    "description": "Every event in order, and each time we went to the carrier.",
    "parameters": [DEPOSIT_PATH],
    "responses": {
        "200": response("The timeline.", ref("Timeline"), examples.TIMELINE),
        **problems(*ALWAYS, "not_found"),
    },
}

GET_CONSENT: Operation = {
    "operationId": "getConsent",
    "tags": ["Deposits"],
    "summary": "What the player was told and agreed to",
    "description": "The evidence of one deposit, for disputes: the words of the button, the price, the number or bank, "
    "what the player did to prove it was them, the time, and the rules in their versions. `words` and `language` are "
    "null where you showed them and did not send them with the deposit. 404 also for a deposit of the time before "
    "evidence was kept.",
    "parameters": [DEPOSIT_PATH],
    "responses": {
        "200": response("The evidence.", ref("Consent"), examples.CONSENT),
        **problems(*ALWAYS, "not_found"),
    },
}

ASK_ELIGIBILITY: Operation = {
    "operationId": "askEligibility",
    "tags": ["Players"],
    "summary": "What a player may deposit",
    "description": "Every check and rule that applies, with the figures used, and the amounts that would pass by each "
    "way to pay. It changes nothing, and promises nothing: a deposit is checked again when it is accepted. Without an "
    "amount it is about the least there is; without a method, about each of the player's numbers and each bank. With a "
    "test key, a player not seen before is taken for a new one.",
    "parameters": [],
    "requestBody": body("AskEligibility", examples.ASK_ELIGIBILITY),
    "responses": {
        "200": response("How it stands.", ref("Eligibility"), examples.ELIGIBILITY),
        **problems(*ALWAYS, *BODY, "method_not_supported", "bank_unknown", "player_unknown"),
    },
}

PLAYER_PATH = parameter(
    "path",
    "player",
    "Your own name for the player.",
    {"type": "string", "pattern": checks.PLAYER_PATTERN},
)

GET_PLAYER: Operation = {
    "operationId": "getPlayer",
    "tags": ["Players"],
    "summary": "Read a player",
    "description": "Balance, limits, breaks, and whether anything about the player stands in the way of a deposit.",
    "parameters": [PLAYER_PATH],
    "responses": {
        "200": response("The player.", ref("Player"), examples.PLAYER),
        **problems(*ALWAYS, "not_found"),
    },
}

PUT_PLAYER: Operation = {
    "operationId": "putPlayer",
    "tags": ["Players"],
    "summary": "Create a player, or say anew who they are",
    "description": "With a live key this comes before the first deposit. The same request again changes nothing, so it "
    "needs no Idempotency-Key.",
    "parameters": [PLAYER_PATH],
    "requestBody": body("PutPlayer", examples.PUT_PLAYER),
    "responses": {
        "200": response("The player as they are now.", ref("Player"), examples.PLAYER),
        **problems(*ALWAYS, *BODY, "not_possible_now"),
    },
}

PATCH_PLAYER: Operation = {
    "operationId": "patchPlayer",
    "tags": ["Players"],
    "summary": "Change what is known of a player",
    "description": "Only what the body names. The same request again changes nothing.",
    "parameters": [PLAYER_PATH],
    "requestBody": body("PatchPlayer", {"identity": "verified", "birth_date": "1990-05-17"}),
    "responses": {
        "200": response("The player as they are now.", ref("Player"), examples.PLAYER),
        **problems(*ALWAYS, *BODY, "not_found"),
    },
}

BEGIN_BREAK: Operation = {
    "operationId": "beginBreak",
    "tags": ["Players"],
    "summary": "Begin a time-out or a self-exclusion",
    "description": "From now on, for as long as the player asked for. Nobody can end it early: not you, not our staff. "
    "A deposit that was accepted and has not been sent to the carrier is not charged.",
    "parameters": [PLAYER_PATH, KEY_HEADER],
    "requestBody": body("BeginBreak", {"type": "time_out", "hours": 24}),
    "responses": {
        "200": response("The player as they are now.", ref("Player"), examples.PLAYER),
        **problems(*ALWAYS, *WRITING, *BODY, "not_found"),
    },
}

CHANGE_LIMITS: Operation = {
    "operationId": "changeLimits",
    "tags": ["Players"],
    "summary": "Change a player's own deposit limits",
    "description": "Only what the player asked for. Lower limits hold at once. A higher one, or none, waits 24 hours "
    "and then for the player's own `confirm_raise`; until then the answer shows it as `raise`.",
    "parameters": [PLAYER_PATH, KEY_HEADER],
    "requestBody": body("ChangeLimits", {"act": "set", "period": "week", "amount": 10000}),
    "responses": {
        "200": response("The player as they are now.", ref("Player"), examples.PLAYER),
        **problems(*ALWAYS, *WRITING, *BODY, "not_found", "not_possible_now"),
    },
}
