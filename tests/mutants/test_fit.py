"""The mutants fit the code as it is, so that `make mutants` says something about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.mutants.__main__ import Misfit, apply
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Edit, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.safety)
def test_the_safety_stands_where_it_would_be_removed(mutant: Mutant) -> None:
    for edit in mutant.edits:
        assert (ROOT / edit.file).read_text(encoding="utf-8").count(edit.find) == 1, edit
        assert edit.find != edit.replacement
    for test in mutant.tests:
        assert (ROOT / test).is_file()


def test_there_are_twelve_and_no_two_are_the_same() -> None:
    assert len({mutant.safety for mutant in MUTANTS}) == len(MUTANTS) >= 12


def test_a_text_that_has_changed_is_told(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("twice twice", encoding="utf-8")
    for text in ("twice", "never"):
        with pytest.raises(Misfit, match="not once"):
            apply(Mutant("it", (Edit("code.py", text, ""),), ()), tmp_path)
