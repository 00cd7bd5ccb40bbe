"""The walls of the ledger and of the audit trail: append-only, and every entry balanced."""

from __future__ import annotations

from django.db import migrations

REFUSE_CHANGE = """
CREATE FUNCTION accounts_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
"""

# One per table and kind of change. Audit rows may be updated once, by the sealer, and only in the seal itself.
APPEND_ONLY = "".join(
    f"""
CREATE TRIGGER append_only_rows BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
"""
    for table, events in (
        ("accounts_ledgerentry", "UPDATE OR DELETE"),
        ("accounts_posting", "UPDATE OR DELETE"),
        ("accounts_auditrecord", "DELETE"),
    )
)

SEALED_ONCE = """
CREATE FUNCTION accounts_guard_audit_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.sealed_as IS NOT NULL
        OR to_jsonb(OLD) - 'sealed_as' - 'hash' IS DISTINCT FROM to_jsonb(NEW) - 'sealed_as' - 'hash' THEN
        RAISE EXCEPTION 'accounts_auditrecord is append-only: UPDATE refused' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sealed_once BEFORE UPDATE ON accounts_auditrecord
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_audit_seal();
"""

BALANCED = """
CREATE FUNCTION accounts_check_entry_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    postings int;
    unbalanced int;
BEGIN
    SELECT coalesce(sum(lines), 0), count(*) FILTER (WHERE total <> 0) INTO postings, unbalanced FROM (
        SELECT count(*) AS lines, sum(amount_minor) AS total
        FROM accounts_posting WHERE entry_id = NEW.id GROUP BY currency) per_currency;
    IF unbalanced > 0 OR postings < 2 THEN
        RAISE EXCEPTION 'ledger entry % does not balance', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON accounts_ledgerentry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION accounts_check_entry_balanced();
"""

# Once per statement: an entry's postings come together, belong to an entry that stands, keep to their accounts'
# currency and sum to zero. A later posting to an old entry would unbalance it and is refused by the same sum.
POSTINGS = """
CREATE FUNCTION accounts_check_postings() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT 'posting in ' || p.currency || ' to an account in another currency' INTO wrong
        FROM inserted p JOIN accounts_ledgeraccount a ON a.id = p.account_id WHERE a.currency <> p.currency LIMIT 1;
    IF wrong IS NULL THEN
        SELECT 'ledger entry ' || entry_id || ' does not balance' INTO wrong FROM accounts_posting
            WHERE entry_id IN (SELECT entry_id FROM inserted)
            GROUP BY entry_id, currency HAVING sum(amount_minor) <> 0 LIMIT 1;
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
CREATE TRIGGER checked AFTER INSERT ON accounts_posting REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_check_postings();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_people_and_ledger")]

    operations = [
        migrations.RunSQL(sql, reverse_sql=migrations.RunSQL.noop)
        for sql in (REFUSE_CHANGE, APPEND_ONLY, SEALED_ONCE, BALANCED, POSTINGS)
    ]
