"""A request that is refused before anything happened: which field, what was wrong, what would be right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Refusal(Exception):
    """Why nothing was done. `code` is stable, `facts` fill the player's text of the same code where there is one."""

    code: str
    detail: str
    field_name: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.detail


class IdempotencyConflict(Exception):
    """The key was used before for something else. Nothing was done."""


class KeyRefused(Exception):
    """The API key of the request may not be used any more. Nothing was done."""


class NotPossibleNow(Exception):
    """The deposit is not in a state in which this can be done; the text says in which it is."""
