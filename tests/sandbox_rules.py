"""The sandbox's numbers are everybody's: no month's cap of theirs may end a run of tests."""

from __future__ import annotations

import psycopg

#: What stands in for the monthly cap at the sandbox's carrier; tests of caps use carriers of their own.
LIFTED = """
INSERT INTO deposits_rule (
    code, version, jurisdiction, subject, subject_key, carrier, method_type, currency, measure, "window", length, zone,
    own, price_points, replaces, effective_from, source, unverified, reviewer)
VALUES ('tests-no-monthly-cap', 1, '*', 'phone_number', '', 'sandbox-mobile', '', '', 'gross', 'month', '',
    'Europe/London', '', '{}', 'gb-psr-month', '2018-01-13', 'Tests share the numbers of the sandbox', '', 'tests')
ON CONFLICT (code, version) DO NOTHING
"""


def lift_the_monthly_cap(database_url: str) -> None:
    """Let the sandbox's numbers be charged without end. The database is migrated."""
    with psycopg.connect(database_url) as database:
        database.execute(LIFTED)
