"""Errors as `application/problem+json` (RFC 9457), whoever raised them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from rest_framework.exceptions import APIException, MethodNotAllowed

from deposits.actions.refusal import IdempotencyConflict, NotPossibleNow
from deposits.api.answers import answer
from deposits.api.kinds import KINDS

CONTENT_TYPE = "application/problem+json"
NOT_FOUND = "There is nothing at this address."
#: A body of thousands of wrong fields gets no answer of thousands of errors.
MOST_ERRORS = 20


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field or parameter, and what would be right."""

    field: str
    code: str
    detail: str


class Problem(APIException):
    """An answer that refuses. `code` is one of `KINDS` and settles status and title."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        reason: Mapping[str, Any] | None = None,
        ends_at: datetime | None = None,
    ) -> None:
        super().__init__(detail, code)
        self.code = code
        self.text = detail
        self.errors = errors
        self.headers = headers
        self.reason = reason
        self.ends_at = ends_at
        self.status_code = KINDS[code].status


def request_id() -> str:
    """Return the id under which both sides log the current request; empty outside one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def problem_response(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Return the answer to an exception that a view raised; None for what is nobody's refusal (a bug, the database)."""
    match error:
        case Problem():
            return _answer(error)
        case IdempotencyConflict():
            detail = "This key came with another body before. Nothing was done."
            return _answer(Problem("idempotency_key_reused", detail))
        case NotPossibleNow():
            return _answer(Problem("not_possible_now", str(error)))
        case MethodNotAllowed():
            allowed = ", ".join(context["view"].allowed_methods)
            detail = f"Use one of: {allowed}."
            return _answer(Problem("method_not_allowed", detail, headers={"Allow": allowed}))
        case Http404():
            return _answer(Problem("not_found", NOT_FOUND))
        case PermissionDenied():
            return _answer(Problem("scope_missing", "This key may not do this."))
    return None


def _answer(problem: Problem) -> HttpResponse:
    kind = KINDS[problem.code]
    body: dict[str, Any] = {
        "type": f"{settings.BASE_URL}/api/docs/errors#{problem.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.text,
        "code": problem.code,
        "errors": list(problem.errors[:MOST_ERRORS]),
        "request_id": request_id(),
    }
    if problem.reason is not None:
        body["reason"] = problem.reason
    if problem.ends_at is not None:
        body["ends_at"] = problem.ends_at
    return answer(body, kind.status, problem.headers, CONTENT_TYPE)
