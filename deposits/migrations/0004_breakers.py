"""Breakers, routes and one queue of due deposits for each carrier."""

from __future__ import annotations

import django.db.models.functions.datetime
from django.db import migrations, models

# What the worker that claims a deposit does with it, as the claim statement reads it.
STEP_OF = """
CREATE FUNCTION deposits_step_of(state text, next_step text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN state = 'received' THEN 'authorise'
            WHEN state IN ('action_required', 'pending') THEN next_step
            ELSE 'inquire' END;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_admin_indexes"),
        ("deposits", "0003_admin_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Breaker",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("carrier", models.CharField(max_length=40)),
                ("operation", models.CharField(max_length=10)),
                (
                    "state",
                    models.CharField(
                        choices=[("closed", "closed"), ("open", "open"), ("half_open", "half open")],
                        db_default="closed",
                        default="closed",
                        max_length=10,
                    ),
                ),
                ("held", models.BooleanField(db_default=False, default=False)),
                ("reason", models.CharField(blank=True, db_default="", default="", max_length=300)),
                ("changed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("probe_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("paused_until", models.DateTimeField(blank=True, null=True)),
                (
                    "window_started_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("calls", models.PositiveIntegerField(db_default=0, default=0)),
                ("failures", models.PositiveIntegerField(db_default=0, default=0)),
                ("refusals", models.PositiveIntegerField(db_default=0, default=0)),
                (
                    "minute_started_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("first_calls", models.PositiveIntegerField(db_default=0, default=0)),
                ("repeats", models.PositiveIntegerField(db_default=0, default=0)),
            ],
        ),
        migrations.RemoveIndex(
            model_name="deposit",
            name="deposit_due_open",
        ),
        migrations.RemoveIndex(
            model_name="deposit",
            name="deposit_due_received",
        ),
        migrations.AddField(
            model_name="attempt",
            name="carrier",
            field=models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
        migrations.AddField(
            model_name="attempt",
            name="decision",
            field=models.CharField(blank=True, db_default="", default="", max_length=400),
        ),
        migrations.AddField(
            model_name="deposit",
            name="bound",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="deposit",
            name="route_reason",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.AddField(
            model_name="deposit",
            name="sends",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddIndex(
            model_name="deposit",
            index=models.Index(
                condition=models.Q(
                    ("next_action_at__isnull", False), models.Q(("state", "received"), _negated=True)
                ),
                fields=["carrier", "next_action_at"],
                name="deposit_due_open",
            ),
        ),
        migrations.AddIndex(
            model_name="deposit",
            index=models.Index(
                condition=models.Q(("next_action_at__isnull", False), ("state", "received")),
                fields=["carrier", "next_action_at"],
                name="deposit_due_received",
            ),
        ),
        migrations.AddConstraint(
            model_name="breaker",
            constraint=models.UniqueConstraint(
                fields=("carrier", "operation"), name="breaker_once_per_operation"
            ),
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
                ],
                max_length=20,
            ),
        ),
        migrations.RunSQL(STEP_OF, reverse_sql="DROP FUNCTION deposits_step_of"),
    ]
