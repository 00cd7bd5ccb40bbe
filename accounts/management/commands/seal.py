"""`manage.py seal`: seal players' particulars with the newest key, so that an older one may go."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import sealing
from accounts.models import Person

_BATCH = 500


class Command(BaseCommand):
    help = "Seal all particulars anew with the first of SEALING_KEYS; harmless to repeat, and to interrupt."

    def handle(self, *args: Any, **options: Any) -> None:
        last, done, closed = 0, 0, list[int]()
        while batch := _renew_after(last, closed):
            last, done = batch[-1], done + len(batch)
        if closed:
            raise CommandError(
                f"{len(closed)} of {done} could not be opened, of players {closed[:20]}: "
                "bring back the key that sealed them"
            )
        self.stdout.write(f"{done} sealed with the newest key.")


@transaction.atomic
def _renew_after(last: int, closed: list[int]) -> list[int]:
    """Renew the next rows; return their players, and add to `closed` those that no key opens."""
    rows = Person.objects.filter(pk__gt=last).order_by("pk").select_for_update()[:_BATCH]
    batch = []
    for row in rows:
        batch.append(row.pk)
        try:
            row.sealed = sealing.renewed(row.sealed)
        except sealing.NotOpened:
            closed.append(row.pk)
            continue
        row.save(update_fields=["sealed"])
    return batch
