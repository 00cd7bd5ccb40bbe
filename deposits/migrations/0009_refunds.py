"""Refunds: their tables, and the walls around them: legal moves, never above what was credited, no state without its booking."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# Spelt out, because a migration must not change when the code does; a test compares it with deposits/refund_states.py.
LEGAL_MOVES = (
    "requested>approved requested>refused approved>submitting approved>failed approved>review "
    "submitting>approved submitting>pending submitting>unknown submitting>review submitting>returned submitting>refused "
    "pending>review pending>returned pending>refused "
    "unknown>approved unknown>pending unknown>review unknown>returned unknown>refused "
    "review>returned review>refused review>failed"
)

# What is requested is checked with the deposit's row locked, so that two at the edge meet there: this statement sees what
# the other one has committed. PSR01: more than what was credited and is not on its way back.
GUARD = f"""
CREATE FUNCTION deposits_guard_refund() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    deposit deposits_deposit%ROWTYPE;
    credited bigint;
    taken bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state NOT IN ('requested', 'approved') THEN
            RAISE EXCEPTION 'a refund begins as requested or approved, not as %', NEW.state
                USING ERRCODE = 'check_violation';
        END IF;
        SELECT * INTO deposit FROM deposits_deposit WHERE id = NEW.deposit_id FOR NO KEY UPDATE;
        IF (NEW.currency, NEW.carrier) IS DISTINCT FROM (deposit.currency, deposit.carrier) THEN
            RAISE EXCEPTION 'refund % goes back in the currency and the way in which its deposit came', NEW.reference
                USING ERRCODE = 'check_violation';
        END IF;
        credited := CASE WHEN deposit.reversed_at IS NULL AND (deposit.state = 'credited' OR deposit.credited_late)
            THEN coalesce(deposit.taken_minor, deposit.amount_minor) ELSE 0 END;
        SELECT coalesce(sum(amount_minor), 0) INTO taken FROM deposits_refund
            WHERE deposit_id = NEW.deposit_id AND state NOT IN ('refused', 'failed');
        IF taken + NEW.amount_minor > credited THEN
            RAISE EXCEPTION 'refund % of % is above what is left of deposit %: % of %', NEW.reference, NEW.amount_minor,
                deposit.reference, credited - taken, credited USING ERRCODE = 'PSR01';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) <> ALL ('{{{LEGAL_MOVES.replace(" ", ",")}}}') THEN
        RAISE EXCEPTION 'refund % cannot go from % to %', OLD.reference, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.reference, NEW.deposit_id, NEW.carrier, NEW.amount_minor, NEW.currency, NEW.reason, NEW.note,
        NEW.beyond_balance, NEW.client, NEW.idempotency_key, NEW.idempotency_hash, NEW.requested_by_id, NEW.created_at)
        IS DISTINCT FROM
       (OLD.id, OLD.reference, OLD.deposit_id, OLD.carrier, OLD.amount_minor, OLD.currency, OLD.reason, OLD.note,
        OLD.beyond_balance, OLD.client, OLD.idempotency_key, OLD.idempotency_hash, OLD.requested_by_id, OLD.created_at)
    THEN
        RAISE EXCEPTION 'the facts of refund % cannot change', OLD.reference USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.lease_epoch < OLD.lease_epoch THEN
        RAISE EXCEPTION 'the epoch of refund % cannot go back', OLD.reference USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON deposits_refund
    FOR EACH ROW EXECUTE FUNCTION deposits_guard_refund();
"""  # noqa: S608 - the list of moves is our own

COUNTED = """
CREATE FUNCTION deposits_count_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE deposits_deposit SET refunded_minor = refunded_minor + NEW.amount_minor, updated_at = now()
        WHERE id = NEW.deposit_id;
    RETURN NULL;
END $$;
CREATE TRIGGER counted AFTER UPDATE ON deposits_refund
    FOR EACH ROW WHEN (NEW.state = 'returned' AND OLD.state <> 'returned') EXECUTE FUNCTION deposits_count_refund();
"""

# What is requested has left the balance; what is returned has left our hands; what failed is in the balance again.
BOOKED = """
CREATE FUNCTION deposits_check_refund_booked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    needed text := CASE WHEN TG_OP = 'INSERT' THEN 'refund_held' WHEN NEW.state = 'returned' THEN 'refund_returned'
        ELSE 'refund_released' END;
