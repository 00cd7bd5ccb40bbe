"""Says at the end of a run how long each folder of the tests took: `python -m tests` deals folders out by it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the folders with their seconds, the longest first."""
    took_s: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                took_s[report.nodeid.split("/")[1].split("::")[0]] += report.duration
    terminalreporter.section("seconds of each folder")
    for name in sorted(took_s, key=took_s.__getitem__, reverse=True):
        terminalreporter.line(f"{took_s[name]:6.0f}  {name}")
