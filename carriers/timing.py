"""The time that goes into what others check: the database's, because this machine's own clock may be wrong."""

from __future__ import annotations

import time
from datetime import datetime


class Clock:
    """Goes by what it was last told, and by this machine's clock until then."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def hear(self, moment: datetime | None) -> None:
        """It is `moment` now, by the database; None says nothing."""
        if moment is not None:
            self._ahead_s = moment.timestamp() - time.time()

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead_s
