"""An account for what partners have paid back to players."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_vulnerability"),
    ]

    operations = [
        migrations.AlterField(
            model_name="ledgeraccount",
            name="kind",
            field=models.CharField(
                choices=[
                    ("player", "player's balance"),
                    ("carrier_clearing", "owed by a carrier (negative: it owes us)"),
                    ("unallocated", "taken by a carrier, not yet anybody's"),
                    ("refunds_clearing", "on its way back to players"),
                    ("receivable", "owed by a player after a reversal"),
                    ("written_off", "given up by two people"),
                    ("paid_out", "paid back to players by partners"),
                ],
                max_length=20,
            ),
        ),
    ]
