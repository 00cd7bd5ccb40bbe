"""Keeps whole phone numbers, tokens, secrets and one-time codes out of logs and stored exchanges."""

from __future__ import annotations

import re

MASK = "***"
# Fewer digits than this would be given away by the ones we keep.
MASKED_WHOLE_BELOW = 7

# A number with its plus sign (also as %2B or \u002b), or a bare run of as many digits as a number has. The
# bare form may mask an all-digit id too: a phone number in a log is worse than an id that has to be looked up
# elsewhere.
_NUMBER = re.compile(r"(?:\+|%2[Bb]|\\u002[Bb])([1-9]\d{5,14})")
# The first digit stands before the look behind it, so that a search can run from digit to digit.
_BARE_NUMBER = re.compile(r"\d(?<![\w.+-]\d)\d{9,14}(?![\w.-])")
# No shorter run of digits is taken for a number. Looked for in bytes of which all digits have been made "0".
_TEN_DIGITS = b"0" * 10
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_SECRET_NAMES = (
    "access_?token|refresh_?token|id_token|client_?secret|client_assertion|assertion|password|secret|"
    "code_verifier|authorization"
)
# The closing quote is not asked for: a text cut in the middle of a token must be masked too.
_JSON_SECRET = re.compile(rf'("(?:{_SECRET_NAMES})"\s*:\s*")[^"]*', re.IGNORECASE)
_FORM_SECRET = re.compile(rf"((?:^|[&?\s])(?:{_SECRET_NAMES}|code)=)[^&\s\"]*", re.IGNORECASE)
# Our own partners' keys: the first part names the key to its owner and opens nothing.
_API_KEY = re.compile(r"\b(ps_(?:test|live)_[0-9A-Za-z]{8})_[0-9A-Za-z]+")
_CREDENTIAL = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE)
# Each begins with letters only, which are searched for far quicker than a choice.
_MAYBE_BEARER, _MAYBE_BASIC = re.compile(r"bearer\s"), re.compile(r"basic\s")
_JWT = re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*){1,4}")
# "code" names a one-time code in what we send, and an error code such as "GONE" in what comes back.
_JSON_CODE = re.compile(r'("(?:code|otp|pin)"\s*:\s*)(?:(")[^"]*|\w+)', re.IGNORECASE)
_JSON_CODE_ANSWERED = re.compile(r'("(?:code|otp|pin)"\s*:\s*)(?:(")(?![A-Z_.]{4,}")[^"]*|\w+)')


def mask_msisdn(msisdn: str) -> str:
    """`+447700900001` as `+44******001`: tells two numbers of one player apart, and nobody can call it."""
    digits = msisdn.lstrip("+")
    if len(digits) < MASKED_WHOLE_BELOW:
        return "+******"
    return f"+{digits[:2]}******{digits[-3:]}"


def redact_text(text: str, *, ours: bool = False) -> str:
    """`text` without phone numbers, tokens, secrets and one-time codes.

    `ours` says that we wrote it, so that a "code" can only be a one-time code.
    """
    # Substring tests first: most exchanges hold no secret at all, and a search costs ten times as much.
    lowered = text.lower()
    if _MAYBE_BEARER.search(lowered) or _MAYBE_BASIC.search(lowered):
        text = _CREDENTIAL.sub(rf"\1 {MASK}", text)
    if "ps_" in text:
        text = _API_KEY.sub(rf"\1_{MASK}", text)
    if "eyJ" in text:
        text = _JWT.sub(MASK, text)
    if '"' in text:
        if any(
            word in lowered
            for word in ("token", "secret", "assertion", "password", "verifier", "authorization")
        ):
            text = _JSON_SECRET.sub(rf"\1{MASK}", text)
        if '"code"' in lowered or '"otp"' in lowered or '"pin"' in lowered:
            text = (_JSON_CODE if ours else _JSON_CODE_ANSWERED).sub(rf"\1\2{MASK}", text)
    if "=" in text:
        text = _FORM_SECRET.sub(rf"\1{MASK}", text)
    if "+" in text or "%2b" in lowered or "\\u002b" in lowered:
        text = _NUMBER.sub(lambda match: mask_msisdn(match[1]), text)
    if text.isascii() and _TEN_DIGITS not in text.encode().translate(_DIGITS_AS_ZERO):
        return text
    return _BARE_NUMBER.sub(lambda match: mask_msisdn(match[0]), text)
