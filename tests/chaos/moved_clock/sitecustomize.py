"""Imported by Python itself, before anything else, in processes whose clock libfaketime moves: makes their sleep work.

libfaketime 0.9.10 refuses the call by which Python 3.11 sleeps (an absolute time of a clock that is not moved), and
libraries take `sleep` by name when they are imported.
"""

from __future__ import annotations

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex) -> None:
    select.select([], [], [], float(seconds))


time.sleep = _sleep
