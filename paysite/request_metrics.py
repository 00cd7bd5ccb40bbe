"""How many requests were answered, how, and how fast, by the pattern of their address."""

from __future__ import annotations

from functools import lru_cache

from django.http import HttpRequest
from prometheus_client import Histogram

_METHODS = frozenset({"GET", "HEAD", "POST"})
_SECONDS = Histogram(
    "paysite_request_seconds",
    "Time to answer a request, by the pattern of its address, method and status.",
    ("route", "method", "status"),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def count(request: HttpRequest, status: int, seconds: float) -> None:
    """Count one answered request. Never the address itself: it may hold references, and there are too many."""
    match = request.resolver_match
    method = request.method if request.method in _METHODS else "other"
    _series(match.route if match else "", method or "", status).observe(seconds)


@lru_cache(maxsize=512)
def _series(route: str, method: str, status: int) -> Histogram:
    # Finding the series costs more than counting in it.
    return _SECONDS.labels(route, method, str(status))
