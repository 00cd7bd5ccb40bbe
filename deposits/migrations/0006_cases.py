"""Cases, settlement files, and the moves that they make legal."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# Spelt out, because a migration must not change when the code does; a test compares it with deposits/states.py.
LEGAL_MOVES = (
    "received>submitting received>cancelled received>failed "
    "submitting>received submitting>action_required submitting>pending submitting>unknown submitting>review "
    "submitting>credited submitting>declined submitting>cancelled submitting>expired "
    "action_required>submitting action_required>pending action_required>review action_required>credited "
    "action_required>declined action_required>cancelled action_required>expired "
    "pending>submitting pending>action_required pending>review pending>credited pending>declined "
    "pending>cancelled pending>expired pending>failed "
    "unknown>received unknown>action_required unknown>pending unknown>review unknown>credited unknown>declined "
    "unknown>cancelled unknown>expired unknown>failed "
    "review>credited review>declined review>cancelled review>failed"
)

GUARD = f"""
CREATE OR REPLACE FUNCTION deposits_guard_deposit() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""

# What the worker that claims a deposit does with it. An unknown one is asked about, or closed by a tombstone.
STEP_OF = """
CREATE OR REPLACE FUNCTION deposits_step_of(state text, next_step text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN state = 'received' THEN 'authorise'
            WHEN state IN ('action_required', 'pending') THEN next_step
            WHEN state = 'unknown' AND next_step = 'cancel' THEN 'cancel'
            ELSE 'inquire' END;
"""

CASES = """
CREATE FUNCTION deposits_guard_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'closed' THEN
        RAISE EXCEPTION 'case % is closed', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.kind, NEW.subject, NEW.deposit_id, NEW.evidence, NEW.opened_at)
        IS DISTINCT FROM (OLD.kind, OLD.subject, OLD.deposit_id, OLD.evidence, OLD.opened_at) THEN
        RAISE EXCEPTION 'what case % is about cannot change', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON deposits_case FOR EACH ROW EXECUTE FUNCTION deposits_guard_case();
CREATE TRIGGER append_only_rows BEFORE DELETE ON deposits_case
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
"""

