"""docs/faults.md says which test proves each row of the fault catalogue. It is held against the tests here."""

from __future__ import annotations

import pytest

from tests.faults.catalogue import (
    NOT_HERE,
    PAGE,
    REQUIRED,
    ROWS,
    Row,
    ids_in,
    problems,
    proofs_by_id,
    rows,
    written,
)


def test_every_fault_has_its_test_or_its_reason() -> None:
    listed = rows(PAGE.read_text(encoding="utf-8"))
    assert [row.id for row in listed] == ROWS
    assert problems(listed, proofs_by_id()) == [], (
        "python -m tests.faults.catalogue writes the names of tests"
    )


def test_few_faults_are_only_explained() -> None:
    listed = rows(PAGE.read_text(encoding="utf-8"))
    explained = {row.id for row in listed if row.proof.startswith(NOT_HERE)}
    assert explained & REQUIRED == {"F20"}


def test_a_name_may_carry_several_ids() -> None:
    assert ids_in("test_f04_to_f06_f09_all_is_well") == ["F04", "F05", "F06", "F09"]


GOOD = Row("F01", "killed", "nothing", "`tests/a.py::test_f01_it`")


@pytest.mark.parametrize(
    ("row", "existing", "problem"),
    [
        (GOOD, {"F01": set[str]()}, "does not exist"),
        (GOOD, {"F01": {"tests/a.py::test_f01_it", "tests/a.py::test_f01_other"}}, "other is not listed"),
        (Row("F01", "killed", "nothing", ""), {}, "neither a test nor a reason"),
        (Row("F01", "killed", "nothing", NOT_HERE + "no"), {}, "neither a test nor a reason"),
    ],
)
def test_a_page_that_says_something_else_is_found(
    row: Row, existing: dict[str, set[str]], problem: str
) -> None:
    found = [text for text in problems([row], existing) if "row is missing" not in text]
    assert len(found) == 1
    assert problem in found[0]
    assert problems([GOOD], {"F01": GOOD.tests}) == [f"{one}: its row is missing" for one in ROWS[1:]]


def test_the_names_of_tests_are_written_into_the_table() -> None:
    page = "# Faults\n\n| F01 | killed | nothing | not here: no time |\n| F02 | killed | nothing | not here: why |\n"
    assert rows(written(page, {"F01": GOOD.tests}))[0] == GOOD
    assert written(page, {}) == page
