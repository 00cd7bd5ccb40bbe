"""The index that counts lease takeovers, built without holding up the site."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index built concurrently cannot be built in a transaction.
    atomic = False

    dependencies = [("deposits", "0004_breakers")]

    operations = [
        AddIndexConcurrently(
            model_name="depositevent",
            index=models.Index(
                condition=models.Q(("event", "lease_lost")), fields=["id"], name="event_takeovers"
            ),
        ),
    ]
