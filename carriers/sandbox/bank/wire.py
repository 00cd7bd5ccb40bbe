"""What clients send: OBWriteDomesticConsent4 and OBWriteDomestic2, checked strictly.

Bodies are kept as they came: what the customer approves is the client's own text, and a payment must repeat it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from carriers.sandbox.bank.refusals import BankRefused, bad
from carriers.sandbox.clock import read_stamp

SORT_CODE_ACCOUNT = "UK.OBIE.SortCodeAccountNumber"
CURRENCY = "GBP"
SCHEMES = (SORT_CODE_ACCOUNT, "UK.OBIE.IBAN")

_SORT_CODE_ACCOUNT = re.compile(r"[0-9]{14}\Z")
_AT = re.compile(r"(?P<text>.*?)(?: - at `\$\.?(?P<path>.*)`)?\Z", re.DOTALL)
_FIELD = re.compile(r"field `(?P<name>[^`]*)`")

Text35 = Annotated[str, Meta(min_length=1, max_length=35)]
Text140 = Annotated[str, Meta(min_length=1, max_length=140)]
Json = dict[str, Any]


class _Strict(Struct, rename="pascal", forbid_unknown_fields=True):
    """An object with `additionalProperties: false`."""


class _Open(Struct, rename="pascal"):
    """An object that may have more members."""


class InstructedAmount(_Strict):
    amount: Annotated[str, Meta(pattern=r"^(\d{1,13}|\d{1,13}\.\d{1,5})\Z")]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]


class DebtorAccount(_Strict):
    scheme_name: str
    identification: Annotated[str, Meta(min_length=1, max_length=256)]
    name: Annotated[str, Meta(min_length=1, max_length=350)] | UnsetType = UNSET
    secondary_identification: Annotated[str, Meta(min_length=1, max_length=34)] | UnsetType = UNSET
    proxy: Json | UnsetType = UNSET


class CreditorAccount(_Strict):
    scheme_name: str
    identification: Annotated[str, Meta(min_length=1, max_length=256)]
    name: Annotated[str, Meta(min_length=1, max_length=350)]
    secondary_identification: Annotated[str, Meta(min_length=1, max_length=34)] | UnsetType = UNSET
    proxy: Json | UnsetType = UNSET


class RemittanceInformation(_Open):
    """Of either version; `older.check_version` tells them apart."""

    structured: list[Json] | UnsetType = UNSET
    unstructured: list[Text140] | Text140 | UnsetType = UNSET
    reference: Text35 | UnsetType = UNSET


class Initiation(_Strict):
    instruction_identification: Text35
    end_to_end_identification: Text35
    instructed_amount: InstructedAmount
    creditor_account: CreditorAccount
    local_instrument: str | UnsetType = UNSET
    debtor_account: DebtorAccount | UnsetType = UNSET
    creditor_agent: Json | UnsetType = UNSET
    creditor_postal_address: Json | UnsetType = UNSET
    ultimate_creditor: Json | UnsetType = UNSET
    ultimate_debtor: Json | UnsetType = UNSET
    regulatory_reporting: Annotated[list[Json], Meta(max_length=10)] | UnsetType = UNSET
    remittance_information: RemittanceInformation | UnsetType = UNSET
    supplementary_data: Json | UnsetType = UNSET


class Risk(_Strict):
    payment_context_code: str | UnsetType = UNSET
    merchant_category_code: Annotated[str, Meta(min_length=3, max_length=4)] | UnsetType = UNSET
    merchant_customer_identification: Annotated[str, Meta(min_length=1, max_length=70)] | UnsetType = UNSET
    contract_present_indicator: bool | UnsetType = UNSET
    beneficiary_prepopulated_indicator: bool | UnsetType = UNSET
    payment_purpose_code: str | UnsetType = UNSET
    category_purpose_code: str | UnsetType = UNSET
    beneficiary_account_type: str | UnsetType = UNSET
    delivery_address: Json | UnsetType = UNSET


class Authorisation(_Strict):
    authorisation_type: Literal["Any", "Single"]
    completion_date_time: str | UnsetType = UNSET


class ScaSupportData(_Open):
    applied_authentication_approach: Literal["CA", "SCA"] | UnsetType = UNSET


class ConsentData(_Strict):
    initiation: Initiation
    read_refund_account: Literal["Yes", "No"] | UnsetType = UNSET
    authorisation: Authorisation | UnsetType = UNSET
    sca_support_data: ScaSupportData | UnsetType = msgspec.field(name="SCASupportData", default=UNSET)


class ConsentRequest(_Strict):
    """OBWriteDomesticConsent4."""

    data: ConsentData
    risk: Risk


class PaymentData(_Strict):
    consent_id: Annotated[str, Meta(min_length=1, max_length=128)]
    initiation: Initiation


class PaymentRequest(_Strict):
    """OBWriteDomestic2."""

    data: PaymentData
    risk: Risk


_Schema = TypeVar("_Schema", ConsentRequest, PaymentRequest)


def read_body(schema: type[_Schema], body: bytes) -> tuple[_Schema, Json]:
    """The checked body, and the same as plain JSON. Raises 400: U010, U004, U005 or U002, with the field's path."""
    try:
        plain = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise bad("U010", "The body must be JSON.") from None
    try:
        asked = msgspec.convert(plain, schema)
    except msgspec.ValidationError as wrong:
        raise _of_field(str(wrong)) from None
    return asked, plain


