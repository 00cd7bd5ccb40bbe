"""`python -m tests`: every test, in two runs side by side, because most of them wait for something.

Each run has servers of its own. Where DATABASE_URL or REDIS_URL name others, which the runs would have to share, they
follow one another. Exit status 1 when a test of either fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.local_servers import ROOT

#: Those that start the whole product and break it for long: half of the time. All other folders are the other half.
_BREAKING = ("chaos", "faults", "faults_carriers", "faults_database", "instances")


def main() -> int:
    """Run both halves and show what each says; 0 when all is green."""
    folders = sorted(path.name for path in (ROOT / "tests").iterdir() if _holds_tests(path))
    halves = [
        [name for name in folders if name in _BREAKING],
        [name for name in folders if name not in _BREAKING],
    ]
    halves[1] += sorted(path.name for path in (ROOT / "tests").glob("test_*.py"))
    shared = os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL")
    started = time.monotonic()
    if shared:
        failed = [_run(half, None).wait() for half in halves]
    else:
        log = ROOT / ".data" / "tests.log"
        log.parent.mkdir(exist_ok=True)
        print(
            f"two runs side by side; the second, of {', '.join(halves[0])}, is shown when it has ended",
            flush=True,
        )
        second, first = _run(halves[0], log), _run(halves[1], None)
        failed = [first.wait(), second.wait()]
        print(log.read_text(errors="replace"), flush=True)
    print(f"all tests: {(time.monotonic() - started) / 60:.1f} min, {'FAILED' if any(failed) else 'passed'}")
    return 1 if any(failed) else 0


def _holds_tests(path: Path) -> bool:
    return path.is_dir() and next(path.rglob("test_*.py"), None) is not None


def _run(half: list[str], log: Path | None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *(f"tests/{name}" for name in half)]
    if log is None:
        return subprocess.Popen(command, cwd=ROOT)
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    sys.exit(main())
