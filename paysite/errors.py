"""What a visitor sees when something is refused or breaks: plain words and the request's id, nothing else."""

from __future__ import annotations

import json
import sys
import threading
from html import escape

import structlog
from django.db import InterfaceError, InternalError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from psycopg_pool import ConnectionPool

from accounts.conflicts import sqlstate_of

log = structlog.get_logger("paysite.errors")

API_PREFIX = "/api/"
#: SQLSTATE of a write to a server that has become a standby: nothing was written, and it will pass.
_READ_ONLY = "25006"
#: Classes of SQLSTATE with which a server lets go of a connection.
_CONNECTION_LOST = ("08", "57")
#: For when not even the page about errors can be made.
_BARE = "<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1><p>{detail}</p><p>{request_id}</p>"

_checking = threading.Lock()


def is_away(error: BaseException | None) -> bool:
    """Whether `error` says that the database is away, full, overrun or cut off, rather than that we asked wrongly."""
    if isinstance(error, InternalError):
        return sqlstate_of(error) == _READ_ONLY
    return isinstance(error, OperationalError | InterfaceError)


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
    try:
        return render(request, "problem.html", context, status=status)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the page, the visitor gets an answer
        log.error("error_page_failed", error=type(error).__name__)
        body = _BARE.format_map({name: escape(value) for name, value in context.items()})
        return HttpResponse(body, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400, for a request that Django itself refused."""
    return _answer(request, 400, _("Bad request"), _("The request could not be read."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403, for a form that did not come from our own page."""
    return _answer(
        request,
        403,
        _("Not accepted"),
        _("This form has expired. Go back, reload the page and send it again."),
    )


def not_allowed(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403, for everything else that is refused."""
    return _answer(request, 403, _("Not allowed"), _("You cannot do this."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404. The same for what never existed and for what belongs to somebody else."""
    return _answer(request, 404, _("Not found"), _("There is nothing at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """500. The stack trace is in the log under the same request id. 503 where it was only the database."""
    # What is raised outside a view (a session that is read or stored) comes here, and to no middleware of ours.
    if is_away(sys.exc_info()[1]):
        return unavailable(request)
    return _answer(
        request, 500, _("Something went wrong"), _("It is our fault. Nothing that you sent was lost.")
    )


def unavailable(request: HttpRequest) -> HttpResponse:
    """503 with Retry-After, when the database is away, full or too busy. Called while its error is being handled.

    Whether a request that was cut off has been accepted is not known: the same key finds out.
    """
    error = sys.exc_info()[1]
    sqlstate = sqlstate_of(error) if error else None
    log.error("database_unavailable", error=type(error).__name__, sqlstate=sqlstate)
    # What was not even asked of the database says nothing about its connections.
    if error is not None and error.__cause__ is not None:
        _forget_dead_connections(sqlstate)
    response = _answer(
        request,
        503,
        _("Busy"),
        _("We cannot take this right now. Try again in a moment: nothing is charged twice."),
    )
    response["Retry-After"] = "2"
    return response


def _forget_dead_connections(sqlstate: str | None) -> None:
    """Throw away what the pool still holds of a server that has gone, or each would cost one more request."""
    pooled = connection.settings_dict["OPTIONS"].get("pool")
    if (
        pooled
        and (sqlstate is None or sqlstate.startswith(_CONNECTION_LOST))
        and _checking.acquire(blocking=False)
    ):
        # In a thread: a server that is frozen does not even say that it has gone.
        threading.Thread(target=_check_pool, args=(connection.pool,), daemon=True).start()  # type: ignore[attr-defined]


def _check_pool(pool: ConnectionPool) -> None:
    try:
        pool.check()
    finally:
        _checking.release()
