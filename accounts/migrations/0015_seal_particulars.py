"""Seal the particulars that are there, and let none be written in the clear again.

The columns stay, empty, until the next release drops them. While code of the last release still runs, what a partner
sends it about a player is refused by the database, and a register or a bank's name check that it makes finds no name: it
declines. Nothing is charged on a check that was not made.
"""

from __future__ import annotations

import json

from django.db import migrations, transaction
from django.utils import timezone

from accounts import sealing

NAMES = ("born_on", "first_name", "last_name", "postcode", "email", "phone_number")
BATCH = 500

NONE_CLEAR = """
ALTER TABLE accounts_person ADD CONSTRAINT person_sealed CHECK (
    born_on IS NULL AND first_name = '' AND last_name = '' AND postcode = '' AND email = '' AND phone_number = ''
) NOT VALID
"""


def seal_all(apps, schema_editor):
    """Those that are there, some at a time: each batch holds its rows for a moment only."""
    person, player = apps.get_model("accounts", "Person"), apps.get_model("accounts", "Player")
    last = 0
    while True:
        with transaction.atomic():
            rows = list(person.objects.filter(pk__gt=last).order_by("pk").select_for_update()[:BATCH])
            for row in rows:
                known = {name: getattr(row, name) for name in NAMES}
                if any(known.values()):
                    known["born_on"] = row.born_on.isoformat() if row.born_on else None
                    row.sealed = sealing.seal(json.dumps([row.pk, known]))
                for name in NAMES:
                    setattr(row, name, None if name == "born_on" else "")
                row.save()
            # Of whoever is old enough the day tells the birth date, and nothing else.
            ids = [row.pk for row in rows]
            player.objects.filter(pk__in=ids, of_age_on__lte=timezone.localdate()).update(of_age_on=None)
        if not rows:
            return
        last = rows[-1].pk


class Migration(migrations.Migration):
    # Each batch commits by itself.
    atomic = False

    dependencies = [("accounts", "0014_sealed_particulars")]

    operations = [
        migrations.RunSQL(
            NONE_CLEAR, reverse_sql="ALTER TABLE accounts_person DROP CONSTRAINT person_sealed"
        ),
        migrations.RunPython(seal_all, migrations.RunPython.noop),
        migrations.RunSQL(
            "ALTER TABLE accounts_person VALIDATE CONSTRAINT person_sealed",
            reverse_sql=migrations.RunSQL.noop,
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("person", name) for name in NAMES]
        ),
    ]
