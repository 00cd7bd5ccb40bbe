"""The check of postings looks each entry and each account up, however small the tables were when it was planned."""

from __future__ import annotations

from django.db import migrations

# PostgreSQL keeps the plan of a session's first call until the table is analysed, which on a busy site is a minute.
# Planned while there are few postings, it read all of them at every credit: a millisecond for each thousand.
POSTINGS = """
CREATE OR REPLACE FUNCTION accounts_check_postings() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    wrong text;
BEGIN
    SELECT 'posting in ' || p.currency || ' to an account in another currency' INTO wrong
        FROM inserted p JOIN accounts_ledgeraccount a ON a.id = p.account_id WHERE a.currency <> p.currency LIMIT 1;
    IF wrong IS NULL THEN
        SELECT 'ledger entry ' || entry.entry_id || ' does not balance' INTO wrong
            FROM (SELECT DISTINCT entry_id FROM inserted) AS entry
            CROSS JOIN LATERAL (
                SELECT sum(amount_minor) AS total FROM accounts_posting AS p
                WHERE p.entry_id = entry.entry_id GROUP BY p.currency) AS per_currency
            WHERE per_currency.total <> 0 LIMIT 1;
    END IF;
    IF wrong IS NULL THEN
        SELECT 'posting to ledger entry ' || entry_id || ', which does not exist' INTO wrong FROM inserted
            WHERE NOT EXISTS (SELECT FROM accounts_ledgerentry e WHERE e.id = inserted.entry_id) LIMIT 1;
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION '%', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0020_player_by_reckoned_age")]

    operations = [migrations.RunSQL(POSTINGS, reverse_sql=migrations.RunSQL.noop)]
