"""docs/faults.md says which test proves each row of the fault catalogue. It is held against the tests here."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from tests.architecture.source import ROOT, modules_below

PAGE = ROOT / "docs" / "faults.md"
ROWS = [f"F{number:02}" for number in range(1, 71)]
#: Each of these is proved by a test, or says why it cannot be.
REQUIRED = frozenset(
    f"F{number:02}" for number in (*range(1, 44), *range(46, 52), *range(53, 58), *range(59, 66))
)
#: What a row says whose test is being written; and one that cannot be tested here, with the reason.
PENDING, NOT_HERE = "pending: ", "not here: "

_TEST = re.compile(r"`(tests/[\w/]+\.py::test_f\d\d_\w+)`")
_DEFINITION = re.compile(r"^(?:async )?def (test_f\d\d_\w+)", re.MULTILINE)
_IDS = re.compile(r"f(\d\d)(?:_to_f(\d\d))?(?=_)")


@dataclass(frozen=True)
class Row:
    """One line of the page: `proof` is what its last column says."""

    id: str
    fault: str
    promise: str
    proof: str

    @property
    def tests(self) -> set[str]:
        """The tests it names, as pytest does."""
        return set(_TEST.findall(self.proof))


def rows(text: str) -> list[Row]:
    """Read the table's rows out of the page."""
    lines = [line for line in text.splitlines() if re.match(r"\| F\d\d \|", line)]
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


def ids_in(name: str) -> list[str]:
    """Return the rows that a test proves by its name: "test_f04_to_f06_f09_all_is_well" → F04, F05, F06 and F09."""
    return [
        f"F{number:02}"
        for first, last in _IDS.findall(name)
        for number in range(int(first), int(last or first) + 1)
    ]


def proofs_by_id() -> dict[str, set[str]]:
    """Return the tests that carry a row's id in their name: id → names as pytest has them."""
    found: dict[str, set[str]] = {}
    for module in modules_below(ROOT, ("tests",)):
        for name in _DEFINITION.findall(module.text):
            for one in ids_in(name):
                found.setdefault(one, set()).add(f"{module.path}::{name}")
    return found


def problems(listed: list[Row], existing: dict[str, set[str]]) -> list[str]:
    """What the page says that is not so, and what it does not say."""
    found = [f"{one}: its row is missing" for one in ROWS if one not in {row.id for row in listed}]
    for row in listed:
        known = existing.get(row.id, set())
        found += [f"{row.id}: {test} does not exist" for test in sorted(row.tests - known)]
        if row.proof.startswith(PENDING):
            continue
        found += [f"{row.id}: {test} is not listed" for test in sorted(known - row.tests)]
        reason = row.proof.removeprefix(NOT_HERE)
        if not row.tests and (reason == row.proof or len(reason) < 20):
            found.append(f"{row.id}: neither a test nor a reason ('{NOT_HERE}…')")
    return found


def test_every_fault_has_its_test_or_its_reason() -> None:
    listed = rows(PAGE.read_text(encoding="utf-8"))
    assert [row.id for row in listed] == ROWS
    assert problems(listed, proofs_by_id()) == []


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
