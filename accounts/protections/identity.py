"""The age and identity gate: what the partner has found out about a player, and from which day they are of age."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from django.db import transaction
from django.db.models.functions import Now

from accounts.conflicts import again_on_conflict
from accounts.models import Person, Player
from accounts.particulars import Particulars
from accounts.protections import ages
from accounts.protections.acts import Actor, NotAllowed
from accounts.protections.ages import MinimumAge

#: Particulars, by name.
PARTICULARS: Final = Particulars.__struct_fields__


class OtherMode(Exception):
    """A test key may not touch a player who is real."""


@again_on_conflict
@transaction.atomic
def put(
    partner_id: int, name: str, given: Mapping[str, Any], by: Actor, minimum_age: MinimumAge, *, test: bool
) -> Player:
    """Create the partner's player `name`, or replace what is known about them; return the player.

    `given`: `identity_state`, `jurisdiction` and any of `PARTICULARS`; what is left out is forgotten. `test`: by a test
    key. `minimum_age` tells from which age (years) players of a jurisdiction may deposit. Raises
    `NotAllowed` for a verified player without a birth date, and `OtherMode`.
    """
    Player.objects.get_or_create(partner_id=partner_id, external_id=name, defaults={"is_test": test})
    player = Player.objects.select_for_update().get(partner_id=partner_id, external_id=name)
    if test and not player.is_test:
        raise OtherMode
    player.is_test = test
    blank = {field: None if field == "born_on" else "" for field in PARTICULARS}
    return _write(player, {**blank, **given}, by, minimum_age)


@again_on_conflict
@transaction.atomic
def change(player: Player, given: Mapping[str, Any], by: Actor, minimum_age: MinimumAge) -> Player:
    """Change what `given` names about a player and leave the rest; return the player. Raises `NotAllowed`."""
    return _write(Player.objects.select_for_update().get(pk=player.pk), given, by, minimum_age)


def _write(player: Player, given: Mapping[str, Any], by: Actor, minimum_age: MinimumAge) -> Player:
    person = Person.objects.filter(player=player).first() or Person(player=player)
    before = {"identity_state": player.identity_state, "jurisdiction": player.jurisdiction}
    known = person.particulars
    changed = sorted(
        field for field in PARTICULARS if field in given and getattr(known, field) != given[field]
    )
    if changed:
        known = msgspec.structs.replace(known, **{field: given[field] for field in changed})
        person.particulars = known
    player.identity_state = given.get("identity_state", player.identity_state)
    player.jurisdiction = given.get("jurisdiction", player.jurisdiction)
    if player.identity_state == Player.Identity.VERIFIED and known.born_on is None:
        raise NotAllowed("birth_date", "Send the birth date of a player whose identity is verified.")
    ages.reckon(player, known.born_on, minimum_age(player.jurisdiction))
    if changed:
        # The register was asked about somebody else, or about nobody.
        player.register_fresh_until = None
    written = (
        "is_test",
        "identity_state",
        "jurisdiction",
        "of_age_on",
        "reckoned_age",
        "register_fresh_until",
    )
    player.save(update_fields=written)
    person.updated_at = Now()
    person.save()
    # Which particulars changed, not what they are: the audit trail never forgets.
    after = {
        "identity_state": player.identity_state,
        "jurisdiction": player.jurisdiction,
        "changed": changed,
    }
    by.note("player.identity_written", player, before, after)
    return player
