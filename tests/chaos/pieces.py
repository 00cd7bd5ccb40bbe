"""What is kept of one run. A deep run can be made in pieces, whenever a machine is free, and has one receipt."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from tests.chaos.oracle import INVARIANTS
from tests.chaos.run import Outcome
from tests.local_servers import ROOT

FOLDER = "pieces"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One run of one seed: what the receipt says of it. `commit`: of the code that ran, "" where nobody knows."""

    profile: str
    seed: int
    commit: str
    passed: bool
    deposits: int
    deaths: dict[str, int]
    crash_points: dict[str, int]
    broken: dict[str, int]
    findings: list[str]
    ledger_sum: int
    too_seldom: list[str]
    disturbances: dict[str, int]
    measured: dict[str, Any]

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """Take down what became of a run that has just ended."""
        return cls(
            profile=outcome.profile.name,
            seed=outcome.seed,
            commit=_commit(),
            passed=outcome.passed,
            deposits=outcome.verdict.deposits,
            deaths=dict(outcome.deaths),
            crash_points=dict(outcome.hits),
            broken={name: outcome.verdict.count(name) for name in INVARIANTS},
            findings=outcome.verdict.lines(),
            ledger_sum=outcome.verdict.ledger_sum,
            too_seldom=outcome.too_seldom,
            disturbances=dict(outcome.record.cuts),
            measured=outcome.measured,
        )


def join(piece: Piece, folder: Path) -> list[Piece]:
    """Keep `piece` in `folder` and return all pieces of its profile there, by seed. The same seed again replaces it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{piece.profile}-{piece.seed}.json").write_text(json.dumps(asdict(piece), indent=1) + "\n")
    kept = [Piece(**json.loads(path.read_text())) for path in folder.glob(f"{piece.profile}-*.json")]
    return sorted(kept, key=lambda one: one.seed)


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return described.stdout.strip()
