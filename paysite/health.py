"""Whether this process lives, and whether it should get traffic.

Answered before anything else: probes come several times a second, and by address, whatever name the site has.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from deposits import stopping


class HealthMiddleware:
    """Outermost. Answers the two addresses of health itself and passes on everything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        match request.path_info:
            case "/health/live":
                return live()
            case "/health/ready":
                return ready()
        return self.get_response(request)


def live() -> HttpResponse:
    """200 as long as the process can answer at all; looks at nothing outside."""
    return JsonResponse({"status": "alive"})


def ready() -> HttpResponse:
    """200 when the database answers and nobody has asked the process to stop, else 503.

    Redis and the carriers never make a web process unready.
    """
    if stopping.asked():
        return _unready("stopping")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return _unready("database unavailable")
    return JsonResponse({"status": "ready"})


def _unready(why: str) -> HttpResponse:
    answer = JsonResponse({"status": why}, status=503)
    # Django would write a line for each probe, as for an error.
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer
