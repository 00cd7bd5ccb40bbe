"""What a migration may do once the site is running: add, and build indexes concurrently. Nothing that holds it up.

The next release removes what nobody uses any more ("expand, then contract"), so that old and new code run side by side.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
import sqlparse
from django.core.management import call_command

from tests.local_servers import ROOT

#: Made before anything ran on it: the beginning of the schema. Nothing is added here after the first release.
INITIAL = frozenset({"0001", "0002", "0003"})
BEFORE_THE_FIRST_RELEASE = frozenset({("deposits", "0004_breakers"), ("deposits", "0006_cases")})
APPS = ("accounts", "deposits")

_TABLE = r'"?(?P<table>\w+)"?'
_NEW_TABLE = re.compile(rf"CREATE TABLE {_TABLE}", re.IGNORECASE)
_ON_TABLE = re.compile(
    rf"(?:ALTER TABLE(?: ONLY)? {_TABLE}|CREATE (?:UNIQUE )?INDEX \S+ ON {_TABLE.replace('table', 'on')})",
    re.IGNORECASE,
)
#: Statements that hold up nobody for longer than it takes to write them into the catalogue.
_HARMLESS = (
    r"CREATE TABLE ",
    r"CREATE (UNIQUE )?INDEX CONCURRENTLY ",
    r"CREATE (OR REPLACE )?(FUNCTION|VIEW) ",
    r"CREATE (OR REPLACE )?(CONSTRAINT )?TRIGGER ",
    r"ALTER TABLE \S+ ADD COLUMN (?!.*\bNOT NULL\b)",
    r"ALTER TABLE \S+ ADD COLUMN .*\bDEFAULT\b.*\bNOT NULL\b",
    r"ALTER TABLE \S+ ALTER COLUMN \S+ (DROP NOT NULL|SET DEFAULT|DROP DEFAULT)",
    r"ALTER TABLE \S+ ADD CONSTRAINT .*\bNOT VALID\b",
    r"ALTER TABLE \S+ VALIDATE CONSTRAINT ",
    # A check of one column, as Django names them: code that still counts on it writes what passes it.
    r'ALTER TABLE \S+ DROP CONSTRAINT "\w+_check"',
    r"INSERT INTO ",
    r"COMMENT ON ",
    r"(BEGIN|COMMIT)\b",
)


def later_migrations() -> list[tuple[str, str]]:
    return [
        (app, path.stem)
        for app in APPS
        for path in sorted((ROOT / app / "migrations").glob("0*.py"))
        if path.stem[:4] not in INITIAL and (app, path.stem) not in BEFORE_THE_FIRST_RELEASE
    ]


def harmful(sql: str) -> Iterator[str]:
    """Each statement of a migration that could hold up a running site."""
    new = {found["table"] for found in _NEW_TABLE.finditer(sql)}
    for statement in sqlparse.split(sqlparse.format(sql, strip_comments=True)):
        line = " ".join(statement.split())
        on = _ON_TABLE.match(line)
        concerns_new = on is not None and (on["table"] or on["on"]) in new
        if (
            line.strip("; ")
            and not concerns_new
            and not any(re.match(one, line, re.IGNORECASE) for one in _HARMLESS)
        ):
            yield line


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize(("app", "name"), later_migrations())
def test_f50_a_later_migration_only_adds(app: str, name: str) -> None:
    said = io.StringIO()
    call_command("sqlmigrate", app, name, stdout=said)
    assert list(harmful(said.getvalue())) == []


@pytest.mark.parametrize(
    "sql",
    [
        'ALTER TABLE "deposits_deposit" DROP COLUMN "carrier"',
        'ALTER TABLE "deposits_deposit" RENAME COLUMN "a" TO "b"',
        'ALTER TABLE "deposits_deposit" ALTER COLUMN "a" TYPE text',
        'ALTER TABLE "deposits_deposit" ALTER COLUMN "a" SET NOT NULL',
        'ALTER TABLE "deposits_deposit" ADD COLUMN "a" integer NOT NULL',
        'ALTER TABLE "deposits_deposit" ADD CONSTRAINT "a" CHECK (b > 0)',
        'CREATE INDEX "a" ON "deposits_deposit" ("b")',
        "UPDATE deposits_deposit SET carrier = ''",
        "DROP TABLE deposits_deposit",
    ],
)
def test_what_would_hold_up_the_site_is_found(sql: str) -> None:
    assert list(harmful(sql)) == [sql]


@pytest.mark.parametrize(
    "sql",
    [
        'CREATE TABLE "a" ("b" integer NOT NULL); CREATE INDEX "c" ON "a" ("b"); ALTER TABLE "a" ADD CHECK (b > 0)',
        'CREATE INDEX CONCURRENTLY "a" ON "deposits_deposit" ("b")',
        'ALTER TABLE "deposits_deposit" ADD COLUMN "a" integer NULL',
        'ALTER TABLE "deposits_deposit" ADD COLUMN "a" integer DEFAULT 0 NOT NULL',
        "CREATE FUNCTION a() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE b SET c = 1; RETURN NULL; END $$",
    ],
)
def test_what_only_adds_passes(sql: str) -> None:
    assert list(harmful(sql)) == []
