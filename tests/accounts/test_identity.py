"""Who a player is: what the partner says, what follows from the birth date, and what the audit trail keeps of it."""

from __future__ import annotations

import json
import uuid
from datetime import date
from typing import Any

import pytest

from accounts.models import AuditRecord, Partner, Person, Player
from accounts.protections import identity
from accounts.protections.acts import Actor, NotAllowed

pytestmark = pytest.mark.django_db

PARTNER = Actor("partner", "ps_live_x")
ADA: dict[str, Any] = {
    "identity_state": "verified",
    "born_on": date(1990, 5, 17),
    "first_name": "Ada",
    "last_name": "Byron",
    "postcode": "SW1A 1AA",
}


def eighteen(jurisdiction: str) -> int | None:
    """From which age players may deposit; nobody has said so for Nowhere."""
    return None if jurisdiction == "NW" else 18


def put(given: dict[str, Any], partner: Partner | None = None, *, test: bool = False) -> Player:
    partner = partner or Partner.objects.create(name="Casino", slug=uuid.uuid4().hex)
    return identity.put(partner.pk, "p-1", given, PARTNER, eighteen, test=test)


@pytest.mark.parametrize(
    ("born_on", "of_age"),
    [
        (date(2008, 11, 22), date(2026, 11, 22)),
        (date(2008, 2, 29), date(2026, 3, 1)),
        (date(2006, 2, 28), date(2024, 2, 28)),
    ],
)
def test_of_age_from_the_birthday_on(born_on: date, of_age: date) -> None:
    assert put(ADA | {"born_on": born_on}).of_age_on == of_age
    assert put(ADA | {"born_on": born_on, "jurisdiction": "NW"}).of_age_on is None


def test_put_forgets_what_it_leaves_out_and_change_does_not() -> None:
    player = put(ADA)
    identity.change(player, {"last_name": "Lovelace"}, PARTNER, eighteen)
    person = Person.objects.get(player=player)
    assert (person.first_name, person.last_name, person.postcode) == ("Ada", "Lovelace", "SW1A 1AA")
    identity.put(player.partner_id, "p-1", {"identity_state": "pending"}, PARTNER, eighteen, test=False)
    person.refresh_from_db()
    player.refresh_from_db()
    assert (person.first_name, person.born_on, player.identity_state) == ("", None, "pending")


def test_nobody_is_verified_without_a_birth_date() -> None:
    with pytest.raises(NotAllowed):
        put({"identity_state": "verified"})
    player = put(ADA)
    with pytest.raises(NotAllowed):
        identity.change(player, {"born_on": None}, PARTNER, eighteen)
    assert Person.objects.get(player=player).born_on == ADA["born_on"]


def test_a_test_key_changes_no_real_player_and_a_live_key_takes_a_test_player_over() -> None:
    partner = Partner.objects.create(name="Casino", slug=uuid.uuid4().hex)
    assert put(ADA, partner, test=True).is_test
    assert not put({"identity_state": "not_started"}, partner).is_test
    with pytest.raises(identity.OtherMode):
        put(ADA, partner, test=True)
    assert Player.objects.get(partner=partner).identity_state == "not_started"


def test_the_audit_trail_says_what_changed_and_no_personal_data() -> None:
    player = put(ADA)
    record = AuditRecord.objects.get(subject_kind="player", subject=str(player.pk))
    assert record.before["identity_state"] == "not_started"
    assert record.after == {
        "identity_state": "verified",
        "jurisdiction": "GB",
        "changed": ["born_on", "first_name", "last_name", "postcode"],
    }
    kept = json.dumps([record.before, record.after])
    assert not any(word in kept for word in ("Ada", "Byron", "1990", "SW1A"))
