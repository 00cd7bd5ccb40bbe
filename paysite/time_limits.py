"""The time limits that must agree (design §8), all divided by one setting so that tests need not wait."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds. Each must be smaller than the next: a call ends before its task, a task before its lease."""

    http_total: float
    task_soft: float
    task_hard: float
    lease: float
    visibility: float

    @classmethod
    def divided_by(cls, divisor: float) -> TimeLimits:
        """Return production's limits divided by `divisor` (1 in production, 10 in tests)."""
        return cls(*(seconds / divisor for seconds in (20, 30, 40, 60, 120)))

    def disorder(self) -> list[str]:
        """Return one sentence for each pair that stands in the wrong order; empty when all is well."""
        names = ("http_total", "task_soft", "task_hard", "lease", "visibility")
        return [
            f"{small} ({getattr(self, small)} s) must be shorter than {large} ({getattr(self, large)} s)"
            for small, large in pairwise(names)
            if getattr(self, small) >= getattr(self, large)
        ]
