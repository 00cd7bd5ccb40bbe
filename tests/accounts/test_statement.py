"""Statements that are prepared: their plans follow what the tables have grown to."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

from accounts import statement
from accounts.statement import Statement
from tests.deposits.plans import rows_scanned

ROWS = 20_000


@pytest.fixture
def growing() -> str:
    """A table with one row and an index."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE growing (id int PRIMARY KEY, word text)")
        cursor.execute("INSERT INTO growing VALUES (0, 'none')")
        cursor.execute("ANALYZE growing")
    return "growing"


@pytest.mark.django_db
@pytest.mark.parametrize("made_anew", [False, True])
def test_a_plan_is_not_kept_for_what_a_table_was_when_it_was_empty(
    growing: str, made_anew: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "find.sql"
    path.write_text(f"SELECT word FROM {growing} WHERE id = %(id)s")
    find = Statement(path)
    monkeypatch.setattr(statement, "PLANS_LAST_S", 60.0)
    # As often as it takes PostgreSQL to keep one plan for all.
    for _ in range(10):
        find.rows({"id": 0})
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {growing} SELECT n, 'one' FROM generate_series(1, {ROWS}) AS n")
    before = rows_scanned(growing)
    if made_anew:
        monkeypatch.setattr(statement, "PLANS_LAST_S", 0.0)
    assert find.rows({"id": ROWS}) == [{"word": "one"}]
    assert rows_scanned(growing) - before == (0 if made_anew else ROWS + 1)
