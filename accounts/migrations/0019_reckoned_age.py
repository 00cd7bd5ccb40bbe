"""By which minimum age each player's day was reckoned, so that a rule that changes finds whom it concerns."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0018_look_twice")]

    operations = [
        migrations.AddField(
            model_name="player",
            name="reckoned_age",
            field=models.SmallIntegerField(blank=True, null=True),
        ),
    ]
