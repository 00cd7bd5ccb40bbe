"""The headers that keep a player's page to itself: what it may load, where its forms may go, who may keep a copy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

#: Staff pages and the API's reference bring scripts of their own, and headers of their own.
NOT_FOR_PLAYERS = ("/admin/", "/api/", "/static/", "/carriers/", "/health/")


class PlayerPageHeadersMiddleware:
    """Adds the headers to every HTML page for players, error pages among them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith(NOT_FOR_PLAYERS):
            for name, value in player_headers(settings.LIVE_URL).items():
                response.headers.setdefault(name, value)
            _leave_csrf_cookie_alone(request)
        return response


def _leave_csrf_cookie_alone(request: HttpRequest) -> None:
    """Send the cookie once and not with every form, as Django does to renew its year.

    Browsers throw a `no-store` page out of their back/forward cache when a cookie is set after it.
    """
    if request.META.get("CSRF_COOKIE") == request.COOKIES.get(settings.CSRF_COOKIE_NAME):
        request.META["CSRF_COOKIE_NEEDS_UPDATE"] = False


@cache
def player_headers(live_url: str) -> dict[str, str]:
    """Return the headers of a player's page that may connect to `live_url` and to nothing else abroad."""
    return {
        "Content-Security-Policy": "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "img-src 'self'",
                "font-src 'self'",
                "manifest-src 'self'",
                f"connect-src 'self' {origin(live_url)}",
                "form-action 'self'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
                # The script turns text into markup in one place, under this one policy.
                "require-trusted-types-for 'script'",
                "trusted-types panel",
                f"report-uri {reverse('policy-reports')}",
            )
        ),
        # Nothing of a deposit is kept on disk. Browsers keep such a page in their back/forward cache all the same.
        "Cache-Control": "no-store, private",
        # Addresses may carry a link's token, which is nobody else's business.
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), otp-credentials=(self)",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def origin(url: str) -> str:
    """Return scheme, host and port of `url`: "https://live.example"."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
