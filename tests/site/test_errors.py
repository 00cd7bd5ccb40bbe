"""What is answered and what is logged when something breaks."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError
from django.test import Client, RequestFactory
from psycopg import errors as postgres

from paysite import errors
from paysite.errors import is_away

NUMBER = "+447700900571"
KEY = "ps_test_4f8Kq2Zs_0123456789abcdefghijABCDEFGHIJKLMNOPQR"


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (OperationalError("gone"), True),
        (InterfaceError("closed"), True),
        (caused(InternalError("standby"), postgres.ReadOnlySqlTransaction()), True),
        (caused(InternalError("bug"), postgres.InFailedSqlTransaction()), False),
        (ProgrammingError("bug"), False),
        (None, False),
    ],
)
def test_a_database_that_is_away_is_told_from_a_mistake(error: Exception | None, away: bool) -> None:
    assert is_away(error) is away


@pytest.mark.django_db
def test_a_session_that_cannot_be_read_is_a_503_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is raised in Django's middleware, where no view and no middleware of ours can catch it."""

    def away(*_: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("django.contrib.sessions.middleware.SessionMiddleware.process_response", away)
    answer = Client(raise_request_exception=False).get("/deposit/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")


def test_an_error_page_that_cannot_be_made_is_answered_bare(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("Missing staticfiles manifest entry")

    monkeypatch.setattr(errors, "render", broken)
    answer = errors.server_error(RequestFactory().get("/deposit/"))
    assert answer.status_code == 500
    assert b"<h1>Something went wrong</h1>" in answer.content


@pytest.mark.django_db
@pytest.mark.parametrize("offered", [KEY, "447700900571", "a b c d e f g", "short", "x" * 65])
def test_an_id_that_may_not_stand_in_a_log_is_replaced(offered: str) -> None:
    answer = Client().get("/nothing/", HTTP_X_REQUEST_ID=offered)
    assert answer["X-Request-Id"].startswith("req_")


@pytest.mark.django_db
def test_a_harmless_id_of_the_callers_own_is_kept() -> None:
    assert Client().get("/nothing/", HTTP_X_REQUEST_ID="order-77.try-1")["X-Request-Id"] == "order-77.try-1"


def logged(message: str, error: Exception | None = None) -> str:
    """Return the line that the site's handler writes for a library's message."""
    handler = next(
        one for one in logging.getLogger().handlers if one.formatter and hasattr(one.formatter, "processors")
    )
    trace = (type(error), error, None) if error else None
    record = logging.LogRecord("a.library", logging.ERROR, __file__, 1, message, (), trace)
    return handler.format(record)


@pytest.mark.parametrize(
    ("message", "secret"),
    [
        (f"no route for {NUMBER}", NUMBER),
        (f"GET /{KEY}", KEY.rpartition("_")[2]),
        ("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop"),
        ("client_secret=hunter2hunter2&grant_type=x", "hunter2hunter2"),
        ("wrong\nDETAIL:  Failing row contains (1, 73915846).", "73915846"),
        ("wrong\nLINE 1: SELECT ... WHERE code = '73915846'", "73915846"),
    ],
)
def test_a_librarys_words_are_masked_as_well(message: str, secret: str) -> None:
    for line in (logged(message), logged("trace", ProgrammingError(message))):
        assert secret not in line
        assert json.loads(line)["logger"] == "a.library"


def test_a_database_that_is_away_is_one_line_without_a_trace() -> None:
    line = json.loads(
        logged("Task raised:\nTraceback (most recent call last)", OperationalError("gone\nhost x"))
    )
    assert line["error"] == "OperationalError: gone"
    assert line["event"] == "Task raised:"
    assert "exception" not in line
