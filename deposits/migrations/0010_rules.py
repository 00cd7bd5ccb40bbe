"""Rules, proposals, players' own limits, accumulators and consents; and the rules that ship."""

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

RULES = """
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON deposits_rule
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON deposits_rule
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
INSERT INTO deposits_rulebook (id, version) VALUES (1, 0);
CREATE FUNCTION deposits_note_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE deposits_rulebook SET version = greatest(version, NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER noted AFTER INSERT ON deposits_rule FOR EACH ROW EXECUTE FUNCTION deposits_note_rule();
"""

KEPT = """
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON deposits_playerlimit
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON deposits_consent
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
"""

# Add changes to the buckets of an accumulator, in arrays that go together. What takes away from a bucket that is not
# there was never counted, and is left out. Buckets before `keep_from` are forgotten, unless something is reserved.
COUNTED = """
CREATE FUNCTION deposits_counted(
    INOUT minutes int[], INOUT reserved bigint[], INOUT settled bigint[], INOUT returned bigint[], INOUT counts int[],
    at int[], more_reserved bigint[], more_settled bigint[], more_returned bigint[], more_counts int[], keep_from int
) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    i int;
BEGIN
    FOR n IN 1 .. cardinality(at) LOOP
        i := array_position(minutes, at[n]);
        IF i IS NOT NULL THEN
            reserved[i] := greatest(reserved[i] + more_reserved[n], 0);
            settled[i] := settled[i] + more_settled[n];
            returned[i] := returned[i] + more_returned[n];
            counts[i] := greatest(counts[i] + more_counts[n], 0);
        ELSIF more_reserved[n] >= 0 THEN
            minutes := minutes || at[n];
            reserved := reserved || more_reserved[n];
            settled := settled || more_settled[n];
            returned := returned || more_returned[n];
            counts := counts || more_counts[n];
        END IF;
    END LOOP;
    IF minutes[1] < keep_from THEN
        SELECT array_agg(b.m), array_agg(b.r), array_agg(b.s), array_agg(b.t), array_agg(b.c)
        INTO minutes, reserved, settled, returned, counts
        FROM unnest(minutes, reserved, settled, returned, counts) WITH ORDINALITY AS b (m, r, s, t, c, n)
        WHERE b.m >= keep_from OR b.r > 0;
        minutes := coalesce(minutes, '{}');
        reserved := coalesce(reserved, '{}');
        settled := coalesce(settled, '{}');
        returned := coalesce(returned, '{}');
        counts := coalesce(counts, '{}');
    END IF;
END $$;
"""

