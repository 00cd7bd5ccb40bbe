"""Fill a development database with a million deposits, to measure the admin on. Not a test; run it by hand:

    python -m tests.deposits.admin.million_rows postgres://postgres@127.0.0.1:5432/paysite_admin [deposits]

It needs a database superuser, because it switches off the triggers that would refuse ready-made deposits, and a
migrated database without deposits. Never point it at a database that matters.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

_SCRIPT = Path(__file__).with_suffix(".sql")
_DEFAULT_DEPOSITS = 1_000_000


def fill(dsn: str, deposits: int) -> None:
    """Insert `deposits` of them, spread over the last 90 days, with players, and the newest with their histories.

    Raises SystemExit when the database has deposits already.
    """
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM deposits_deposit)")
        if cursor.fetchone() != (False,):
            raise SystemExit("This database has deposits already: point the script at an empty one.")
        cursor.execute("SELECT set_config('fill.deposits', %s, false)", [str(deposits)])
        cursor.execute(_SCRIPT.read_text(encoding="utf-8").encode())
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    fill(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else _DEFAULT_DEPOSITS)
