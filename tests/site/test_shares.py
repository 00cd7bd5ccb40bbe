"""`python -m tests` leaves no test out, and its runs end at about the same time."""

from __future__ import annotations

from tests.__main__ import RUNS, SECONDS, shares
from tests.seconds import TESTS


def test_every_test_is_in_one_run() -> None:
    names = {path.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")}
    dealt = [name for run in shares(sorted(names), SECONDS) for name in run]
    assert sorted(dealt) == sorted(names)
    assert set(SECONDS) <= names


def test_the_longest_is_dealt_first_and_to_who_has_least() -> None:
    assert RUNS == 2
    assert shares(["short", "b", "c", "a", "d"], {"a": 90, "b": 80, "c": 50, "d": 30}) == [
        ["a", "d", "short"],
        ["b", "c"],
    ]
