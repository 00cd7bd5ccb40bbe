"""The bodies that partners send, read into typed structures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from carriers import registry
from deposits.api import checks
from deposits.api.fields import Field, Group, Variants, errors_in, refuse


class Method(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A way to pay: by the phone number, or from the bank. Encoded with what was sent, and nothing else."""

    type: str
    phone_number: str = ""
    bank_id: str = ""


class ShownConsent(msgspec.Struct, forbid_unknown_fields=True):
    """What the partner showed the player on the button, and in which language."""

    words: str
    language: str


class CreateDeposit(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The body of POST /deposits. Encoded without what was left out, so that null and absent mean the same."""

    player: str
    amount: int
    currency: str
    method: Method
    partner_reference: str | None = None
    return_url: str | None = None
    device: str | None = None
    consent: ShownConsent | None = None


class CreateRefund(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /deposits/{id}/refunds. Without an amount it is all that is left."""

    reason: str
    amount: int | None = None
    note: str | None = None


class CreateWithdrawal(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /players/{player}/withdrawals."""

    source: str
    amount: int
    rest_to: str | None = None
    partner_reference: str | None = None


_KIND = Field(str, checks.method_type)
#: A way to pay, as bodies name it.
METHOD = Variants(
    by="type",
    check=checks.method_type,
    groups={
        registry.CARRIER_BILLING: Group({"type": _KIND, "phone_number": Field(str, checks.phone_number)}),
        registry.BANK: Group({"type": _KIND, "bank_id": Field(str, checks.bank_id)}),
    },
    usual=registry.CARRIER_BILLING,
)


def _create(return_url: Field) -> Group:
    return Group(
        {
            "player": Field(str, checks.player),
            "amount": Field(int, checks.amount),
            "currency": Field(str, checks.currency),
            "partner_reference": Field(str, checks.partner_reference, required=False),
            "method": METHOD,
            "return_url": return_url,
            "device": Field(str, checks.device, required=False),
            "consent": Group(
                {"words": Field(str, checks.words), "language": Field(str, checks.language)}, required=False
            ),
        }
    )


_CREATE = {
    "live": _create(Field(str, checks.return_url, required=False)),
    "test": _create(Field(str, checks.test_return_url, required=False)),
}
_CONFIRM = Group({"code": Field(str, checks.code)})
_CANCEL = Group({})
_REFUND = Group(
    {
        "amount": Field(int, checks.amount, required=False),
        "reason": Field(str, checks.refund_reason),
        "note": Field(str, checks.note, required=False),
    }
)

_WITHDRAWAL = Group(
    {
        "source": Field(str, checks.source),
        "amount": Field(int, checks.amount),
        "rest_to": Field(str, checks.partner_reference, required=False),
        "partner_reference": Field(str, checks.partner_reference, required=False),
    }
)


def create_deposit(raw: Mapping[str, Any], mode: str) -> CreateDeposit:
    """Read a deposit to create. `mode` is the key's, "test" or "live".

    Raises `Problem` (422) that names each wrong field.
    """
    if errors := errors_in(raw, _CREATE[mode]):
        refuse(errors)
    return msgspec.convert(raw, CreateDeposit)


def confirm_code(raw: Mapping[str, Any]) -> str:
    """Read the player's one-time code. Raises `Problem` (422)."""
    if errors := errors_in(raw, _CONFIRM):
        refuse(errors)
    return str(raw["code"])


def create_refund(raw: Mapping[str, Any]) -> CreateRefund:
    """Read what to give back. Raises `Problem` (422) that names each wrong field."""
    if errors := errors_in(raw, _REFUND):
        refuse(errors)
    return msgspec.convert(raw, CreateRefund)


def create_withdrawal(raw: Mapping[str, Any]) -> CreateWithdrawal:
    """Read what was paid out. Raises `Problem` (422) that names each wrong field."""
    if errors := errors_in(raw, _WITHDRAWAL):
        refuse(errors)
    return msgspec.convert(raw, CreateWithdrawal)


def nothing(raw: Mapping[str, Any]) -> None:
    """Make sure that a body says nothing. Raises `Problem` (422)."""
    if errors := errors_in(raw, _CANCEL):
        refuse(errors)
