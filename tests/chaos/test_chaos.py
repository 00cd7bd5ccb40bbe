"""The suite's chaos run, with servers and ports of its own: the very thing that `make chaos` does, a little smaller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deposits.crash_points import POINTS, REFUND_POINTS
from tests.chaos.oracle import INVARIANTS
from tests.local_servers import ROOT

pytestmark = pytest.mark.chaos

_KEYS = {
    *("seed", "deposits", "deaths", "crash_points", "lost", "doubled_charges", "doubled_credits"),
    *("charged_not_credited", "credited_not_charged", "unfinished", "ledger_sum"),
    *("unknown_resolved_p50_s", "unknown_resolved_p99_s", "figures"),
}


def test_nothing_is_lost_and_nothing_doubled_whatever_dies(tmp_path: Path) -> None:
    """A thousand deposits, three hundred deaths: F04–F11 at their crash points, F14 pool children, F17 and F18 a
    Redis flushed and killed, F27 half of the doorbells dropped and a quarter doubled, F28–F31 a carrier that charges
    and drops, hangs, refuses and lies, F43 PostgreSQL killed, F46 connections cut after COMMIT, F53 a worker's clock
    moved.
    """
    command = [sys.executable, "-m", "tests.chaos", "--profile", "suite", "--reports", str(tmp_path)]
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")
    }
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    receipt = tmp_path / "chaos.json"
    assert receipt.exists(), ended.stdout[-3_000:] + ended.stderr[-3_000:]
    facts = json.loads(receipt.read_text())
    assert ended.returncode == 0, (tmp_path / "chaos.md").read_text()
    assert facts.keys() == _KEYS
    assert facts["figures"]["invariants_broken"] == dict.fromkeys(INVARIANTS, 0)
    assert facts["ledger_sum"] == 0
    assert facts["deposits"] >= 1_000
    assert sum(facts["deaths"].values()) >= 300
    assert facts["deaths"]["postgres"] >= 2
    assert facts["deaths"]["redis"] >= 3
    hits = facts["crash_points"]
    assert min(hits[point] for point in POINTS) >= 10
    assert min(hits[point] for point in REFUND_POINTS) >= 2
