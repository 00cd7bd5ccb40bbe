"""What a player sends: amounts and numbers as people write them, and keys that make each form count once."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import phonenumbers
from django.core.signing import BadSignature, Signer

#: Value of the amount's radio button that stands for the text field.
OTHER = "other"
#: Values of the method's radio button. A phone of the player's is its number in our records; these two stand for the
#: fields in which a number or the name of a bank is typed, and before a bank's code stands the prefix.
NEW_NUMBER = "new"
ANOTHER_BANK = "another-bank"
BANK_PREFIX = "bank:"
#: In an address only: the bank of last time, or one to be chosen; and the phone of last time.
FROM_BANK, BY_PHONE = "bank", "phone"
#: More than anybody writes, and too little to be kept in an address for mischief.
_LONGEST_ENTRY = 20
_LONGEST_NAME = 60
#: Where a number without a country code belongs.
_REGION = "GB"

_SPACES = re.compile(r"[\s\u00a0\u202f]")
#: Thousands may be set apart by commas. Where people write a comma before the pence, that is understood as well.
_AMOUNT = re.compile(r"£?(\d{1,3}(?:,?\d{3})*|\d+)(?:[.,٫](\d{1,2}))?£?\Z", re.ASCII)

#: What cards are numbered with (ISO/IEC 7812-1), spaces and hyphens taken out.
_CARD = re.compile(r"\d{13,19}", re.ASCII)

_DEPOSIT_FORM, _COMMAND_FORM = "deposit-form", "deposit-command"


@cache
def _signer(salt: str) -> Signer:
    # Made on first use: commands that sign nothing need no key.
    return Signer(salt=salt)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field: the id of the field to go to, and what would be right."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """The deposit form as it was filled in."""

    amount: str
    method: str
    number: str
    bank: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Entry:
        """Read the fields out of request.POST, or out of what takes its place."""
        amount = str(data.get("amount", ""))
        return cls(
            amount=str(data.get("other", "") if amount == OTHER else amount).strip()[:_LONGEST_ENTRY],
            method=str(data.get("method", ""))[:_LONGEST_NAME],
            number=_typed(data, "number")[:_LONGEST_ENTRY],
            bank=_typed(data, "bank")[:_LONGEST_NAME],
        )


def _typed(data: Mapping[str, Any], field: str) -> str:
    """What was typed; nothing where it holds a card's number, which is kept and logged nowhere (PCI DSS 3.3)."""
    text = str(data.get(field, "")).strip()
    return "" if is_card_number(text) else text


def is_card_number(text: str) -> bool:
    """Whether `text` holds 13 to 19 digits whose last one is right for a card (Luhn, ISO/IEC 7812-1 annex B)."""
    found = _CARD.search(re.sub(r"[\s-]", "", western_digits(text)))
    if not found:
        return False
    digits = [int(digit) for digit in reversed(found[0])]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def western_digits(text: str) -> str:
    """Return `text` with the digits of any script as 0 to 9: an Arabic keyboard types its own."""
    return "".join(
        str(unicodedata.decimal(one)) if one.isdecimal() and not one.isascii() else one for one in text
    )


def amount_minor(text: str) -> int | None:
    """Return "20", "20.00", "20,00", "£20" or " £ 20 " as minor units; None for what is no amount."""
    match = _AMOUNT.match(_SPACES.sub("", western_digits(text)))
    if not match or len(text) > _LONGEST_ENTRY:
        return None
    return int(Decimal(f"{match[1].replace(',', '')}.{match[2] or '0'}") * 100)


def msisdn(text: str) -> str | None:
    """Return a phone number as E.164, "07700 900001" → "+447700900001"; None for what is no number."""
    try:
        number = phonenumbers.parse(text, _REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def deposit_key(player_id: int) -> str:
    """Return a fresh idempotency key for a deposit form of this player, signed so that it serves nobody else."""
    nonce = secrets.token_urlsafe(12)
    return f"{nonce}.{_signature(player_id, nonce)}"


def read_deposit_key(player_id: int, key: str) -> str | None:
    """Return the key inside a form's `key` field, or None when we did not make it for this player."""
    nonce, _, signature = key.partition(".")
    try:
        _signer(_DEPOSIT_FORM).unsign(f"{player_id}.{nonce}:{signature}")
    except BadSignature:
        return None
    return nonce


def _signature(player_id: int, nonce: str) -> str:
    return _signer(_DEPOSIT_FORM).sign(f"{player_id}.{nonce}").rpartition(":")[2]


def command_key(deposit_id: UUID, round_: int) -> str:
    """Return the idempotency key for what is asked of a deposit in one round (0, 1, 2 … wrong codes before).

    It is the same in every tab and at every rendering: five taps, or two tabs, are one code entered.
    """
    return _signer(_COMMAND_FORM).sign(f"{deposit_id.hex}.{round_}").partition(".")[2]


def read_command_key(deposit_id: UUID, key: str) -> str | None:
    """Return the key of a round, or None when we did not make it for this deposit."""
    try:
        return _signer(_COMMAND_FORM).unsign(f"{deposit_id.hex}.{key}")
    except BadSignature:
        return None
