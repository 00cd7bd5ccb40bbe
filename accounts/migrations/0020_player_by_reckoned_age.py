"""Everybody with particulars is reckoned once more: by which age it was done was not kept."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

BATCH = 500


def mark_all(apps, schema_editor):
    """Those that are there, some at a time: each batch holds its rows for a moment only."""
    person, player = apps.get_model("accounts", "Person"), apps.get_model("accounts", "Player")
    last = 0
    while ids := list(person.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        player.objects.filter(pk__in=ids, reckoned_age=None).update(reckoned_age=0)
        last = ids[-1]


class Migration(migrations.Migration):
    # Each batch commits by itself.
    atomic = False
    dependencies = [("accounts", "0019_reckoned_age")]

    operations = [
        AddIndexConcurrently(
            model_name="player",
            index=models.Index(
                condition=models.Q(("reckoned_age__isnull", False)),
                fields=["jurisdiction", "reckoned_age"],
                name="player_by_reckoned_age",
            ),
        ),
        migrations.RunPython(mark_all, migrations.RunPython.noop),
    ]
