"""The table of docs/faults.md, and the tests that carry its ids in their names.

`python -m tests.faults.catalogue` writes the names of the tests into the table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.architecture.source import ROOT, modules_below

PAGE = ROOT / "docs" / "faults.md"
ROWS = [f"F{number:02}" for number in range(1, 90)]
#: Each of these is proved by a test, or says why it cannot be.
REQUIRED = frozenset(
    f"F{number:02}"
    for number in (*range(1, 44), *range(46, 52), *range(53, 58), *range(59, 66), *range(69, 90))
)
#: What a row says that cannot be tested here, before the reason.
NOT_HERE = "not here: "

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
        found += [f"{row.id}: {test} is not listed" for test in sorted(known - row.tests)]
        reason = row.proof.removeprefix(NOT_HERE)
        if not row.tests and (reason == row.proof or len(reason) < 20):
            found.append(f"{row.id}: neither a test nor a reason ('{NOT_HERE}…')")
    return found


def written(text: str, existing: dict[str, set[str]]) -> str:
    """Return the page with the tests that exist in its last column; rows without any stay as they are."""
    lines = []
    for line in text.splitlines():
        cells = line.split(" | ")
        if names := existing.get(line[2:5]) if line.startswith("| F") else None:
            cells[-1] = "<br>".join(f"`{name}`" for name in sorted(names)) + " |"
        lines.append(" | ".join(cells))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), proofs_by_id()), encoding="utf-8")