def amount_minor(initiation: Initiation) -> int:
    """The amount in pence. Raises 400 U023 for another currency, U002 for nothing or parts of a penny."""
    amount = initiation.instructed_amount
    if amount.currency != CURRENCY:
        raise bad("U023", "Payments are made in GBP.", "Data.Initiation.InstructedAmount.Currency")
    minor = Decimal(amount.amount) * 100
    if minor % 1 or minor <= 0:
        raise bad(
            "U002", "The amount must be above 0, in whole pence.", "Data.Initiation.InstructedAmount.Amount"
        )
    return int(minor)


def check_accounts(initiation: Initiation) -> None:
    """Raises 400 U027 for a scheme that is not served, U021 for a number that has not its form."""
    accounts: dict[str, DebtorAccount | CreditorAccount | UnsetType] = {
        "CreditorAccount": initiation.creditor_account,
        "DebtorAccount": initiation.debtor_account,
    }
    for name, account in accounts.items():
        if isinstance(account, UnsetType):
            continue
        path = f"Data.Initiation.{name}"
        if account.scheme_name not in SCHEMES:
            raise bad("U027", f"Schemes served: {', '.join(SCHEMES)}.", f"{path}.SchemeName")
        if account.scheme_name == SORT_CODE_ACCOUNT and not _SORT_CODE_ACCOUNT.match(account.identification):
            raise bad(
                "U021", "Six digits of sort code and eight of account number.", f"{path}.Identification"
            )


def completion_at(consent: ConsentData) -> float | None:
    """When the customer must have approved, if the client says so. Raises 400 U002."""
    if isinstance(consent.authorisation, UnsetType):
        return None
    text = consent.authorisation.completion_date_time
    if isinstance(text, UnsetType):
        return None
    at = read_stamp(text)
    if at is None:
        raise bad("U002", "RFC 3339 with a time zone.", "Data.Authorisation.CompletionDateTime")
    return at


def difference(mine: object, theirs: object, path: str = "") -> str | None:
    """The path of the first member in which two JSON values differ, or None when they are equal."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for name in sorted({*mine, *theirs}):
            below = f"{path}.{name}" if path else str(name)
            if name not in mine or name not in theirs:
                return below
            if found := difference(mine[name], theirs[name], below):
                return found
        return None
    # True equals 1 for Python, not for JSON.
    return None if type(mine) is type(theirs) and mine == theirs else path


def _of_field(text: str) -> BankRefused:
    found = _AT.match(text)
    path = (found["path"] or "") if found else ""
    named = _FIELD.search(text)
    if named is None:
        return bad("U002", text, path)
    path = f"{path}.{named['name']}" if path else named["name"]
    return bad("U004" if "missing" in text else "U005", text, path)
