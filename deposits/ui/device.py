"""The browser a player comes with, known again by a cookie of our own: for velocity, and for nothing else."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_YEAR_S = 365 * 24 * 3_600


def cookie_name() -> str:
    """Return the cookie's name: bound to this host where pages come over TLS."""
    return "__Host-device" if settings.SECURE_COOKIES else "device"


def device_of(request: HttpRequest) -> str:
    """Return the browser's name, or "" for one that is new or says what we did not sign."""
    return request.get_signed_cookie(cookie_name(), default="", salt="device") or ""


def remember(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Give a browser that has none its name; return the response."""
    if not device_of(request):
        response.set_signed_cookie(
            cookie_name(),
            secrets.token_hex(16),
            salt="device",
            max_age=_YEAR_S,
            secure=settings.SECURE_COOKIES,
            httponly=True,
            samesite="Lax",
        )
    return response
