"""Measure a look of Prometheus on a filled database (tests/deposits/admin/million_rows.py). Not a test; by hand:

    DATABASE_URL=… SECRET_KEY=… python -m tests.site.measure_metrics [looks]

Prints milliseconds of the whole answer, then of each statement, slowest first.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
os.environ.setdefault("LOG_LEVEL", "ERROR")
django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, override_settings  # noqa: E402

_TOKEN = "measuring"


def look() -> float:
    """Read /metrics once and return how many milliseconds it took."""
    started = time.perf_counter()
    answer = Client().get("/metrics", HTTP_AUTHORIZATION=f"Bearer {_TOKEN}")
    assert answer.status_code == 200
    assert b"paysite_database_up 1.0" in answer.content
    return (time.perf_counter() - started) * 1_000


def main(looks: int) -> None:
    """Print the figures."""
    with override_settings(ALLOWED_HOSTS=["*"], METRICS_TOKEN=_TOKEN):
        # The ledger is walked in slices from the start of the process: these looks are the slow ones.
        first = [look() for _ in range(30)]
        steady = sorted(look() for _ in range(looks))
        with CaptureQueriesContext(connection) as captured:
            look()
    print(f"first 30 looks: median {statistics.median(first):.1f} ms, most {max(first):.1f} ms")
    print(f"then {looks}: median {statistics.median(steady):.1f} ms, most {steady[-1]:.1f} ms")
    for query in sorted(captured.captured_queries, key=lambda one: -float(one["time"])):
        print(f"{float(query['time']) * 1_000:6.0f} ms  {' '.join(query['sql'].split())[:90]}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
