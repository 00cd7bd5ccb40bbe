"""Staff find a deposit by what its player approved, and list those that came from banks."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("deposits", "0009_refunds")]

    operations = [
        AddIndexConcurrently(
            model_name="deposit",
            index=models.Index(
                condition=models.Q(("consent_id", ""), _negated=True),
                fields=["consent_id"],
                name="deposit_by_consent",
            ),
        ),
        AddIndexConcurrently(
            model_name="deposit",
            index=models.Index(
                condition=models.Q(("method_type", "bank")), fields=["id"], name="deposit_by_bank"
            ),
        ),
    ]
