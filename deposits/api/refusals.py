"""A refused action as a problem: for the partner in our words, for the player in those that the page would show."""

from __future__ import annotations

from deposits.actions.refusal import Refusal
from deposits.api.kinds import KINDS
from deposits.api.problems import FieldError, Problem
from deposits.presentation import as_reason, refusal_reason


def as_problem(refusal: Refusal, currency: str) -> Problem:
    """Return the answer to a refused action. `currency` is that of the refusal's amounts."""
    code = refusal.code if refusal.code in KINDS else "not_accepted"
    errors = [FieldError(refusal.field_name, code, refusal.detail)] if refusal.field_name else []
    words = refusal_reason(refusal, currency)
    return Problem(
        code,
        refusal.detail,
        errors=errors,
        reason=None if words is None else as_reason(words),
        ends_at=refusal.facts.get("ends_at"),
    )