# Count a deposit in the accumulators of its subjects, or refuse it with all that its statement has done. The row lock is
# what two deposits at the edge of a limit meet at; `kinds` come in the order in which everybody locks. A function, because
# each statement in it sees what was committed while it waited for a lock, and because it is planned once and not at
# each call.
RESERVE = """
CREATE FUNCTION deposits_reserve(
    kinds text[], keys text[], in_currency text, amount bigint, own_limits bigint[], rule_subjects text[],
    rule_measures text[], rule_owns text[], rule_mosts bigint[], rule_since int[], rule_rolls interval[], kept interval
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    a deposits_accumulator;
    this_minute int := floor(extract(epoch FROM now()) / 60);
    keep_from int := floor(extract(epoch FROM now() - kept) / 60);
    bucket int;
    most bigint;
    since int;
    used bigint;
BEGIN
    FOR k IN 1 .. cardinality(kinds) LOOP
        SELECT * INTO a FROM deposits_accumulator
        WHERE subject_kind = kinds[k] AND subject = keys[k] AND currency = in_currency FOR UPDATE;
        IF NOT FOUND THEN
            INSERT INTO deposits_accumulator
                (subject_kind, subject, currency, minutes, reserved, settled, returned, counts)
            VALUES (kinds[k], keys[k], in_currency, '{}', '{}', '{}', '{}', '{}')
            ON CONFLICT (subject_kind, subject, currency) DO NOTHING;
            SELECT * INTO STRICT a FROM deposits_accumulator
            WHERE subject_kind = kinds[k] AND subject = keys[k] AND currency = in_currency FOR UPDATE;
        END IF;
        FOR r IN 1 .. cardinality(rule_subjects) LOOP
            CONTINUE WHEN rule_subjects[r] <> kinds[k];
            most := CASE rule_owns[r] WHEN 'day' THEN own_limits[1] WHEN 'week' THEN own_limits[2]
                WHEN 'month' THEN own_limits[3] ELSE rule_mosts[r] END;
            CONTINUE WHEN most IS NULL;
            -- A deposit counts until the end of its minute is out of a rolling window.
            since := coalesce(rule_since[r], floor(extract(epoch FROM now() - rule_rolls[r]) / 60)::int);
            used := CASE rule_measures[r] WHEN 'count' THEN 1 ELSE amount END;
            FOR b IN 1 .. cardinality(a.minutes) LOOP
                CONTINUE WHEN a.minutes[b] < since;
                used := used + CASE rule_measures[r] WHEN 'count' THEN a.counts[b]
                    WHEN 'net' THEN a.reserved[b] + a.settled[b] - a.returned[b]
                    ELSE a.reserved[b] + a.settled[b] END;
            END LOOP;
            IF used > most THEN
                RETURN deposits_refuse_limit();
            END IF;
        END LOOP;
        -- What the carrier has just refused for its own cap need not be asked again.
        IF a.refused_until > now() AND amount >= a.refused_minor THEN
            RETURN deposits_refuse_limit();
        END IF;
        IF a.minutes[1] < keep_from THEN
            SELECT c.* INTO a.minutes, a.reserved, a.settled, a.returned, a.counts FROM deposits_counted(
                a.minutes, a.reserved, a.settled, a.returned, a.counts, '{}', '{}', '{}', '{}', '{}', keep_from) AS c;
        END IF;
        bucket := array_position(a.minutes, this_minute);
        IF bucket IS NULL THEN
            a.minutes := a.minutes || this_minute;
            a.reserved := a.reserved || amount;
            a.settled := a.settled || 0::bigint;
            a.returned := a.returned || 0::bigint;
            a.counts := a.counts || 1;
        ELSE
            a.reserved[bucket] := a.reserved[bucket] + amount;
            a.counts[bucket] := a.counts[bucket] + 1;
        END IF;
        UPDATE deposits_accumulator AS u SET minutes = a.minutes, reserved = a.reserved, settled = a.settled,
            returned = a.returned, counts = a.counts WHERE u.id = a.id;
    END LOOP;
    RETURN true;
END $$;
"""