BEGIN
    IF NOT EXISTS (SELECT FROM accounts_ledgerentry WHERE source = NEW.id AND kind = needed) THEN
        RAISE EXCEPTION 'refund % is % without the ledger entry %', NEW.reference, NEW.state, needed
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER request_booked AFTER INSERT ON deposits_refund DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION deposits_check_refund_booked();
CREATE CONSTRAINT TRIGGER end_booked AFTER UPDATE ON deposits_refund DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.state IN ('returned', 'refused', 'failed') AND OLD.state <> NEW.state)
    EXECUTE FUNCTION deposits_check_refund_booked();
"""

APPEND_ONLY = "".join(
    f"""
CREATE TRIGGER append_only_rows BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
"""
    for table, events in (
        ("deposits_refund", "DELETE"),
        ("deposits_refundevent", "UPDATE OR DELETE"),
        ("deposits_refundattempt", "DELETE"),
    )
)


class Migration(migrations.Migration):
    dependencies = [
        ("deposits", "0008_approvals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="deposit",
            name="refunded_minor",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="case",
            name="kind",
            field=models.CharField(
                choices=[
                    ("unanswered", "unanswered for too long"),
                    ("mismatch", "carrier took something else"),
                    ("late_success", "taken after it had ended"),
                    ("poison", "its processing comes to nothing"),
                    ("reversal_shortfall", "reversed, and already spent"),
                    ("settlement_difference", "settlement file differs"),
                    ("unmatched_notification", "notification about a payment unknown to us"),
                    ("refund", "refund without a clear end"),
                ],
                max_length=30,
            ),
        ),
        migrations.AlterField(
            model_name="case",
            name="resolution",
            field=models.CharField(
                blank=True,
                choices=[
                    ("credited", "credit the player with what was taken"),
                    ("failed", "nothing was taken"),
                    ("declined", "the carrier declined it, nothing was taken"),
                    ("kept", "keep what was taken, to be returned"),
                    ("written_off", "give up what is owed"),
                    ("explained", "explained, nothing to book"),
                    ("answered", "answered by the carrier meanwhile"),
                    ("returned", "the refund was returned to the player"),
                    ("not_returned", "the refund was not returned: put it back into the balance"),
                ],
                db_default="",
                default="",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="settlementline",
            name="kind",
            field=models.CharField(
                choices=[("charge", "charge"), ("reversal", "reversal"), ("refund", "refund")],
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("reference", models.CharField(max_length=16)),
                ("carrier", models.CharField(max_length=40)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("duplicate", "deposited twice"),
                            ("player_request", "the player asked for it"),
                            ("service_fault", "our service was at fault"),
                            ("fraud", "fraud"),
                            ("exclusion_breach", "the player was excluded"),
                            ("goodwill", "goodwill"),
                        ],
                        max_length=20,
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=500)),
                ("beyond_balance", models.BooleanField(db_default=False, default=False)),
                ("client", models.CharField(max_length=40)),
                ("idempotency_key", models.CharField(max_length=255)),
                ("idempotency_hash", models.BinaryField(max_length=32)),
                ("request_id", models.CharField(blank=True, default="", max_length=64)),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "waits for a second person"),
                            ("approved", "to be sent"),
                            ("submitting", "being sent"),
                            ("pending", "on its way"),
                            ("unknown", "unknown"),
                            ("review", "in review"),
                            ("returned", "returned"),
                            ("refused", "refused"),
                            ("failed", "failed"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "carrier_refund_id",
                    models.CharField(blank=True, db_default="", default="", max_length=100),
                ),
                ("carrier_code", models.CharField(blank=True, db_default="", default="", max_length=80)),
                ("next_action_at", models.DateTimeField(blank=True, null=True)),
                ("lease_owner", models.CharField(blank=True, db_default="", default="", max_length=80)),
                ("lease_epoch", models.BigIntegerField(db_default=0, default=0)),
                ("tries", models.PositiveIntegerField(db_default=0, default=0)),
                ("inquiries", models.PositiveIntegerField(db_default=0, default=0)),
                ("fruitless", models.PositiveSmallIntegerField(db_default=0, default=0)),
                ("not_found_seen", models.PositiveIntegerField(db_default=0, default=0)),
                ("not_found_first_at", models.DateTimeField(blank=True, null=True)),
                ("in_doubt", models.BooleanField(db_default=False, default=False)),
                ("first_sent_at", models.DateTimeField(blank=True, null=True)),
                ("last_sent_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "deposit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="deposits.deposit",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "permissions": [("approve_refund", "Can approve what another person requested to refund")],
            },
        ),
        migrations.CreateModel(
            name="RefundAttempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("epoch", models.BigIntegerField()),
                (
                    "step",
                    models.CharField(choices=[("refund", "refund"), ("inquire", "inquire")], max_length=10),
                ),
                ("worker", models.CharField(max_length=80)),
                ("started_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("outcome", models.CharField(db_default="unknown", default="unknown", max_length=20)),
                ("detail", models.CharField(blank=True, db_default="", default="", max_length=300)),
                ("exchanges", models.JSONField(blank=True, null=True)),
                (
                    "refund",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts",
                        to="deposits.refund",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RefundEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("requested", "requested"),
                            ("approved", "approved by a second person"),
                            ("rejected", "rejected by a second person"),
                            ("sending", "about to be sent"),
                            ("lease_lost", "worker lost before it recorded an answer"),
                            ("not_sent", "could not be sent"),
                            ("not_done", "not processed"),
                            ("our_fault", "our request refused, not the refund"),
                            ("pending", "accepted, on its way"),
                            ("returned", "returned to the player"),
                            ("refused", "refused"),
                            ("silence", "no usable answer"),
                            ("not_found", "not known there yet"),
                            ("resent", "to be sent again under the same reference"),
                            ("mismatch", "something else was returned"),
                            ("overdue", "unanswered for too long"),
                            ("given_up", "could not be sent for too long"),
                            ("settled", "returned by the carrier's settlement file"),
                            ("set_aside", "set aside, its processing comes to nothing"),
                            ("staff_returned", "returned, by the word of two people"),
                            ("staff_failed", "not returned, by the word of two people"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "from_state",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("requested", "waits for a second person"),
                            ("approved", "to be sent"),
                            ("submitting", "being sent"),
                            ("pending", "on its way"),
                            ("unknown", "unknown"),
                            ("review", "in review"),
                            ("returned", "returned"),
                            ("refused", "refused"),
                            ("failed", "failed"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                (
                    "to_state",
                    models.CharField(
                        choices=[
                            ("requested", "waits for a second person"),
                            ("approved", "to be sent"),
                            ("submitting", "being sent"),
                            ("pending", "on its way"),
                            ("unknown", "unknown"),
                            ("review", "in review"),
                            ("returned", "returned"),
                            ("refused", "refused"),
                            ("failed", "failed"),
                        ],
                        max_length=16,
                    ),
                ),
                ("actor_kind", models.CharField(max_length=10)),
                ("actor", models.CharField(blank=True, default="", max_length=80)),
                ("detail", models.CharField(blank=True, default="", max_length=500)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "refund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="deposits.refund",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("next_action_at__isnull", False)),
                fields=["carrier", "next_action_at"],
                name="refund_due",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("state__in", ["returned", "refused", "failed"]), _negated=True),
                fields=["id"],
                name="refund_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.UniqueConstraint(fields=("reference",), name="refund_reference"),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.UniqueConstraint(
                fields=("idempotency_key", "client"), name="refund_idempotency"
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="refund_amount"
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "requested",
                            "approved",
                            "submitting",
                            "pending",
                            "unknown",
                            "review",
                            "returned",
                            "refused",
                            "failed",
                        ],
                    )
                ),
                name="refund_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by", None),
                    models.Q(("decided_by", models.F("requested_by")), _negated=True),
                    _connector="OR",
                ),
                name="refund_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundattempt",
            constraint=models.UniqueConstraint(
                fields=("refund", "epoch"), name="refund_attempt_once_per_epoch"
            ),
        ),
        *(
            migrations.RunSQL(sql, reverse_sql=migrations.RunSQL.noop)
            for sql in (GUARD, COUNTED, BOOKED, APPEND_ONLY)
        ),
    ]
