"""Raises of players' own limits, and the walls round them: a day, the player's second act, and nobody else."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

# A raise is ripe a day after it was asked for, whatever the statement says, and is decided once.
GUARD = """
CREATE FUNCTION deposits_guard_limit_raise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.state := 'waiting';
        NEW.requested_at := now();
        NEW.ripe_at := now() + interval '24 hours';
        NEW.decided_at := NULL;
        RETURN NEW;
    END IF;
    IF OLD.state <> 'waiting' OR to_jsonb(OLD) - 'state' - 'decided_at' IS DISTINCT FROM to_jsonb(NEW) - 'state' - 'decided_at'
    THEN
        RAISE EXCEPTION 'a raise is decided once, and nothing else of it changes' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'confirmed' AND OLD.ripe_at > now() THEN
        RAISE EXCEPTION 'a raise cannot be confirmed before %', OLD.ripe_at USING ERRCODE = 'restrict_violation';
    END IF;
    NEW.decided_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE INSERT OR UPDATE ON deposits_limitraise
    FOR EACH ROW EXECUTE FUNCTION deposits_guard_limit_raise();
CREATE TRIGGER never_deleted BEFORE DELETE ON deposits_limitraise
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON deposits_limitraise
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
"""

# In the transaction in which the player confirms it, and to that amount: otherwise no limit rises or goes.
ONLY_CONFIRMED = """
CREATE FUNCTION deposits_guard_own_limits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised text;
BEGIN
    SELECT changed.period INTO raised FROM (VALUES
        ('day', OLD.daily_limit_minor, NEW.daily_limit_minor),
        ('week', OLD.weekly_limit_minor, NEW.weekly_limit_minor),
        ('month', OLD.monthly_limit_minor, NEW.monthly_limit_minor)) AS changed (period, before, after)
    WHERE changed.before IS NOT NULL AND (changed.after IS NULL OR changed.after > changed.before) AND NOT EXISTS (
        SELECT FROM deposits_limitraise AS r WHERE r.player_id = NEW.id AND r.period = changed.period
            AND r.state = 'confirmed' AND r.decided_at = now() AND r.amount_minor IS NOT DISTINCT FROM changed.after)
    LIMIT 1;
    IF raised IS NOT NULL THEN
        RAISE EXCEPTION 'player %: only the player raises the limit of a %', NEW.id, raised
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER own_limits_hold BEFORE UPDATE OF daily_limit_minor, weekly_limit_minor, monthly_limit_minor
    ON accounts_player FOR EACH ROW
    WHEN (OLD.daily_limit_minor IS DISTINCT FROM NEW.daily_limit_minor
        OR OLD.weekly_limit_minor IS DISTINCT FROM NEW.weekly_limit_minor
        OR OLD.monthly_limit_minor IS DISTINCT FROM NEW.monthly_limit_minor)
    EXECUTE FUNCTION deposits_guard_own_limits();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_limit_reviews"), ("deposits", "0016_event_barred")]

    operations = [
        migrations.CreateModel(
            name="LimitRaise",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "period",
                    models.CharField(
                        choices=[("day", "24 hours"), ("week", "7 days"), ("month", "one month")],
                        max_length=5,
                    ),
                ),
                ("amount_minor", models.BigIntegerField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waits for its time and the player"),
                            ("confirmed", "confirmed by the player"),
                            ("withdrawn", "withdrawn"),
                        ],
                        db_default="waiting",
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("requested_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ripe_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("actor_kind", models.CharField(max_length=10)),
                ("actor", models.CharField(blank=True, default="", max_length=100)),
                (
                    "player",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="limit_raises",
                        to="accounts.player",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "waiting")),
                        fields=("player", "period"),
                        name="limit_raise_waiting",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount_minor__isnull", True), ("amount_minor__gte", 0), _connector="OR"
                        ),
                        name="limit_raise_amount",
                    ),
                ],
            },
        ),
        *(migrations.RunSQL(sql, reverse_sql=migrations.RunSQL.noop) for sql in (GUARD, ONLY_CONFIRMED)),
    ]
