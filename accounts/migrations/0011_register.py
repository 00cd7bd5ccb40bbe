"""What a national register of exclusions said of a player, and for how long it counts."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_limit_reviews")]

    operations = [
        migrations.AddField(
            model_name="player",
            name="register_fresh_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="protection",
            name="kind",
            field=models.CharField(
                choices=[
                    ("time_out", "time-out"),
                    ("self_exclusion", "self-exclusion"),
                    ("register", "national register"),
                ],
                max_length=20,
            ),
        ),
    ]
