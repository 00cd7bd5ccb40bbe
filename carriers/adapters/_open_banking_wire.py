"""What we read of the bodies of UK Open Banking, and what its statuses and reasons are called. What may be missing has
a default.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field

from carriers import wire
from carriers.interface import HttpAnswer

#: What 3.1 calls what 4.0 names with four letters (ISO 20022).
_NAMES_3_1 = {
    "AwaitingAuthorisation": "AWAU",
    "Authorised": "AUTH",
    "Consumed": "COND",
    "Rejected": "RJCT",
    "Pending": "PDNG",
    "AcceptedSettlementInProcess": "ACSP",
    "AcceptedSettlementCompleted": "ACSC",
    "AcceptedWithoutPosting": "ACWP",
    "AcceptedCreditSettlementCompleted": "ACCC",
}
#: Why a consent or a payment was rejected (OBExternalStatusReason1Code), as far as it is told to players.
_REASONS = {
    "AM04": "bank_insufficient_funds",
    **dict.fromkeys(("AM02", "AM13", "AM14", "AM21", "AM23"), "bank_limit"),
    "BE01": "bank_name_mismatch",
    **dict.fromkeys(("CUST", "DS02", "U033"), "bank_not_approved"),
    **dict.fromkeys(("DS24", "U036"), "bank_approval_timeout"),
}
# They are stored, logged and put into a path: printable ASCII, and neither "." nor "..".
Id = Annotated[str, Meta(pattern=r"^(?!\.{1,2}\Z)[!-~]{1,100}\Z")]


class Amount(Struct, rename="pascal"):
    """An amount, as text with a point."""

    amount: Annotated[str, Meta(pattern=r"^\d{1,13}(\.\d{1,5})?\Z")]
    currency: str


class Account(Struct, rename="pascal"):
    """An account, as far as it is told."""

    scheme_name: str = ""
    identification: str = ""
    name: str = ""


class Initiation(Struct, rename="pascal"):
    """What was ordered, repeated by the bank."""

    instruction_identification: str
    end_to_end_identification: str
    instructed_amount: Amount
    creditor_account: Account


class Why(Struct, rename="pascal"):
    """A reason of a status."""

    status_reason_code: Annotated[str, Meta(pattern=r"^[!-~]{0,80}\Z")] = ""


class Authorisation(Struct, rename="pascal"):
    """Until when the approval is awaited."""

    completion_date_time: datetime | None = None


class Resource(Struct, rename="pascal"):
    """What a consent and a payment have in common."""

    consent_id: Id
    status: str
    initiation: Initiation
    status_reason: list[Why] = field(default_factory=list)
    debtor: Account | None = None


class Consent(Resource, rename="pascal"):
    """OBWriteDomesticConsentResponse5, its Data."""

    authorisation: Authorisation | None = None


class Refund(Struct, rename="pascal"):
    """Where a refund would go: the account that paid."""

    account: Account


class Payment(Resource, rename="pascal", kw_only=True):
    """OBWriteDomesticResponse5, its Data."""

    domestic_payment_id: Id
    refund: Refund | None = None


class Funds(Struct, rename="pascal"):
    """Whether the account has the money."""

    funds_available: bool


class FundsResult(Struct, rename="pascal"):
    """OBWriteFundsConfirmationResponse1, its Data."""

    funds_available_result: Funds


class Credential(Struct):
    """What we keep of a token. `until` is by the database's clock, seconds since 1970."""

    token: str
    until: float


class Error(Struct, rename="pascal"):
    """OBError1."""

    error_code: Annotated[str, Meta(pattern=r"^[!-~]{1,60}\Z")]


class Errors(Struct, rename="pascal"):
    """OBErrorResponse1."""

    errors: list[Error]


def status_of(told: Resource) -> str:
    """The status by its name in version 4.0."""
    return _NAMES_3_1.get(told.status, told.status)


def described(answer: HttpAnswer) -> str:
    """The status and the first error code, such as "400 U009"; the status alone where there is none."""
    try:
        codes = [error.error_code for error in wire.read(answer.body, Errors).errors]
    except ValueError:
        codes = []
    return " ".join((str(answer.status), *codes[:1]))


def why(rejected: Resource, default: str, blocks: Collection[str]) -> tuple[str, str]:
    """Our reason for a rejection, and the bank's. `blocks` are the bank's reasons that protect its customer."""
    codes = [one.status_reason_code for one in rejected.status_reason if one.status_reason_code]
    if blocked := [code for code in codes if code in blocks]:
        return "bank_gambling_block", blocked[0]
    known = [code for code in codes if code in _REASONS]
    return (_REASONS[known[0]], known[0]) if known else (default, codes[0] if codes else "RJCT")
