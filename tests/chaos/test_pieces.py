"""A run in pieces: each is kept, a seed counts once, and the receipt adds them up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.chaos import receipt
from tests.chaos.oracle import INVARIANTS
from tests.chaos.pieces import Piece, join

PIECE = Piece(
    profile="deep",
    seed=7,
    commit="abc",
    passed=True,
    deposits=2_000,
    deaths={"web": 500},
    crash_points={"web.before_commit": 31},
    broken=dict.fromkeys(INVARIANTS, 0),
    findings=[],
    ledger_sum=0,
    too_seldom=[],
    disturbances={"redis flushed": 2},
    measured={"unknown_resolved_p50_s": 1.0, "unknown_resolved_p99_s": 9.0},
)


def test_pieces_are_joined_by_profile_and_a_seed_counts_once(tmp_path: Path) -> None:
    join(PIECE, tmp_path)
    join(replace(PIECE, seed=3, profile="default"), tmp_path)
    join(replace(PIECE, seed=8), tmp_path)
    joined = join(replace(PIECE, deposits=2_001), tmp_path)
    assert [(piece.seed, piece.deposits) for piece in joined] == [(7, 2_001), (8, 2_000)]


def test_the_receipt_adds_up_and_of_times_and_verdicts_the_worst_counts() -> None:
    slow = replace(PIECE, measured={"unknown_resolved_p50_s": 2.0, "unknown_resolved_p99_s": 8.0})
    bad = replace(slow, seed=8, commit="def", passed=False, broken={"lost": 1}, too_seldom=["deaths: 1 of 2"])
    facts = receipt.as_json([PIECE, bad])
    assert (facts["seed"], facts["deposits"], facts["deaths"]) == ([7, 8], 4_000, {"web": 1_000})
    assert facts["crash_points"] == {"web.before_commit": 62}
    assert (facts["lost"], facts["doubled_charges"]) == (1, 0)
    assert (facts["unknown_resolved_p50_s"], facts["unknown_resolved_p99_s"]) == (2.0, 9.0)
    assert facts["figures"]["passed"] is False
    assert facts["figures"]["commits"] == ["abc", "def"]
    assert facts["figures"]["too_seldom"] == ["deaths: 1 of 2"]
