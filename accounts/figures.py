"""What the monitoring asks of the books and of the audit trail, cheap however long they are."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from django.db import connection

#: Entries that one look sums at most; a process that has just started catches up over several looks.
_SLICE = 50_000
#: The newest entries are summed anew each time: ids are drawn before their transactions commit, out of order.
_TAIL = 5_000

_NEWEST = "SELECT coalesce(max(id), 0) FROM accounts_ledgerentry"
_SUMS = """
SELECT currency, sum(amount_minor)::bigint FROM accounts_posting
WHERE entry_id > %s AND entry_id <= %s GROUP BY currency
"""
_OLDEST_UNSEALED = """
SELECT coalesce((SELECT extract(epoch FROM now() - at) FROM accounts_auditrecord
    WHERE sealed_as IS NULL ORDER BY id LIMIT 1), 0)::float8
"""


@dataclass(frozen=True, slots=True)
class LedgerSum:
    """Sum of postings per currency, in minor units: 0, or the books are wrong. `left`: entries not summed yet."""

    by_currency: dict[str, int]
    left: int


@dataclass(slots=True)
class LedgerWalk:
    """Sums the whole ledger once per process, then only what is new: entries and postings never change."""

    _summed_to: int = 0
    _sums: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> LedgerSum:
        """Go on by one slice and return the sum of all that has been walked, the newest entries included."""
        with self._lock:
            newest = _one(_NEWEST)
            lasting = min(self._summed_to + _SLICE, max(int(newest) - _TAIL, self._summed_to))
            for currency, minor in _sums(self._summed_to, lasting).items():
                self._sums[currency] = self._sums.get(currency, 0) + minor
            self._summed_to = lasting
            tail_from = max(lasting, int(newest) - _TAIL)
            tail = _sums(tail_from, int(newest))
            total = {code: self._sums.get(code, 0) + tail.get(code, 0) for code in {*self._sums, *tail}}
            return LedgerSum(total, max(tail_from - lasting, 0))


def unsealed_age_s() -> float:
    """Return for how many seconds the oldest audit record has been waiting for its seal; 0 when all are sealed."""
    return _one(_OLDEST_UNSEALED)


def _sums(after: int, to: int) -> dict[str, int]:
    if to <= after:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [after, to])
        return dict(cursor.fetchall())


def _one(sql: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        value: float = cursor.fetchone()[0]
    return value
