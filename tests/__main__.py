"""`python -m tests`: every test, in two runs side by side, because most of them wait for something.

Each run has servers of its own. Where DATABASE_URL or REDIS_URL name others, which the runs would have to share, they
follow one another. Exit status 1 when a test of any run fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.local_servers import ROOT
from tests.seconds import TESTS

RUNS = 2
#: What each folder took on two cores with all runs side by side, in seconds: the runs are to end together. Every run
#: ends with such a list; when they drift apart, this is what to correct. What is not here is short.
SECONDS = {
    "chaos": 370,
    "journeys": 260,
    "deposits": 230,
    "instances": 170,
    "faults": 120,
    "faults_evidence": 100,
    "broken_parts": 80,
    "carriers": 75,
    "local_stack": 55,
    "faults_carriers": 50,
    "faults_database": 20,
    "refunds": 20,
    "architecture": 10,
}
_SHORT_S = 5


def main() -> int:
    """Make all runs and show what each says; 0 when all is green."""
    started = time.monotonic()
    runs = shares(_all_tests(), SECONDS)
    if os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"):
        failed = [_begin(run, None).wait() for run in runs]
    else:
        failed = _side_by_side(runs)
    print(f"all tests: {(time.monotonic() - started) / 60:.1f} min, {'FAILED' if any(failed) else 'passed'}")
    return 1 if any(failed) else 0


def shares(names: list[str], seconds: Mapping[str, float]) -> list[list[str]]:
    """Deal the names out to the runs so that they end at about the same time: the longest first, to who has least."""
    runs: list[list[str]] = [[] for _ in range(RUNS)]
    took_s = [0.0] * RUNS
    for name in sorted(names, key=lambda name: (-seconds.get(name, _SHORT_S), name)):
        least = took_s.index(min(took_s))
        runs[least].append(name)
        took_s[least] += seconds.get(name, _SHORT_S)
    return [sorted(run) for run in runs]


def _all_tests() -> list[str]:
    return [path.name for path in TESTS.iterdir() if _holds_tests(path)]


def _holds_tests(path: Path) -> bool:
    if path.is_dir():
        return next(path.rglob("test_*.py"), None) is not None
    return path.match("test_*.py")


def _side_by_side(runs: list[list[str]]) -> list[int]:
    first, *others = runs
    logs = [ROOT / ".data" / f"tests-{number}.log" for number, _ in enumerate(others, 2)]
    logs[0].parent.mkdir(exist_ok=True)
    print(f"{RUNS} runs side by side; this is the first, and the others are shown when they have ended:")
    for run, log in zip(others, logs, strict=True):
        print(f"  {log.relative_to(ROOT)}: {', '.join(run)}", flush=True)
    begun = [_begin(first, None), *(_begin(run, log) for run, log in zip(others, logs, strict=True))]
    failed = [process.wait() for process in begun]
    for log in logs:
        print(log.read_text(errors="replace"), flush=True)
    return failed


def _begin(run: list[str], log: Path | None) -> subprocess.Popen[bytes]:
    command = (
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.seconds", "--durations=25"),
        *(f"tests/{name}" for name in run),
    )
    if log is None:
        return subprocess.Popen(command, cwd=ROOT)
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    sys.exit(main())
