"""From which day players are of age: reckoned when their birth date comes, and again when the rule changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Person, Player
from accounts.protections.acts import Actor
from accounts.sealing import NotOpened

log = structlog.get_logger("accounts.ages")

#: From which age (years) players of a jurisdiction may deposit; None where no rule says so.
MinimumAge = Callable[[str], int | None]
#: `Player.reckoned_age` of who has a birth date and no rule to hold it against.
_NO_RULE = 0


def of_age_on(born_on: date, years: int) -> date:
    """Return the day from which somebody born on `born_on` is `years` old; a 29 February counts as 1 March."""
    try:
        return born_on.replace(year=born_on.year + years)
    except ValueError:
        return date(born_on.year + years, 3, 1)


def reckon(player: Player, born_on: date | None, years: int | None) -> None:
    """Set from which day the player is of age; the caller saves `of_age_on` and `reckoned_age`.

    Only a day that still lies ahead is kept, because it tells the birth date.
    """
    player.of_age_on = player.reckoned_age = None
    if born_on is None:
        return
    player.reckoned_age = years or _NO_RULE
    if years is not None and (day := of_age_on(born_on, years)) > timezone.localdate():
        player.of_age_on = day


def keep_up(minimum_age: MinimumAge, batch: int = 500) -> int:
    """Reckon again those whose jurisdiction has another minimum age by now, at most `batch`; return how many.

    Particulars that cannot be opened are left as they are, and logged: nothing is charged for who cannot be opened.
    """
    done = 0
    for jurisdiction in _jurisdictions():
        years = minimum_age(jurisdiction)
        age = years or _NO_RULE
        other = Q(reckoned_age__lt=age) | Q(
            reckoned_age__gt=age
        )  # two steps in the index; "not equal" reads all of it
        outdated = Player.objects.filter(other, jurisdiction=jurisdiction)
        with transaction.atomic():
            for player in outdated.select_for_update(skip_locked=True)[: batch - done]:
                _again(player, years)
                done += 1
    return done


def _jurisdictions() -> Iterator[str]:
    """Those of players with a birth date; a step in the index each, however many players there are."""
    found: str | None = ""
    while found is not None:
        after = Player.objects.filter(jurisdiction__gt=found, reckoned_age__isnull=False)
        found = after.order_by("jurisdiction").values_list("jurisdiction", flat=True).first()
        if found is not None:
            yield found


def _again(player: Player, years: int | None) -> None:
    before = player.of_age_on
    try:
        reckon(player, Person.objects.get(player=player).particulars.born_on, years)
    except NotOpened:
        log.exception("particulars_not_opened", player=player.pk)
        player.reckoned_age = years or _NO_RULE
    player.save(update_fields=["of_age_on", "reckoned_age"])
    if (before is None) != (player.of_age_on is None):
        told = {"minimum_age": years, "of_age": player.of_age_on is None}
        Actor("system", "minimum age").note("player.age_reckoned", player, {}, told)
