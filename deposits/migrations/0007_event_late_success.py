"""The index by which the sweeper finds late successes, built without holding up the site."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index built concurrently cannot be built in a transaction.
    atomic = False

    dependencies = [("deposits", "0006_cases")]

    operations = [
        AddIndexConcurrently(
            model_name="depositevent",
            index=models.Index(
                condition=models.Q(("event", "late_success")), fields=["id"], name="event_late_success"
            ),
        ),
    ]
