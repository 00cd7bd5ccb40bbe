"""What clients send: the request schemas of CAMARA Carrier Billing 0.5 and their checks.

Amounts are read from the digits of the JSON number as `Decimal`; no float is ever made of them.
"""

from __future__ import annotations

import re
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from carriers.sandbox.clock import read_stamp
from carriers.sandbox.errors import (
    INVALID_CREDENTIAL,
    INVALID_SINK,
    INVALID_TOKEN,
    MISSING_IDENTIFIER,
    Refused,
    invalid,
)

BODY_LIMIT_BYTES = 65_536
# Above this `Decimal` could not tell a multiple of 0.001 any more; no phone bill is as large.
AMOUNT_LIMIT = Decimal(10**12)
AMOUNT_STEP = Decimal("0.001")
FEE_STEP = Decimal("0.01")

_TOKEN = re.compile(r"[\x21-\x7e]+\Z")
_URI = re.compile(r"[\x21-\x7e]+\Z")


class Amount(Decimal):
    """A JSON number, exactly as written. A string that looks like a number is refused."""


PhoneNumber = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{4,14}\Z")]


class _Body(Struct, rename="camel", omit_defaults=True):
    """A JSON object; members the specification does not name are ignored."""


class ChargingInformation(_Body):
    amount: Amount
    currency: str
    description: str
    is_tax_included: bool | UnsetType = UNSET
    tax_amount: Amount | UnsetType = UNSET


class ChargingMetaData(_Body):
    merchant_name: str | UnsetType = UNSET
    merchant_identifier: str | UnsetType = UNSET
    fee: Amount | UnsetType = UNSET
    purchase_category_code: str | UnsetType = UNSET
    channel: str | UnsetType = UNSET
    service_id: str | UnsetType = UNSET
    product_id: str | UnsetType = UNSET


class PaymentItem(_Body):
    id: str
    amount: Amount
    currency: str
    description: str
    is_tax_included: bool | UnsetType = UNSET
    tax_amount: Amount | UnsetType = UNSET


class PaymentAmount(_Body):
    charging_information: ChargingInformation
    charging_meta_data: ChargingMetaData | UnsetType = UNSET
    payment_details: Annotated[list[PaymentItem], Meta(min_length=1)] | UnsetType = UNSET


class AmountTransaction(_Body):
    payment_amount: PaymentAmount
    reference_code: str
    phone_number: PhoneNumber | UnsetType = UNSET
    client_correlator: str | UnsetType = UNSET


class SinkCredential(_Body):
    credential_type: str
    access_token: str | UnsetType = UNSET
    access_token_expires_utc: str | UnsetType = UNSET
    access_token_type: str | UnsetType = UNSET


class PaymentRequest(_Body):
    """Body of POST /payments and of /payments/prepare, which have the same schema."""

    amount_transaction: AmountTransaction
    sink: str | UnsetType = UNSET
    sink_credential: SinkCredential | UnsetType = UNSET


class ValidateRequest(_Body):
    authorization_id: str
    code: str


class SecondStepRequest(_Body):
    phone_number: PhoneNumber | UnsetType = UNSET


class RefundAmount(_Body):
    charging_information: ChargingInformation | UnsetType = UNSET
    charging_meta_data: ChargingMetaData | UnsetType = UNSET


class RefundTransaction(_Body):
    refund_amount: RefundAmount
    reference_code: str
    client_correlator: str | UnsetType = UNSET


class RefundRequest(_Body):
    """Body of POST /payments/{paymentId}/refunds, in an API of its own."""

    type: Annotated[str, Meta(pattern=r"^(total|partial)\Z")]
    amount_transaction: RefundTransaction
    reason: str | UnsetType = UNSET


def read_number(kind: type, value: Any) -> Any:
    """Decoding hook for `Amount`. Raises `ValueError` for anything but a JSON number."""
    if kind is Amount and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Amount(value)
    raise ValueError("Expected a JSON number")


