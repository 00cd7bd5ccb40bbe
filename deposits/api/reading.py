"""Reading a body: strict JSON, within bounds that keep the worst of them cheap."""

from __future__ import annotations

import json
import re
from email.message import Message
from typing import Any

from django.http import HttpRequest, UnreadablePostError

from deposits.api.problems import Problem

MAX_BODY_BYTES = 64 * 1024
MAX_DEPTH = 32

_USUAL_TYPES = frozenset(
    {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
)
# A string or a bracket. The closing quote is optional, so that a string without end is matched once, not from
# each of its quotes again.
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_KEY = re.compile(r"[\x20-\x7e]{1,255}\Z")


def idempotency_key(http: HttpRequest) -> str:
    """Return the caller's key for this write. Raises `Problem` (400)."""
    key: str = http.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if _KEY.match(key) and not key.isspace():
        return key
    if not key.strip(" "):
        raise Problem("idempotency_key_missing", "Send the header Idempotency-Key, with a value of your own.")
    raise Problem(
        "idempotency_key_malformed", "Send an Idempotency-Key of 1 to 255 printable ASCII characters."
    )


def read_object(http: HttpRequest, *, may_be_empty: bool = False) -> dict[str, Any]:
    """Return the JSON object in the body.

    Raises `Problem`: 415 for another media type, 413 above `MAX_BODY_BYTES`, 400 for anything but one JSON object in
    UTF-8 without duplicate keys, NaN, NUL, lone surrogates and deep nesting. `may_be_empty`: no body at all is {}.
    """
    _refuse_large(_declared_length(http))
    try:
        body = http.body
    except UnreadablePostError:
        raise _malformed("The body ended early.") from None
    if may_be_empty and not body:
        return {}
    _refuse_other_types(http.META.get("CONTENT_TYPE", ""))
    _refuse_large(len(body))
    return parse(body)


def parse(body: bytes) -> dict[str, Any]:
    """Return the object that `body` holds. Raises `Problem` (400) as `read_object` does."""
    if not body:
        raise _malformed("The body is empty. Send a JSON object, with its Content-Length.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed("The body is not UTF-8.") from None
    # Two counts settle it for every ordinary body; only what might be deep is walked through.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _deeper_than(body, MAX_DEPTH):
        raise _malformed(f"The body is nested deeper than {MAX_DEPTH} levels.")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _malformed(f"The body is not JSON: {error.msg} at character {error.pos + 1}.") from None
    except ValueError:
        # Python refuses to read whole numbers of thousands of digits.
        raise _malformed("The body holds a number that is too long.") from None
    if not isinstance(value, dict):
        raise _malformed("The body is JSON, but not an object. Send {…}.")
    if "\\u" in text:
        _refuse_bad_text(value)
    return value


def _declared_length(http: HttpRequest) -> int:
    length = http.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _refuse_large(length: int) -> None:
    if length > MAX_BODY_BYTES:
        raise Problem("body_too_large", f"Send at most {MAX_BODY_BYTES} bytes.")


def _refuse_other_types(content_type: str) -> None:
    if content_type.lower() in _USUAL_TYPES:
        return
    header = Message()
    header["content-type"] = content_type
    parameters = dict(header.get_params(failobj=[])[1:])
    parameters.pop("", None)  # after a semicolon with nothing behind it
    is_json = bool(content_type) and header.get_content_type() == "application/json"
    if (
        not is_json
        or parameters.keys() - {"charset"}
        or parameters.get("charset", "utf-8").lower() != "utf-8"
    ):
        raise Problem("media_type_not_supported", "Send Content-Type: application/json, in UTF-8.")


def _deeper_than(body: bytes, most: int) -> bool:
    depth = 0
    for token in _STRING_OR_BRACKET.findall(body):
        if token in (b"{", b"["):
            depth += 1
            if depth > most:
                return True
        elif token in (b"}", b"]"):
            depth -= 1
    return False


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _malformed("The body has a key twice in one object.")
    return value


def _refuse_constant(name: str) -> Any:
    raise _malformed(f"The body holds {name}, which is not JSON.")


def _refuse_bad_text(value: Any) -> None:
    """Refuse NUL and lone surrogates, which only an escape can bring in and no database takes."""
    if isinstance(value, str):
        if "\0" in value:
            raise _malformed("A text holds the character NUL.")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise _malformed("A text holds half a surrogate pair.") from None
    elif isinstance(value, dict):
        for name, member in value.items():
            _refuse_bad_text(name)
            _refuse_bad_text(member)
    elif isinstance(value, list):
        for member in value:
            _refuse_bad_text(member)


def _malformed(detail: str) -> Problem:
    return Problem("body_malformed", detail)


_DECODER = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
