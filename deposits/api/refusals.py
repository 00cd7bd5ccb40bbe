"""A refused action as a problem: for the partner in our words, for the player in those that the page would show."""

from __future__ import annotations

import math

from django.utils import timezone

from deposits.actions.refusal import Refusal
from deposits.api.kinds import KINDS
from deposits.api.problems import FieldError, Problem
from deposits.presentation import as_reason, refusal_reason


def as_problem(refusal: Refusal, currency: str) -> Problem:
    """Return the answer to a refused action. `currency` is that of the refusal's amounts."""
    code = refusal.code if refusal.code in KINDS else "not_accepted"
    is_field = bool(refusal.field_name) and KINDS[code].status == 422
    errors = [FieldError(refusal.field_name, code, refusal.detail)] if is_field else []
    ends_at = refusal.facts.get("ends_at")
    headers = {}
    if code == "too_many_requests" and ends_at is not None:
        headers["Retry-After"] = str(max(math.ceil((ends_at - timezone.now()).total_seconds()), 1))
    words = refusal_reason(refusal, currency)
    return Problem(
        code,
        refusal.detail,
        errors=errors,
        reason=None if words is None else as_reason(words),
        ends_at=ends_at,
        headers=headers,
    )