def write_number(value: Any) -> Any:
    """Encoding hook: `Amount` leaves as the JSON number it came as."""
    if isinstance(value, Amount):
        return Decimal(value)
    raise NotImplementedError(f"{type(value).__name__} has no JSON form here")


encode = msgspec.json.Encoder(decimal_format="number", enc_hook=write_number).encode
decode_plain = msgspec.json.Decoder(float_hook=Decimal).decode

_Schema = TypeVar("_Schema", PaymentRequest, ValidateRequest, SecondStepRequest, RefundRequest)
_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {
    schema: msgspec.json.Decoder(schema, dec_hook=read_number, float_hook=Decimal)
    for schema in (PaymentRequest, ValidateRequest, SecondStepRequest, RefundRequest)
}


def read_body(schema: type[_Schema], body: bytes) -> _Schema:
    """Read a JSON body. Raises 400 INVALID_ARGUMENT naming the place and what was expected there."""
    try:
        asked: _Schema = _DECODERS[schema].decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as wrong:
        raise invalid(f"Client specified an invalid argument, request body or query param. {wrong}") from None
    return asked


def read_payment_request(body: bytes) -> PaymentRequest:
    """Read and check the body of create and prepare. Raises 400, or 422 when `phoneNumber` is missing."""
    asked = read_body(PaymentRequest, body)
    _check_amounts(asked.amount_transaction.payment_amount)
    if asked.sink is not UNSET:
        _check_sink(asked.sink)
    if asked.sink_credential is not UNSET:
        _check_credential(asked.sink_credential)
    if asked.amount_transaction.phone_number is UNSET:
        raise Refused(MISSING_IDENTIFIER)
    return asked


def _check_amounts(amount: PaymentAmount) -> None:
    items: list[ChargingInformation | PaymentItem] = [amount.charging_information]
    if amount.payment_details is not UNSET:
        items.extend(amount.payment_details)
    for item in items:
        _check_number("amount", item.amount, AMOUNT_STEP, AMOUNT_STEP)
        if item.tax_amount is not UNSET:
            _check_number("taxAmount", item.tax_amount, AMOUNT_STEP, Decimal(0))
    metadata = amount.charging_meta_data
    if metadata is not UNSET and metadata.fee is not UNSET:
        _check_number("fee", metadata.fee, FEE_STEP, -AMOUNT_LIMIT)


def _check_number(name: str, value: Decimal, step: Decimal, minimum: Decimal) -> None:
    if not minimum <= value <= AMOUNT_LIMIT or value % step:
        raise invalid(
            f"{name} is {value:.30g}: a number from {minimum} to {AMOUNT_LIMIT} in steps of {step} is right."
        )


def _check_sink(sink: str) -> None:
    try:
        parts = urlsplit(sink)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Refused(INVALID_SINK) from None
    plain_to_loopback = sink.startswith("http://") and is_loopback(host)
    if not host or not _URI.match(sink) or not (sink.startswith("https://") or plain_to_loopback):
        raise Refused(INVALID_SINK)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: `localhost` or a loopback address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_credential(credential: SinkCredential) -> None:
    if credential.credential_type in ("PLAIN", "REFRESHTOKEN"):
        raise Refused(INVALID_CREDENTIAL)
    if credential.credential_type != "ACCESSTOKEN":
        raise invalid("sinkCredential.credentialType must be PLAIN, ACCESSTOKEN or REFRESHTOKEN.")
    token, expires = credential.access_token, credential.access_token_expires_utc
    if credential.access_token_type is UNSET or token is UNSET or expires is UNSET:
        raise invalid("sinkCredential needs accessToken, accessTokenExpiresUtc and accessTokenType.")
    if credential.access_token_type != "bearer":
        raise Refused(INVALID_TOKEN)
    if not _TOKEN.match(token):
        raise invalid("sinkCredential.accessToken must be visible ASCII, fit for an Authorization header.")
    if read_stamp(expires) is None:
        raise invalid("sinkCredential.accessTokenExpiresUtc must be RFC 3339 with a time zone.")
