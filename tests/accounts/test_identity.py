"""Who a player is: what the partner says, what follows from the birth date, and what the audit trail keeps of it."""

from __future__ import annotations

import json
import uuid
from datetime import date, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from accounts import particulars, sealing
from accounts.models import AuditRecord, Partner, Person, Player
from accounts.protections import ages, identity
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
    assert ages.of_age_on(born_on, 18) == of_age


def test_the_day_is_kept_only_while_it_lies_ahead_because_it_tells_the_birth_date() -> None:
    child = timezone.localdate().replace(day=1) - timedelta(days=17 * 365)
    assert put(ADA | {"born_on": child}).of_age_on == ages.of_age_on(child, 18)
    assert put(ADA | {"born_on": child, "jurisdiction": "NW"}).of_age_on is None
    assert put(ADA).of_age_on is None


def test_a_minimum_age_that_is_raised_bars_who_is_younger_and_nobody_else() -> None:
    years = timezone.localdate().year
    young, old = (
        put(ADA | {"born_on": date(years - age, 1, 1)}, Partner.objects.create(slug=f"p{age}"))
        for age in (20, 40)
    )
    elsewhere = put(ADA | {"born_on": date(years - 20, 1, 1), "jurisdiction": "NW"})

    def later(jurisdiction: str) -> int | None:
        return None if jurisdiction == "NW" else 21

    assert ages.keep_up(eighteen) == 0
    assert ages.keep_up(later, batch=1) == 1
    assert ages.keep_up(later) == 1
    assert ages.keep_up(later) == 0
    for player, day in ((young, date(years + 1, 1, 1)), (old, None), (elsewhere, None)):
        player.refresh_from_db()
        assert player.of_age_on == day
    (noted,) = AuditRecord.objects.filter(action="player.age_reckoned")
    assert (noted.subject, noted.after) == (str(young.pk), {"minimum_age": 21, "of_age": False})
    ages.keep_up(eighteen)
    young.refresh_from_db()
    assert young.of_age_on is None


def test_who_cannot_be_opened_is_left_as_they_were_and_does_not_hold_up_the_others(settings: Any) -> None:
    player = put(ADA | {"born_on": timezone.localdate() - timedelta(days=17 * 365)})
    day = player.of_age_on
    settings.SEALING_KEYS = ["another-key-that-opens-none"]
    assert ages.keep_up(lambda _: 21) == 1
    assert ages.keep_up(lambda _: 21) == 0
    player.refresh_from_db()
    assert player.of_age_on == day


def test_a_copy_of_the_database_tells_no_particulars(settings: Any) -> None:
    player = put(ADA)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(p) || to_jsonb(q) FROM accounts_person p JOIN accounts_player q ON q.id = p.player_id"
        )
        dump = str(cursor.fetchall())
    assert not [said for said in ("Byron", "SW1A 1AA", "1990-05-17", "2008-05-17") if said in dump]
    person = Person.objects.get(player=player)
    assert person.particulars.name == "Ada Byron"
    # Put into another's row it does not open, nor without the key.
    with pytest.raises(sealing.NotOpened):
        particulars.opened(person.sealed, player.pk + 1)
    settings.SEALING_KEYS = ["another-key-that-opens-none"]
    with pytest.raises(sealing.NotOpened):
        _ = person.particulars


def test_an_old_key_may_go_when_everything_is_sealed_with_the_new_one(settings: Any) -> None:
    player = put(ADA)
    (old,) = settings.SEALING_KEYS
    settings.SEALING_KEYS = ["the-newest-key-that-seals", old]
    call_command("seal")
    settings.SEALING_KEYS = ["the-newest-key-that-seals"]
    assert Person.objects.get(player=player).particulars.last_name == "Byron"


def test_what_was_there_in_the_clear_is_sealed_by_the_migration() -> None:
    player = put(ADA)
    Player.objects.filter(pk=player.pk).update(of_age_on=date(2008, 5, 17))
    migration = import_module("accounts.migrations.0015_seal_particulars")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE accounts_person DROP CONSTRAINT person_sealed")
        cursor.execute(
            "UPDATE accounts_person SET sealed = '', first_name = 'Ada', born_on = '1990-05-17' WHERE player_id = %s",
            [player.pk],
        )
        before = MigrationLoader(connection).project_state(("accounts", "0014_sealed_particulars")).apps
        migration.seal_all(before, None)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(migration.NONE_CLEAR)
        cursor.execute("ALTER TABLE accounts_person VALIDATE CONSTRAINT person_sealed")
    known = Person.objects.get(player=player).particulars
    assert known == particulars.Particulars(first_name="Ada", born_on=date(1990, 5, 17))
    player.refresh_from_db()
    assert player.of_age_on is None


def test_put_forgets_what_it_leaves_out_and_change_does_not() -> None:
    player = put(ADA)
    identity.change(player, {"last_name": "Lovelace"}, PARTNER, eighteen)
    person = Person.objects.get(player=player)
    known = person.particulars
    assert (known.first_name, known.last_name, known.postcode) == ("Ada", "Lovelace", "SW1A 1AA")
    identity.put(player.partner_id, "p-1", {"identity_state": "pending"}, PARTNER, eighteen, test=False)
    person.refresh_from_db()
    player.refresh_from_db()
    assert (person.particulars, player.identity_state) == (particulars.Particulars(), "pending")


def test_nobody_is_verified_without_a_birth_date() -> None:
    with pytest.raises(NotAllowed):
        put({"identity_state": "verified"})
    player = put(ADA)
    with pytest.raises(NotAllowed):
        identity.change(player, {"born_on": None}, PARTNER, eighteen)
    assert Person.objects.get(player=player).particulars.born_on == ADA["born_on"]


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
