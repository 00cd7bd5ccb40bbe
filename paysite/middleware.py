"""Gives each request its id, writes the access line, and turns a database that is away into a 503."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from carriers.redaction import redact_text
from paysite.errors import is_away, unavailable
from paysite.request_metrics import count

log = structlog.get_logger("paysite.access")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")
# Health probes come several times a second from each proxy.
_UNLOGGED = ("/health/", "/static/", "/metrics")


class BehindProxyMiddleware:
    """Takes the caller's address from the balancer, and from nobody else.

    What a caller who is not in TRUSTED_PROXIES says of itself is forgotten: neither its address nor its `https` counts.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.TRUSTED_PROXIES:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self._trusted = frozenset(settings.TRUSTED_PROXIES)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        forwarded = meta.pop("HTTP_X_FORWARDED_FOR", "")
        if meta.get("REMOTE_ADDR") not in self._trusted:
            meta.pop("HTTP_X_FORWARDED_PROTO", None)
        elif forwarded:
            # The last is what the balancer itself saw; the others are what the caller told it.
            meta["REMOTE_ADDR"] = forwarded.rpartition(",")[2].strip()
        return self.get_response(request)


class RequestContextMiddleware:
    """Outermost. A caller's own X-Request-Id is kept when it is harmless, so that both sides log the same id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = offered if offered and _is_harmless(offered) else f"req_{secrets.token_hex(12)}"
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        if not request.path.startswith(_UNLOGGED):
            seconds = time.perf_counter() - started
            count(request, response.status_code, seconds)
            log.info(
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                ms=round(seconds * 1_000, 1),
            )
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 503 with Retry-After when the database cannot be reached or no connection is free."""
        return unavailable(request) if is_away(exception) else None


def _is_harmless(request_id: str) -> bool:
    """Whether an id that a caller made may stand in every log: nothing in it that would have to be masked."""
    return bool(_REQUEST_ID.match(request_id)) and redact_text(request_id) == request_id
