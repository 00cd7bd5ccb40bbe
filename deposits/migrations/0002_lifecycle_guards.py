"""The walls of the lifecycle: legal moves only, facts that never change, and no credit without its ledger entry.

The list of moves is spelt out, because a migration must not change when the code does; a test compares what the
database enforces with deposits/states.py.
"""

from __future__ import annotations

from django.db import migrations

LEGAL_MOVES = (
    "received>submitting received>cancelled received>failed "
    "submitting>received submitting>action_required submitting>pending submitting>unknown submitting>review "
    "submitting>credited submitting>declined submitting>cancelled submitting>expired "
    "action_required>submitting action_required>pending action_required>review action_required>credited "
    "action_required>declined action_required>cancelled action_required>expired "
    "pending>submitting pending>action_required pending>review pending>credited pending>declined "
    "pending>cancelled pending>expired "
    "unknown>received unknown>action_required unknown>pending unknown>review unknown>credited unknown>declined "
    "unknown>cancelled unknown>expired "
    "review>credited review>declined review>cancelled"
)

GUARD = f"""
CREATE FUNCTION deposits_guard_deposit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'received' THEN
            RAISE EXCEPTION 'a deposit begins as received, not as %', NEW.state USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) <> ALL ('{{{LEGAL_MOVES.replace(" ", ",")}}}') THEN
        RAISE EXCEPTION 'deposit % cannot go from % to %', OLD.reference, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.reference, NEW.partner_id, NEW.player_id, NEW.amount_minor, NEW.currency, NEW.client,
        NEW.idempotency_key, NEW.idempotency_hash, NEW.phone_number, NEW.created_at, NEW.counted_on)
        IS DISTINCT FROM
       (OLD.id, OLD.reference, OLD.partner_id, OLD.player_id, OLD.amount_minor, OLD.currency, OLD.client,
        OLD.idempotency_key, OLD.idempotency_hash, OLD.phone_number, OLD.created_at, OLD.counted_on) THEN
        RAISE EXCEPTION 'the facts of deposit % cannot change', OLD.reference USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.lease_epoch < OLD.lease_epoch THEN
        RAISE EXCEPTION 'the epoch of deposit % cannot go back', OLD.reference USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON deposits_deposit
    FOR EACH ROW EXECUTE FUNCTION deposits_guard_deposit();
"""

# Credit and `credited` commit together or not at all.
CREDITED_IS_BOOKED = """
CREATE FUNCTION deposits_check_credit_booked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM accounts_ledgerentry WHERE source = NEW.id AND kind = 'deposit') THEN
        RAISE EXCEPTION 'deposit % is credited without a ledger entry', NEW.reference
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER credit_booked AFTER UPDATE ON deposits_deposit DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.state = 'credited' AND OLD.state <> 'credited')
    EXECUTE FUNCTION deposits_check_credit_booked();
"""

# Raised from inside the accept statement, so that a refused deposit leaves nothing behind.
LIMIT_REFUSED = """
CREATE FUNCTION deposits_refuse_limit() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'above a deposit limit' USING ERRCODE = 'PSL01';
END $$;
"""

APPEND_ONLY = """
CREATE TRIGGER append_only_rows BEFORE DELETE ON deposits_deposit
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON deposits_depositevent
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER append_only_rows BEFORE DELETE ON deposits_attempt
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER append_only_rows BEFORE DELETE ON deposits_carriernotification
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("deposits", "0001_deposits"), ("accounts", "0002_ledger_guards")]

    operations = [
        migrations.RunSQL(sql, reverse_sql=migrations.RunSQL.noop)
        for sql in (GUARD, CREDITED_IS_BOOKED, LIMIT_REFUSED, APPEND_ONLY)
    ]
