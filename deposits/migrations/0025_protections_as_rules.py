"""Rules about age, identity, failed attempts and the vulnerability threshold; and those that ship."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import django.db.models.deletion
from django.db import migrations, models

_SUBJECTS = [
    ("device", "device"),
    ("partner", "partner"),
    ("phone_number", "phone number"),
    ("player", "player"),
]
_MEASURES = [
    ("age", "age in years"),
    ("amount", "single amount"),
    ("count", "number of deposits"),
    ("failures", "failed attempts"),
    ("gross", "gross deposits"),
    ("identity", "verified identity"),
    ("net", "deposits less what went back"),
]
_EFFECTS = [
    ("case", "opens a case"),
    ("cool_down", "nothing is accepted for a while"),
    ("hold", "opens a case, and deposits wait for it"),
    ("refuse", "refuses the deposit"),
]


def load_what_ships(apps, schema_editor):
    """Without them nobody would be asked who they are, so they come with the columns that they need."""
    rule = apps.get_model("deposits", "Rule")
    for path in sorted((Path(__file__).parent.parent / "rule_sets" / "protections").glob("*.json")):
        for given in json.loads(path.read_text(encoding="utf-8")):
            moments = {
                name: datetime.fromisoformat(given[name])
                .replace(tzinfo=ZoneInfo(given["zone"]))
                .astimezone(UTC)
                for name in ("effective_from", "effective_to")
                if name in given
            }
            version = rule.objects.filter(code=given["code"]).count() + 1
            rule.objects.create(version=version, reviewer="shipped with the product", **{**given, **moments})


class Migration(migrations.Migration):
    dependencies = [("deposits", "0023_withdrawals")]

    operations = [
        migrations.AddField(
            model_name="rule",
            name="effect",
            field=models.CharField(choices=_EFFECTS, db_default="refuse", default="refuse", max_length=9),
        ),
        migrations.AddField(
            model_name="rule",
            name="lasts",
            field=models.CharField(blank=True, db_default="", default="", max_length=12),
        ),
        migrations.AddField(
            model_name="failedattempts",
            name="rule",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="deposits.rule",
            ),
        ),
        migrations.AlterField("rule", "measure", models.CharField(choices=_MEASURES, max_length=10)),
        migrations.AlterField("rule", "subject", models.CharField(choices=_SUBJECTS, max_length=12)),
        migrations.AlterField(
            "accumulator", "subject_kind", models.CharField(choices=_SUBJECTS, max_length=12)
        ),
        migrations.RunPython(load_what_ships, migrations.RunPython.noop),
    ]
