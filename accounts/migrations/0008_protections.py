"""Breaks and exclusions that nobody can end early, the identity gate, and what of both stands on the player's row."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

# What a player may not do now, and why: the code of a reason, "" for a player who may deposit. `checked_in`: the
# jurisdictions in which nobody deposits before their identity is verified.
BAR = """
CREATE FUNCTION accounts_bar(p accounts_player, today date, checked_in text[]) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN p.barred_until > now() THEN p.barred_reason
        WHEN p.blocked_at IS NOT NULL THEN 'not_accepted'
        WHEN p.of_age_on > today THEN 'under_age'
        WHEN p.identity_state = 'verified' OR p.jurisdiction <> ALL (checked_in) THEN ''
        WHEN p.identity_state = 'failed' THEN 'not_accepted'
        ELSE 'checks_needed' END
$$;
"""

# The lengths are those of accounts/protections/breaks.py. The player's row is locked first, so that of two breaks begun
# at once the one that ends later stands.
BEGIN = """
CREATE FUNCTION accounts_begin_protection() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shortest interval := CASE NEW.kind WHEN 'time_out' THEN interval '24 hours'
        WHEN 'self_exclusion' THEN interval '6 months' END;
    longest interval := CASE NEW.kind WHEN 'time_out' THEN interval '42 days'
        WHEN 'self_exclusion' THEN interval '5 years' END;
    until timestamptz;
    reason text;
BEGIN
    IF NEW.ends_at < NEW.begins_at + shortest OR NEW.ends_at > NEW.begins_at + longest THEN
        RAISE EXCEPTION '%: must last from % to %', NEW.kind, shortest, longest USING ERRCODE = 'check_violation';
    END IF;
    PERFORM FROM accounts_player WHERE id = NEW.player_id FOR NO KEY UPDATE;
    SELECT bar.until, bar.reason INTO until, reason FROM accounts_bar_of_history(NEW.player_id) AS bar;
    UPDATE accounts_player SET barred_until = until, barred_reason = reason WHERE id = NEW.player_id;
    RETURN NULL;
END $$;
CREATE TRIGGER begins AFTER INSERT ON accounts_protection
    FOR EACH ROW EXECUTE FUNCTION accounts_begin_protection();
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON accounts_protection
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON accounts_protection
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
"""

HISTORY = """
CREATE FUNCTION accounts_bar_of_history(player bigint, OUT until timestamptz, OUT reason text)
LANGUAGE sql STABLE AS $$
    SELECT ends_at, CASE kind WHEN 'time_out' THEN 'time_out_active' ELSE 'self_excluded' END
    FROM accounts_protection WHERE player_id = player ORDER BY ends_at DESC, id DESC LIMIT 1
$$;
"""

# Whoever writes the player's row: what the history says stays.
HOLDS = """
CREATE FUNCTION accounts_guard_bar() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    history record;
BEGIN
    SELECT bar.until, bar.reason INTO history FROM accounts_bar_of_history(NEW.id) AS bar;
    IF NEW.barred_until IS DISTINCT FROM history.until OR NEW.barred_reason IS DISTINCT FROM coalesce(history.reason, '')
    THEN
        RAISE EXCEPTION 'player %: a break or exclusion ends by itself only', NEW.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bar_holds BEFORE UPDATE OF barred_until, barred_reason ON accounts_player FOR EACH ROW
    WHEN (OLD.barred_until IS DISTINCT FROM NEW.barred_until OR OLD.barred_reason IS DISTINCT FROM NEW.barred_reason)
    EXECUTE FUNCTION accounts_guard_bar();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_own_limits")]

    operations = [
        migrations.AddField(
            model_name="player",
            name="jurisdiction",
            field=models.CharField(db_default="GB", default="GB", max_length=4),
        ),
        migrations.AddField(
            model_name="player",
            name="is_test",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="player",
            name="identity_state",
            field=models.CharField(
                choices=[
                    ("not_started", "not started"),
                    ("pending", "pending"),
                    ("verified", "verified"),
                    ("failed", "failed"),
                ],
                db_default="not_started",
                default="not_started",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="player",
            name="of_age_on",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="player",
            name="barred_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="player",
            name="barred_reason",
            field=models.CharField(blank=True, db_default="", default="", max_length=30),
        ),
        migrations.CreateModel(
            name="Protection",
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
                        choices=[("time_out", "time-out"), ("self_exclusion", "self-exclusion")],
                        max_length=20,
                    ),
                ),
                ("begins_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ends_at", models.DateTimeField()),
                ("actor_kind", models.CharField(max_length=10)),
                ("actor", models.CharField(blank=True, default="", max_length=100)),
                ("reason", models.CharField(blank=True, default="", max_length=300)),
                (
                    "player",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="protections",
                        to="accounts.player",
                    ),
                ),
            ],
        ),
        *(migrations.RunSQL(sql, reverse_sql=migrations.RunSQL.noop) for sql in (BAR, HISTORY, BEGIN, HOLDS)),
    ]
