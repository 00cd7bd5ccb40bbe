"""What a migration of the product may look like: a column and an index, on the two busiest tables."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("deposits", "0001_deposits")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE deposits_deposit ADD COLUMN of_a_test integer",
            "ALTER TABLE deposits_deposit DROP COLUMN of_a_test",
        ),
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY event_of_a_test ON deposits_depositevent (event)",
            "DROP INDEX CONCURRENTLY event_of_a_test",
        ),
    ]
