"""CloudEvents 1.0 in structured JSON mode, pushed to us with a bearer token that we handed out ourselves."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct

from carriers import wire
from carriers.interface import NotificationRefused

EVENT_MAX_BYTES = 65_536

_Data = TypeVar("_Data")
# Stored and logged: printable ASCII, bounded.
_Id = Annotated[str, Meta(pattern=r"^[!-~]{1,200}\Z")]


class CloudEvent(Struct):
    """One event, and what the protocol puts in. `source` and `id` together are unique."""

    source: _Id
    id: _Id
    type: _Id
    specversion: Annotated[str, Meta(pattern=r"^1\.0\Z")]
    time: Annotated[datetime, Meta(tz=True)]
    data: dict[str, Any]


def read_event(
    headers: Mapping[str, str], body: bytes, secret: str, kind: type[_Data]
) -> tuple[CloudEvent, _Data]:
    """The event and its `data` as `kind`. `headers` have lower-case names; an empty `secret` lets nobody in.

    Raises NotificationRefused with 401, 415, 413 or 400, in this order.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(token.strip().encode("utf-8", "replace"), secret.encode())
    if not secret or not right or scheme.lower() != "bearer":
        raise NotificationRefused(401, "authorization: must be the bearer token supplied with the payment")
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in ("application/cloudevents+json", "application/json"):
        raise NotificationRefused(415, "content-type: must be application/cloudevents+json")
    if len(body) > EVENT_MAX_BYTES:
        raise NotificationRefused(413, f"body: must be at most {EVENT_MAX_BYTES} bytes")
    try:
        event = wire.read(body, CloudEvent)
        return event, wire.convert(event.data, kind)
    except ValueError as error:
        raise NotificationRefused(400, f"body: {error}") from None
