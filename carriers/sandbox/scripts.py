"""Scripted answers: the next answers of a phone number, as a test wants them, down to broken HTTP."""

from __future__ import annotations

import asyncio
import base64
import binascii
import zlib
from collections import deque
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct, field

from carriers.sandbox.answers import Answer
from carriers.sandbox.errors import Dropped, invalid
from carriers.sandbox.payments import Payment
from carriers.sandbox.wire import decode_plain, encode

Operation = Literal["create", "validate", "confirm", "cancel", "read", "list"]
Mode = Literal["normal", "abort", "hang", "one_byte_per_second", "gzip_bomb", "huge", "truncated"]

PAD_BYTES = 50 * 1024 * 1024
_PAD = b" " * 65_536
BYTE_EVERY_S = 1.0


class ScriptedAnswer(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One answer to give instead of the normal one.

    Without `body` and `body_base64` it starts from the normal answer, into whose JSON `patch` is merged
    (RFC 7386). `charge` does first what was asked, without the number's story; without it nothing moves and
    nothing is kept.
    """

    on: Operation = "create"
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    body_base64: str | None = None
    patch: dict[str, object] | None = None
    mode: Mode = "normal"
    charge: bool = False
    delay_s: Annotated[float, Meta(ge=0, le=600)] = 0
    times: Annotated[int, Meta(ge=1)] = 1


class Script(Struct, forbid_unknown_fields=True):
    """Body of POST /sandbox/scripts."""

    phone_number: str
    answers: list[ScriptedAnswer]


class Scripts:
    """Answers waiting for their request, by phone number and operation. Lists belong to no number."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, Operation], deque[ScriptedAnswer]] = {}

    def add(self, script: Script) -> None:
        """Queue answers behind those already waiting. Raises `Refused` when a body is not base64."""
        for answer in script.answers:
            _text(answer)
        for answer in script.answers:
            self._waiting.setdefault(self._key(script.phone_number, answer.on), deque()).append(answer)

    def take(self, phone_number: str, operation: Operation) -> ScriptedAnswer | None:
        """The next answer for this request, or None."""
        if not self._waiting:
            return None
        key = self._key(phone_number, operation)
        queue = self._waiting.get(key)
        if queue is None:
            return None
        answer = queue[0]
        answer.times -= 1
        if answer.times <= 0:
            queue.popleft()
            if not queue:
                del self._waiting[key]
        return answer

    def waiting(self) -> list[dict[str, object]]:
        """What is queued, for the control page."""
        return [{"phone_number": key[0], "answers": list(queue)} for key, queue in self._waiting.items()]

    def clear(self) -> None:
        self._waiting.clear()

    @staticmethod
    def _key(phone_number: str, operation: Operation) -> tuple[str, Operation]:
        return ("" if operation == "list" else phone_number, operation)


def scripted(script: ScriptedAnswer, normal: Answer, payment: Payment | None) -> Answer:
    """The answer to send: the script's own body, or the normal one, patched."""
    own = _text(script)
    body = normal.body if own is None else own
    if payment is not None and own is not None:
        body = _filled(own, payment)
    if script.patch is not None and own is None:
        body = encode(_merged(decode_plain(body or b"{}"), script.patch))
    headers = {**normal.headers, **script.headers}
    content_type = next((headers.pop(name) for name in list(headers) if name.lower() == "content-type"), None)
    return Answer(script.status or normal.status, body, content_type or normal.content_type, headers)


async def send_oddly(request: web.BaseRequest, answer: Answer, mode: Mode) -> web.StreamResponse:
    """Send an answer in one of the ways that clients must survive. Raises `Dropped` for a cut connection."""
    body, headers = answer.body, {"Content-Type": answer.content_type, **answer.headers}
    if mode == "gzip_bomb":
        headers["Content-Encoding"] = "gzip"
        body = await asyncio.to_thread(_gzip_with_padding, body)
    size = len(body) + PAD_BYTES if mode == "huge" else len(body)
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = size
    await response.prepare(request)
    if mode == "one_byte_per_second":
        for index in range(size):
            await response.write(body[index : index + 1])
            await asyncio.sleep(BYTE_EVERY_S)
    elif mode == "truncated":
        await response.write(body[: size // 2])
        # What was written must leave before the reset, which throws away what has not.
        await asyncio.sleep(0.05)
        raise Dropped
    else:
        await response.write(body)
        for _ in range((size - len(body)) // len(_PAD)):
            await response.write(_PAD)
    await response.write_eof()
    return response


def _text(script: ScriptedAnswer) -> bytes | None:
    if script.body is not None:
        return script.body.encode()
    if script.body_base64 is None:
        return None
    try:
        return base64.b64decode(script.body_base64, validate=True)
    except binascii.Error:
        raise invalid("body_base64 is not base64; use body for plain text.") from None


def _filled(body: bytes, payment: Payment) -> bytes:
    values = {
        b"{{payment_id}}": payment.id,
        b"{{client_correlator}}": payment.reference,
        b"{{reference_code}}": payment.reference_code,
        b"{{phone_number}}": payment.phone_number,
        b"{{amount}}": str(payment.amount.charging_information.amount),
        b"{{currency}}": payment.currency,
    }
    for name, value in values.items():
        body = body.replace(name, value.encode())
    return body


def _merged(target: object, patch: object) -> object:
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


def _gzip_with_padding(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    parts = [packer.compress(body)]
    parts += [packer.compress(_PAD) for _ in range(PAD_BYTES // len(_PAD))]
    return b"".join((*parts, packer.flush()))
