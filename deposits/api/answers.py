"""Answers as bytes: every one is JSON that no cache may keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpResponse

_encode = msgspec.json.Encoder().encode


def answer(
    body: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> HttpResponse:
    """Return `body` as an answer with `status`. `body` is anything that msgspec can write as JSON."""
    response = HttpResponse(_encode(body), status=status, content_type=content_type)
    response["Cache-Control"] = "no-store"
    if headers:
        for name, value in headers.items():
            response[name] = value
    return response
