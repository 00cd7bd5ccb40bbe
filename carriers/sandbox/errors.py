"""Refusals with the codes of CAMARA Carrier Billing 0.5, and the few an operator adds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """An ErrorInfo to answer with. `headers` are extra answer headers."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """Ends a request with `refusal`. Nothing was charged or kept, unless the raiser says so."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Dropped(Exception):
    """Ends a request by resetting the TCP connection before any byte of an answer."""


def invalid(message: str) -> Refused:
    """A 400 INVALID_ARGUMENT that names the field, what was wrong and what would be right."""
    return Refused(Refusal(400, "INVALID_ARGUMENT", message))


DUPLICATE_CORRELATOR = Refusal(400, "INVALID_ARGUMENT", "clientCorrelator already exist on server.")
WRONG_CURRENCY = Refusal(400, "INVALID_ARGUMENT", "Currency is unknown or not authorized.")
NOT_VALIDATED = Refusal(
    400, "INVALID_ARGUMENT", "The payment waits for its code: call /validate before /confirm."
)
INVALID_CREDENTIAL = Refusal(400, "INVALID_CREDENTIAL", "Only Access token is supported")
INVALID_TOKEN = Refusal(400, "INVALID_TOKEN", "Only bearer token is supported")
INVALID_SINK = Refusal(400, "INVALID_SINK", "sink not valid for the specified protocol")
INVALID_AUTHORIZATION_ID = Refusal(
    400, "CARRIER_BILLING.INVALID_AUTHORIZATION_ID", "Invalid authorizationId."
)
INVALID_CODE = Refusal(400, "CARRIER_BILLING.INVALID_CODE", "Invalid code.")
VALIDATION_FAILED = Refusal(
    400,
    "CARRIER_BILLING.VALIDATION_FAILED",
    "the maximum number of attempts have been consumed for this validation.",
)
INVALID_DATE_RANGE = Refusal(
    400, "CARRIER_BILLING.INVALID_DATE_RANGE", "Client specified an invalid date range."
)
UNAUTHENTICATED = Refusal(
    401,
    "UNAUTHENTICATED",
    "Request not authenticated due to missing, invalid, or expired credentials. "
    "A new authentication is required.",
    (("WWW-Authenticate", "Bearer"),),
)
PERMISSION_DENIED = Refusal(
    403, "PERMISSION_DENIED", "Client does not have sufficient permissions to perform this action."
)
PAYMENT_DENIED = Refusal(403, "CARRIER_BILLING.PAYMENT_DENIED", "Payment denied by business.")
NOT_FOUND = Refusal(404, "NOT_FOUND", "The specified resource is not found.")
IDENTIFIER_NOT_FOUND = Refusal(404, "IDENTIFIER_NOT_FOUND", "phoneNumber not found.")
ALREADY_VALIDATED = Refusal(409, "ALREADY_EXISTS", "Payment already validated")
PAYMENT_CONFIRMED = Refusal(409, "CARRIER_BILLING.PAYMENT_CONFIRMED", "Payment has been confirmed.")
PAYMENT_CANCELLED = Refusal(409, "CARRIER_BILLING.PAYMENT_CANCELLED", "Payment has been cancelled.")
SERVICE_NOT_APPLICABLE = Refusal(
    422, "SERVICE_NOT_APPLICABLE", "The service is not available for the provided identifier."
)
MISSING_IDENTIFIER = Refusal(422, "MISSING_IDENTIFIER", "The phone number cannot be identified.")
UNAUTHORIZED_AMOUNT = Refusal(422, "CARRIER_BILLING.UNAUTHORIZED_AMOUNT", "Unauthorized amount requested.")
THRESHOLD_OVERPASSED = Refusal(
    422,
    "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED",
    "Unauthorized payment request. Accumulated user mobile payments overpass account amount threshold.",
)
TOO_MANY_REQUESTS = Refusal(429, "TOO_MANY_REQUESTS", "Rate limit reached.", (("Retry-After", "3"),))
INTERNAL = Refusal(500, "INTERNAL", "Unknown server error. Typically a server bug.")
UNAVAILABLE = Refusal(503, "UNAVAILABLE", "Service Unavailable.")


def out_of_range(message: str) -> Refused:
    """A 400 OUT_OF_RANGE for `page` and `perPage`."""
    return Refused(Refusal(400, "OUT_OF_RANGE", message))


def method_not_allowed(allow: str) -> Refused:
    """A 405; `allow` lists the methods of the path."""
    return Refused(Refusal(405, "METHOD_NOT_ALLOWED", f"Use {allow} here.", (("Allow", allow),)))
