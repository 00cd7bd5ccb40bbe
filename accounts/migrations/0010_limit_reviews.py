"""When a player last said that the own limits still fit."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_persons")]

    operations = [
        migrations.AddField(
            model_name="player",
            name="limits_reviewed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
