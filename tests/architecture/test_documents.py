"""What the documents say of tests and files is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.local_servers import ROOT

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_every_test_that_a_document_names_is_there(page: Path) -> None:
    named = _TEST.findall(page.read_text())
    missing = [
        f"{path}::{name}"
        for path, name in named
        if f"def {name}(" not in (ROOT / path).read_text(errors="replace")
    ]
    assert missing == []


def test_every_acceptance_check_has_its_row() -> None:
    rows = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "checks.md").read_text(), re.MULTILINE)
    assert rows == [str(number) for number in range(1, 23)]
