from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_flags"),
    ]

    operations = [
        migrations.AddField(
            model_name="partner",
            name="return_addresses",
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
    ]
