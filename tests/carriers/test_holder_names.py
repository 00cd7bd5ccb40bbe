"""Whose account it is, as banks write names and as people do."""

from __future__ import annotations

import pytest

from carriers.holder_names import may_be


@pytest.mark.parametrize(
    ("holder", "player"),
    [
        ("MS ALEX P TAYLOR", "Alexandra Taylor"),
        ("A TAYLOR", "Alex Taylor"),
        ("Mr A Smith & Mrs B Smith", "Beth Smith"),
        ("JOSÉ GARCÍA-LÓPEZ", "Jose Garcia-Lopez"),
        ("Siobhan O'Neill", "SIOBHAN O'NEILL"),
    ],
)
def test_the_same_person(holder: str, player: str) -> None:
    assert may_be(holder, player)


@pytest.mark.parametrize(
    ("holder", "player"),
    [
        ("MS ALEX P TAYLOR", "Sam Taylor"),
        ("MS ALEX P TAYLOR", "Alex Jones"),
        ("", "Alex Taylor"),
        ("MR", "Mr Taylor"),
        ("1234", "Alex Taylor"),
        ("ALEX TAYLOR", ""),
    ],
)
def test_somebody_else(holder: str, player: str) -> None:
    assert not may_be(holder, player)
