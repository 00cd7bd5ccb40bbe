"""Every kind of problem that the API answers with: one table, which the answers, the schema and the docs share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `title` never varies; `advice` says what the caller does about it."""

    status: int
    title: str
    advice: str


KINDS: dict[str, Kind] = {
    "body_malformed": Kind(
        400,
        "The body is not usable JSON",
        "Send one JSON object in UTF-8: no byte order mark, no key twice, at most 32 levels deep.",
    ),
    "idempotency_key_missing": Kind(
        400,
        "The Idempotency-Key header is missing",
        "Send a key of your own with each write, and the same key again until you know what became of it.",
    ),
    "idempotency_key_malformed": Kind(
        400,
        "The Idempotency-Key header is malformed",
        "Send 1 to 255 printable ASCII characters.",
    ),
    "query_invalid": Kind(
        400,
        "A query parameter is not usable",
        "`errors` names the parameter. Parameters that we do not know are refused, not ignored.",
    ),
    "unauthenticated": Kind(
        401,
        "Not authenticated",
        "Send `Authorization: Bearer <your API key>`. A key that was sent in an address must be replaced.",
    ),
    "scope_missing": Kind(
        403,
        "The key may not do this",
        "Use a key with the scope that `detail` names.",
    ),
    "not_found": Kind(
        404,
        "Not found",
        "Check the id. The answer is the same for what never existed and for what is not yours.",
    ),
    "method_not_allowed": Kind(
        405,
        "Method not allowed",
        "Use a method that the `Allow` header lists.",
    ),
    "not_possible_now": Kind(
        409,
        "Not possible in this state",
        "Read the deposit: it has moved on. Nothing was done.",
    ),
    "too_many_requests": Kind(
        429,
        "Too many failed attempts of late",
        "Wait as long as `Retry-After` says, then send the same request with the same key. Show the player `reason`.",
    ),
    "body_too_large": Kind(
        413,
        "The body is too large",
        "Send at most 64 kB.",
    ),
    "media_type_not_supported": Kind(
        415,
        "The body is not declared as JSON",
        "Send `Content-Type: application/json`.",
    ),
    "validation_failed": Kind(
        422,
        "Some fields need another value",
        "`errors` names each field, what is wrong with it and what would be right. Nothing was done.",
    ),
    "idempotency_key_reused": Kind(
        422,
        "The idempotency key was used for something else",
        "Use a new key for a new request. To learn what became of the first one, send its own body again.",
    ),
    "method_not_supported": Kind(
        422,
        "This way to pay is not supported",
        "Use the method type that `errors` names.",
    ),
    "currency_not_supported": Kind(
        422,
        "This currency is not supported",
        "Use a currency that the number's carrier charges in, in capital letters.",
    ),
    "carrier_not_supported": Kind(
        422,
        "No carrier that we work with serves this number",
        "Offer the player another number.",
    ),
    "bank_unknown": Kind(
        422,
        "We do not work with this bank",
        "Send a `bank_id` that `GET /api/v1/methods` lists for the currency.",
    ),
    "return_url_not_registered": Kind(
        422,
        "The return address is not registered",
        "Send a `return_url` that begins with one of your registered addresses, or have another one registered.",
    ),
    "amount_out_of_range": Kind(
        422,
        "The amount is outside what the carrier or bank takes",
        "`errors` names the range, in minor units.",
    ),
    "carrier_payment_limit": Kind(
        422,
        "The carrier does not take this amount at once",
        "Send an amount that the eligibility of the player names.",
    ),
    "carrier_monthly_limit": Kind(
        422,
        "The number has used up what its carrier allows",
        "Show the player the words in `reason`; they say when it starts again.",
    ),
    "limit_reached": Kind(
        422,
        "The player has reached their deposit limit",
        "Show the player the words in `reason`. Do not offer another way to deposit.",
    ),
    "limit_would_exceed": Kind(
        422,
        "The amount is above what the player's limit leaves",
        "Show the player the words in `reason`; a smaller amount may be possible.",
    ),
    "time_out_active": Kind(
        422,
        "The player is taking a break",
        "Show the player the words in `reason`. Do not offer another way to deposit. `ends_at` says until when.",
    ),
    "self_excluded": Kind(
        422,
        "The player is self-excluded",
        "Show the player the words in `reason`. Do not offer another way to deposit. `ends_at` says until when.",
    ),
    "under_age": Kind(
        422,
        "The player is not old enough",
        "Show the player the words in `reason`. Do not offer another way to deposit.",
    ),
    "checks_needed": Kind(
        422,
        "The player's identity has to be verified first",
        "Verify the player and send the outcome with PUT /players/{player}; then send the deposit again.",
    ),
    "player_unknown": Kind(
        422,
        "The player is not known",
        "With a live key, players must exist before they deposit. With a test key they are created by the deposit.",
    ),
    "not_accepted": Kind(
        422,
        "The deposit cannot be taken",
        "Show the player the words in `reason`.",
    ),
    "refund_not_offered": Kind(
        422,
        "This deposit cannot be given back by us",
        "The way it came by takes no refunds. Give it back by hand.",
    ),
    "above_refundable": Kind(
        422,
        "The amount is above what is left to refund",
        "`detail` says how much is left, in minor units.",
    ),
    "balance_too_low": Kind(
        422,
        "The player's balance does not cover the refund",
        "The money has been played with. Refund less, or not at all.",
    ),
    "source_unknown": Kind(
        422,
        "The player has no such source",
        "Send the id of a source that `GET /players/{player}/sources` lists for this player.",
    ),
    "above_source": Kind(
        422,
        "The amount is above what is left to go back to this source",
        "`detail` says how much is left, in minor units. Send no more, or say in `rest_to` where the rest goes.",
    ),
    "code_malformed": Kind(
        422,
        "The one-time code cannot be a code",
        "Send the 4 to 8 digits that the player was sent.",
    ),
}

#: What the site answers outside the views, with `type` "about:blank": the request never got that far.
SITE_CODES: dict[str, Kind] = {
    "bad_request": Kind(400, "Bad request", "Send a request that follows HTTP."),
    "something_went_wrong": Kind(
        500,
        "Something went wrong",
        "Send the same request with the same key again; quote `request_id` if it stays.",
    ),
    # What the balancer says when an instance died over a request (502) or was too slow (504): deploy/haproxy.
    "no_answer": Kind(
        502,
        "No answer",
        "It is not known whether the request was carried out. Send the same request with the same key again; "
        "the same goes for 504.",
    ),
    "busy": Kind(
        503, "Busy", "Wait as long as `Retry-After` says and send the same request with the same key again."
    ),
}

#: Codes of single fields, in `errors`.
FIELD_CODES = {
    "missing": "the field is required",
    "unknown_field": "there is no such field",
    "wrong_type": "the field has another type",
    "out_of_range": "the number is too small or too large",
    "too_long": "the text is too long",
    "malformed": "the text does not have the right form",
    "card_number": "the text looks like a card number, which must never be sent to us",
    "repeated": "the query parameter was given more than once",
}
