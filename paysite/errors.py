"""What a visitor sees when something is refused or breaks: plain words and the request's id, nothing else."""

from __future__ import annotations

import json

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

API_PREFIX = "/api/"


def _answer(request: HttpRequest, status: int, title: str, detail: str) -> HttpResponse:
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    if request.path.startswith(API_PREFIX):
        problem = {
            "type": "about:blank",
            "title": title,
            "status": status,
            "detail": detail,
            "code": title.lower().replace(" ", "_"),
            "errors": [],
            "request_id": request_id,
        }
        return HttpResponse(json.dumps(problem), status=status, content_type="application/problem+json")
    context = {"title": title, "detail": detail, "request_id": request_id}
    return render(request, "problem.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400, for a request that Django itself refused."""
    return _answer(request, 400, "Bad request", "The request could not be read.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403, for a form that did not come from our own page."""
    return _answer(
        request, 403, "Not accepted", "This form has expired. Go back, reload the page and send it again."
    )


def not_allowed(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403, for everything else that is refused."""
    return _answer(request, 403, "Not allowed", "You cannot do this.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404. The same for what never existed and for what belongs to somebody else."""
    return _answer(request, 404, "Not found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500. The stack trace is in the log under the same request id."""
    return _answer(request, 500, "Something went wrong", "It is our fault. Nothing that you sent was lost.")


def unavailable(request: HttpRequest) -> HttpResponse:
    """503 with Retry-After, when the database is away or too busy. Nothing was accepted."""
    response = _answer(
        request, 503, "Busy", "We cannot take this right now. Nothing was sent. Try again in a moment."
    )
    response["Retry-After"] = "2"
    return response