def load_what_ships(apps, schema_editor):
    """The rule sets as they are when this runs; what is added to them later comes by `manage.py rules load`."""
    rule = apps.get_model("deposits", "Rule")
    for path in sorted((Path(__file__).parent.parent / "rule_sets").glob("*.json")):
        for given in json.loads(path.read_text(encoding="utf-8")):
            moments = {
                name: datetime.fromisoformat(given[name])
                .replace(tzinfo=ZoneInfo(given["zone"]))
                .astimezone(UTC)
                for name in ("effective_from", "effective_to")
                if name in given
            }
            rule.objects.create(version=1, reviewer="shipped with the product", **{**given, **moments})


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_own_limits"),
        ("deposits", "0007_event_late_success"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Consent",
            fields=[
                (
                    "deposit",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="consent",
                        serialize=False,
                        to="deposits.deposit",
                    ),
                ),
                ("words", models.CharField(blank=True, default="", max_length=300)),
                ("language", models.CharField(blank=True, default="", max_length=12)),
                ("channel", models.CharField(max_length=8)),
                (
                    "rules",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "own_limits",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(null=True), default=list, size=None
                    ),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="Accumulator",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "subject_kind",
                    models.CharField(
                        choices=[
                            ("partner", "partner"),
                            ("phone_number", "phone number"),
                            ("player", "player"),
                        ],
                        max_length=12,
                    ),
                ),
                ("subject", models.CharField(max_length=64)),
                ("currency", models.CharField(max_length=3)),
                (
                    "minutes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), default=list, size=None
                    ),
                ),
                (
                    "reserved",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "settled",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "returned",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "counts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(), default=list, size=None
                    ),
                ),
                ("refused_minor", models.BigIntegerField(blank=True, null=True)),
                ("refused_until", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("subject_kind", "subject", "currency"), name="accumulator_key"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Rule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=60)),
                ("version", models.PositiveIntegerField()),
                ("jurisdiction", models.CharField(max_length=4)),
                (
                    "subject",
                    models.CharField(
                        choices=[
                            ("partner", "partner"),
                            ("phone_number", "phone number"),
                            ("player", "player"),
                        ],
                        max_length=12,
                    ),
                ),
                ("subject_key", models.CharField(blank=True, default="", max_length=64)),
                ("carrier", models.CharField(blank=True, default="", max_length=40)),
                ("method_type", models.CharField(blank=True, default="", max_length=20)),
                ("currency", models.CharField(blank=True, default="", max_length=3)),
                (
                    "measure",
                    models.CharField(
                        choices=[
                            ("amount", "single amount"),
                            ("count", "number of deposits"),
                            ("gross", "gross deposits"),
                            ("net", "deposits less what went back"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "window",
                    models.CharField(
                        choices=[
                            ("billing_cycle", "billing cycle"),
                            ("day", "calendar day"),
                            ("deposit", "each deposit"),
                            ("month", "calendar month"),
                            ("rolling", "rolling"),
                            ("week", "calendar week"),
                        ],
                        max_length=14,
                    ),
                ),
                ("length", models.CharField(blank=True, default="", max_length=12)),
                ("zone", models.CharField(blank=True, default="", max_length=40)),
                ("anchor_day", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("amount", models.BigIntegerField(blank=True, null=True)),
                (
                    "own",
                    models.CharField(
                        blank=True,
                        choices=[("day", "24 hours"), ("week", "7 days"), ("month", "one month")],
                        default="",
                        max_length=5,
                    ),
                ),
                (
                    "price_points",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                ("replaces", models.CharField(blank=True, default="", max_length=60)),
                ("effective_from", models.DateTimeField()),
                ("effective_to", models.DateTimeField(blank=True, null=True)),
                ("source", models.TextField()),
                ("unverified", models.TextField(blank=True, default="")),
                ("reviewer", models.CharField(max_length=100)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("code", "version"), name="rule_version"),
                    models.CheckConstraint(
                        condition=models.Q(("amount__isnull", True), ("amount__gte", 0), _connector="OR"),
                        name="rule_amount",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Rulebook",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("version", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="rulebook_one_row")
                ],
            },
        ),
        migrations.CreateModel(
            name="PlayerLimit",
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
                ("set_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("actor_kind", models.CharField(max_length=10)),
                ("actor", models.CharField(blank=True, default="", max_length=100)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                (
                    "player",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="own_limits",
                        to="accounts.player",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["player", "period", "-id"], name="player_limit_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount_minor__isnull", True), ("amount_minor__gte", 0), _connector="OR"
                        ),
                        name="player_limit_amount",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RuleProposal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=60)),
                ("content", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "proposed"),
                            ("approved", "approved"),
                            ("rejected", "sent back"),
                        ],
                        default="proposed",
                        max_length=8,
                    ),
                ),
                ("proposed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("reason", models.CharField(max_length=500)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decision_reason", models.CharField(blank=True, default="", max_length=500)),
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
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="deposits.rule",
                    ),
                ),
            ],
            options={
                "permissions": [("approve_rule", "Can approve a rule that another person proposed")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "proposed")), fields=["id"], name="rule_proposal_open"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "approved"), _negated=True),
                            models.Q(
                                ("decided_by__isnull", False),
                                models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="rule_two_people",
                    )
                ],
            },
        ),
        *(
            migrations.RunSQL(sql, reverse_sql=migrations.RunSQL.noop)
            for sql in (RULES, KEPT, COUNTED, RESERVE)
        ),
        migrations.RunPython(load_what_ships, migrations.RunPython.noop),
    ]
