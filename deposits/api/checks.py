"""What the values of single fields must be like. Each check returns (code, what would be right), or None."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from carriers import registry
from deposits.models import Refund

Wrong = tuple[str, str] | None
Check = Callable[[str], Wrong]

PLAYER_PATTERN = r"^[A-Za-z0-9._:@-]{1,64}$"
PHONE_PATTERN = r"^\+[1-9][0-9]{6,14}$"
PARTNER_REFERENCE_CHARACTERS = 64
REFERENCE_PATTERN = r"^D-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$"
SOURCE_PATTERN = "^src_[0-9a-f]{32}$"
URL_CHARACTERS = 500
WORDS_CHARACTERS = 300
LANGUAGE_PATTERN = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$"
LANGUAGE_CHARACTERS = 12
NOTE_CHARACTERS = 500
# The column's own limit; what a carrier takes is far less and is checked with the carrier.
MOST_MINOR = 100_000_000

_PLAYER = re.compile(PLAYER_PATTERN.removesuffix("$") + r"\Z")
_REFERENCE = re.compile(REFERENCE_PATTERN.removesuffix("$") + r"\Z")
_LANGUAGE = re.compile(LANGUAGE_PATTERN.removesuffix("$") + r"\Z")
_SOURCE = re.compile(SOURCE_PATTERN.removesuffix("$") + r"\Z")
_PHONE = re.compile(PHONE_PATTERN.removesuffix("$") + r"\Z")
# Card numbers begin with 2 to 6; a time in milliseconds, which has as many digits, does not.
_BARE_CARD = re.compile(r"(?<![0-9])[2-6][0-9]{12,18}(?![0-9])")
_GROUPED_CARD = re.compile(
    r"(?<![0-9])(?:[2-6][0-9]{3}(?:[ .-][0-9]{4}){2}[ .-][0-9]{1,7}|3[0-9]{3}[ .-][0-9]{6}[ .-][0-9]{4,5})(?![0-9])"
)
_CARD_DETAIL = "This looks like a card number. Never send one; use a name of your own."
#: An error names at most so many of what would be right.
_MOST_NAMED = 20
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1"})


def player(value: str) -> Wrong:
    """The partner's own name for the player."""
    if not _PLAYER.match(value):
        return "malformed", "Send 1 to 64 characters: letters, digits and . _ : @ -"
    return _no_card(value)


def amount(value: int) -> Wrong:
    """Minor units; whether the carrier takes as much is looked at with the carrier."""
    if not 1 <= value <= MOST_MINOR:
        return "out_of_range", f"Send a whole number of minor units from 1 to {MOST_MINOR}; 2000 is 20.00."
    return None


def currency(value: str) -> Wrong:
    """One that any of our carriers charges in."""
    known = {code for profile in registry.registry().profiles.values() for code in profile.currencies}
    if value not in known:
        return "currency_not_supported", f"Send one of: {', '.join(sorted(known))}."
    return None


def partner_reference(value: str) -> Wrong:
    """Free text of the partner's, shown to staff."""
    if not 1 <= len(value) <= PARTNER_REFERENCE_CHARACTERS:
        right = f"Send 1 to {PARTNER_REFERENCE_CHARACTERS} characters, or leave it out."
        return "too_long" if value else "malformed", right
    if not value.isprintable():
        return "malformed", "Send printable characters only."
    return _no_card(value)


def source(value: str) -> Wrong:
    """Where deposits came from; whether the player has it is looked at later."""
    return None if _SOURCE.match(value) else ("malformed", "Send an id like src_ and 32 digits 0-9a-f.")


def refund_reason(value: str) -> Wrong:
    """Why money goes back."""
    known = list(Refund.Reason.values)
    return None if value in known else ("malformed", f"Send one of: {', '.join(known)}.")


def note(value: str) -> Wrong:
    """Free text about a refund, shown to staff."""
    if not 1 <= len(value) <= NOTE_CHARACTERS:
        return (
            "too_long" if value else "malformed",
            f"Send 1 to {NOTE_CHARACTERS} characters, or leave it out.",
        )
    if not value.isprintable():
        return "malformed", "Send printable characters only."
    return _no_card(value)