# Files are updated once, when their day is over and what they lack has been looked for.
SETTLEMENT = "".join(
    f"""
CREATE TRIGGER append_only_rows BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
"""
    for table, events in (
        ("deposits_settlementfile", "DELETE"),
        ("deposits_settlementline", "UPDATE OR DELETE"),
        ("deposits_settlementfinding", "UPDATE OR DELETE"),
    )
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_flags"),
        ("deposits", "0005_event_takeovers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Case",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("unanswered", "unanswered for too long"),
                            ("mismatch", "carrier took something else"),
                            ("late_success", "taken after it had ended"),
                            ("poison", "its processing comes to nothing"),
                            ("reversal_shortfall", "reversed, and already spent"),
                            ("settlement_difference", "settlement file differs"),
                            ("unmatched_notification", "notification about a payment unknown to us"),
                        ],
                        max_length=30,
                    ),
                ),
                ("subject", models.CharField(max_length=200)),
                ("evidence", models.JSONField(default=dict)),
                ("opened_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("due_at", models.DateTimeField()),
                ("owner_role", models.CharField(max_length=40)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("proposed", "waits for a second person"),
                            ("closed", "closed"),
                        ],
                        db_default="open",
                        default="open",
                        max_length=10,
                    ),
                ),
                (
                    "resolution",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("credited", "credit the player with what was taken"),
                            ("failed", "nothing was taken"),
                            ("declined", "the carrier declined it, nothing was taken"),
                            ("kept", "keep what was taken, to be returned"),
                            ("written_off", "give up what is owed"),
                            ("explained", "explained, nothing to book"),
                            ("answered", "answered by the carrier meanwhile"),
                        ],
                        db_default="",
                        default="",
                        max_length=20,
                    ),
                ),
                ("proposed_at", models.DateTimeField(blank=True, null=True)),
                ("proposal_reason", models.CharField(blank=True, db_default="", default="", max_length=500)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closing_reason", models.CharField(blank=True, db_default="", default="", max_length=500)),
            ],
            options={
                "permissions": [("confirm_case", "Can confirm what another person proposed for a case")],
            },
        ),
        migrations.CreateModel(
            name="SettlementFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("carrier", models.CharField(max_length=40)),
                ("day", models.DateField()),
                ("name", models.CharField(max_length=200)),
                ("sha256", models.CharField(max_length=64)),
                ("lines_count", models.PositiveIntegerField()),
                ("imported_by", models.CharField(max_length=100)),
                ("imported_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="SettlementFinding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("matched", "as we have it"),
                            ("credited", "credited by this line"),
                            ("missing_here", "settled by the carrier, missing here"),
                            ("missing_there", "credited here, missing in the file"),
                            ("amount", "amount or currency differs"),
                            ("duplicate", "settled twice"),
                            ("date", "settled for another day"),
                            ("payment", "another payment of the carrier"),
                        ],
                        max_length=15,
                    ),
                ),
                ("detail", models.CharField(blank=True, default="", max_length=300)),
                ("found_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="SettlementLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("day", models.DateField()),
                ("reference", models.CharField(blank=True, max_length=64)),
                ("payment_id", models.CharField(max_length=100)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                (
                    "kind",
                    models.CharField(choices=[("charge", "charge"), ("reversal", "reversal")], max_length=10),
                ),
            ],
        ),
        migrations.AddField(
            model_name="deposit",
            name="credited_late",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="deposit",
            name="fruitless",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="depositevent",
            name="event",
            field=models.CharField(
                choices=[
                    ("accepted", "accepted"),
                    ("sending", "about to be sent to the carrier"),
                    ("lease_lost", "worker lost before it recorded an answer"),
                    ("not_sent", "could not be sent"),
                    ("not_done", "carrier did not process it"),
                    ("refused", "carrier refused our request, not the player"),
                    ("approved", "approved by the carrier"),
                    ("declined", "declined by the carrier"),
                    ("pending", "carrier is working on it"),
                    ("reserved", "amount reserved by the carrier"),
                    ("code_required", "code sent to the player"),
                    ("code_rejected", "wrong code"),
                    ("code_entered", "player entered a code"),
                    ("cancel_requested", "cancel requested"),
                    ("cancelled", "cancelled"),
                    ("expired", "ran out"),
                    ("silence", "no usable answer"),
                    ("not_found", "carrier does not know it yet"),
                    ("rerouted", "given to another route"),
                    ("resent", "to be sent again under the same reference"),
                    ("mismatch", "carrier took something else"),
                    ("overdue", "unanswered for too long"),
                    ("notified", "notification received"),
                    ("reversed", "reversed by the carrier"),
                    ("tombstoned", "closed at the carrier, nothing was taken"),
                    ("late_success", "taken by the carrier after it had ended"),
                    ("settled", "taken by the carrier's settlement file"),
                    ("set_aside", "set aside, its processing comes to nothing"),
                    ("staff_credited", "credited by two people"),
                    ("staff_declined", "declined by two people"),
                    ("staff_failed", "failed by two people"),
                    ("staff_kept", "kept for return by two people"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="carriernotification",
            index=models.Index(
                condition=models.Q(("deposit", None)), fields=["received_at"], name="notification_unmatched"
            ),
        ),
        migrations.AddIndex(
            model_name="deposit",
            index=models.Index(
                condition=models.Q(("fruitless__gte", 5), ("next_action_at__isnull", False)),
                fields=["next_action_at"],
                name="deposit_poison",
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="closed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="deposit",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cases",
                to="deposits.deposit",
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="proposed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="settlementfile",
            constraint=models.UniqueConstraint(fields=("carrier", "sha256"), name="settlement_file_once"),
        ),
        migrations.AddField(
            model_name="settlementfinding",
            name="case",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="finding",
                to="deposits.case",
            ),
        ),
        migrations.AddField(
            model_name="settlementfinding",
            name="deposit",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="settlement_findings",
                to="deposits.deposit",
            ),
        ),
        migrations.AddField(
            model_name="settlementfinding",
            name="file",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="findings",
                to="deposits.settlementfile",
            ),
        ),
        migrations.AddField(
            model_name="settlementline",
            name="file",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="deposits.settlementfile",
            ),
        ),
        migrations.AddField(
            model_name="settlementfinding",
            name="line",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="finding",
                to="deposits.settlementline",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("state", "closed"), _negated=True), fields=["id"], name="case_queue"
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.UniqueConstraint(fields=("subject", "kind"), name="case_once"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("closed_by", None),
                    models.Q(("closed_by", models.F("proposed_by")), _negated=True),
                    _connector="OR",
                ),
                name="case_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "open"), models.Q(("resolution", ""), _negated=True), _connector="OR"
                ),
                name="case_resolution",
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "closed"), ("closed_at", None), _connector="XOR"),
                name="case_closed_at",
            ),
        ),
        migrations.AddIndex(
            model_name="settlementline",
            index=models.Index(fields=["reference"], name="settlement_by_reference"),
        ),
        migrations.AddIndex(
            model_name="settlementline",
            index=models.Index(fields=["payment_id"], name="settlement_by_payment"),
        ),
        migrations.AddConstraint(
            model_name="settlementline",
            constraint=models.UniqueConstraint(fields=("file", "number"), name="settlement_line_once"),
        ),
        migrations.AddConstraint(
            model_name="settlementline",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="settlement_line_amount"
            ),
        ),
        migrations.AddIndex(
            model_name="settlementfinding",
            index=models.Index(
                condition=models.Q(("verdict__in", ["matched", "credited"]), _negated=True),
                fields=["file", "id"],
                name="settlement_differences",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlementfinding",
            constraint=models.UniqueConstraint(
                condition=models.Q(("line", None)), fields=("file", "deposit"), name="settlement_missing_once"
            ),
        ),
        *(
            migrations.RunSQL(sql, reverse_sql=migrations.RunSQL.noop)
            for sql in (GUARD, STEP_OF, CASES, SETTLEMENT)
        ),
    ]
