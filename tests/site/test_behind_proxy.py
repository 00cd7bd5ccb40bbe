"""Behind a balancer: its word on who calls, and how, counts; nobody else's does."""

from __future__ import annotations

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from paysite.middleware import BehindProxyMiddleware

PROXY = "10.0.0.5"


@pytest.fixture
def behind(settings: Settings) -> BehindProxyMiddleware:
    settings.TRUSTED_PROXIES = [PROXY]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    def seen(request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"{request.META['REMOTE_ADDR']} {request.scheme}")

    return BehindProxyMiddleware(seen)


@pytest.mark.parametrize(
    ("sent_from", "forwarded", "seen"),
    [
        (PROXY, "203.0.113.9", b"203.0.113.9 https"),
        # What the caller itself claimed stands before what the balancer saw.
        (PROXY, "198.51.100.1, 203.0.113.9", b"203.0.113.9 https"),
        ("203.0.113.9", "198.51.100.1", b"203.0.113.9 http"),
    ],
)
def test_only_a_trusted_proxy_says_who_calls_and_by_https(
    behind: BehindProxyMiddleware, sent_from: str, forwarded: str, seen: bytes
) -> None:
    request = RequestFactory().get(
        "/", headers={"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}, REMOTE_ADDR=sent_from
    )

    assert behind(request).content == seen


def test_with_nothing_in_front_nothing_is_looked_at(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = []

    with pytest.raises(MiddlewareNotUsed):
        BehindProxyMiddleware(lambda request: HttpResponse())
