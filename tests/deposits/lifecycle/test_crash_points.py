"""A death waiting at a crash point kills one process there, and is counted."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from deposits import crash_points


def test_one_death_kills_one_process_at_its_point_and_leaves_a_hit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_points, "_folder", tmp_path)
    (tmp_path / "worker.after_claim.1").touch()
    assert _status_of_child("worker.after_answer") == 0
    assert os.WTERMSIG(_status_of_child("worker.after_claim")) == signal.SIGKILL
    assert _status_of_child("worker.after_claim") == 0
    assert [hit.name.rpartition(".")[0] for hit in tmp_path.iterdir()] == ["hit.worker.after_claim.1"]


def test_a_name_that_is_no_point_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash_points, "_folder", tmp_path)
    with pytest.raises(AssertionError, match="no crash point"):
        crash_points.reach("worker.somewhere")


def _status_of_child(point: str) -> int:
    child = os.fork()
    if child == 0:
        crash_points.reach(point)
        os._exit(0)
    return os.waitpid(child, 0)[1]