def words(value: str) -> Wrong:
    """What the player read on the button before they agreed."""
    if not 1 <= len(value) <= WORDS_CHARACTERS:
        return "too_long" if value else "malformed", f"Send 1 to {WORDS_CHARACTERS} characters."
    if not value.isprintable() or value.isspace():
        return "malformed", "Send the words that the player read: printable characters, no line breaks."
    return _no_card(value)


def language(value: str) -> Wrong:
    """A language tag (BCP 47)."""
    if len(value) <= LANGUAGE_CHARACTERS and _LANGUAGE.match(value):
        return None
    return "malformed", "Send a language tag of at most 12 characters, like en or en-GB."


def device(value: str) -> Wrong:
    """The partner's own name for the player's device."""
    return (
        None
        if _PLAYER.match(value)
        else ("malformed", "Send 1 to 64 characters: letters, digits and . _ : @ -")
    )


def reference(value: str) -> Wrong:
    """Ours, as an answer gave it."""
    return None if _REFERENCE.match(value) else ("malformed", "Send a reference like D-7F3K-92QX.")


def method_type(value: str) -> Wrong:
    """How to pay: a way that this installation offers."""
    known = sorted({profile.method_type for profile in registry.registry().profiles.values()})
    if value in known:
        return None
    return "method_not_supported", f"Send {known[0]}." if len(
        known
    ) == 1 else f"Send one of: {', '.join(known)}."


def bank_id(value: str) -> Wrong:
    """One of our banks; whether it pays in the currency is looked at with the bank."""
    known = [
        profile.code
        for profile in registry.registry().profiles.values()
        if profile.method_type == registry.BANK
    ]
    if value in known:
        return None
    named = ", ".join(known[:_MOST_NAMED])
    more = " …; GET /api/v1/methods lists them all" if len(known) > _MOST_NAMED else ""
    return "bank_unknown", f"Send the id of one of our banks: {named}{more}."


def phone_number(value: str) -> Wrong:
    """E.164."""
    if not _PHONE.match(value):
        return "malformed", "Send + and the country code, then digits only, like +447700900001."
    return None


def return_url(value: str) -> Wrong:
    """Where the player is sent back to, over TLS."""
    return _url(value, local=False)


def test_return_url(value: str) -> Wrong:
    """As `return_url`; a test key may also name a page on the developer's own machine."""
    return _url(value, local=True)


def code(value: str) -> Wrong:
    """A one-time code as the player typed it; the action reads it."""
    return None if 1 <= len(value) <= 32 else ("malformed", "Send the code as 4 to 8 digits.")


def _url(value: str, *, local: bool) -> Wrong:
    right = "Send an address like https://casino.example/back" + (
        ", or http://localhost/… with a test key." if local else "."
    )
    if len(value) > URL_CHARACTERS:
        return "too_long", f"Send at most {URL_CHARACTERS} characters."
    # Browsers read a backslash as a slash, and drop white space: none of them belongs in an address.
    if not value.isascii() or not value.isprintable() or any(letter in value for letter in ' \\"<>^`{|}'):
        return "malformed", right
    try:
        url = urlsplit(value)
        host = url.hostname
        _ = url.port
    except ValueError:
        return "malformed", right
    secure = url.scheme == "https" or (local and url.scheme == "http" and host in _LOCAL_HOSTS)
    if not secure or not host or "@" in url.netloc:
        return "malformed", right
    return None


def _no_card(text: str) -> Wrong:
    for pattern in (_BARE_CARD, _GROUPED_CARD):
        for match in pattern.finditer(text):
            if _luhn([int(letter) for letter in match[0] if letter.isdigit()]):
                return "card_number", _CARD_DETAIL
    return None


def _luhn(digits: list[int]) -> bool:
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return 13 <= len(digits) <= 19 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
