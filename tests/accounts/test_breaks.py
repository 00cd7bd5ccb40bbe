"""Breaks and exclusions last as long as was asked for: nobody ends one, by no way there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import Error, connection, transaction
from django.utils import timezone

from accounts.models import AuditRecord, Player, Protection
from accounts.protections import bars, breaks
from accounts.protections.acts import NotAllowed
from tests.accounts.protecting import PLAYER, let_pass, player

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 22)


def code(of: Player) -> str:
    """Why the player may not deposit; "" when they may."""
    bar = bars.standing(of.pk, TODAY, ["GB"])
    return bar.code if bar else ""


@pytest.mark.parametrize("hours", [24, 6 * 7 * 24])
def test_a_time_out_lasts_from_a_day_to_six_weeks(hours: int) -> None:
    someone = player()
    begun = breaks.take_time_out(someone, hours, PLAYER)
    assert begun.ends_at - begun.begins_at == timedelta(hours=hours)
    assert code(someone) == "time_out_active"
    let_pass(someone, timedelta(hours=hours) - timedelta(minutes=1))
    assert code(someone) == "time_out_active"
    let_pass(someone, timedelta(minutes=1))
    assert code(someone) == ""


@pytest.mark.parametrize("months", [6, 60])
def test_an_exclusion_lasts_from_six_months_to_five_years(months: int) -> None:
    someone = player()
    begun = breaks.exclude(someone, months, PLAYER)
    then = begun.begins_at
    years, month = divmod(then.month - 1 + months, 12)
    assert (begun.ends_at.year, begun.ends_at.month) == (then.year + years, month + 1)
    assert code(someone) == "self_excluded"
    let_pass(someone, begun.ends_at - begun.begins_at)
    assert code(someone) == ""


@pytest.mark.parametrize(
    ("begin", "length"),
    [
        (breaks.take_time_out, 23),
        (breaks.take_time_out, 6 * 7 * 24 + 1),
        (breaks.exclude, 5),
        (breaks.exclude, 61),
    ],
)
def test_no_other_length_is_taken(begin: Callable[..., Protection], length: int) -> None:
    someone = player()
    with pytest.raises(NotAllowed):
        begin(someone, length, PLAYER)
    assert code(someone) == ""
    assert not Protection.objects.filter(player=someone).exists()


@pytest.mark.parametrize(
    ("kind", "span"),
    [
        ("time_out", timedelta(hours=23, minutes=59)),
        ("time_out", timedelta(days=42, minutes=1)),
        ("self_exclusion", timedelta(days=180)),
        ("self_exclusion", timedelta(days=5 * 366)),
    ],
)
def test_the_database_takes_no_other_length_either(kind: str, span: timedelta) -> None:
    someone, now = player(), timezone.now()
    with pytest.raises(Error, match="must last from"), transaction.atomic():
        Protection.objects.create(
            player=someone, kind=kind, begins_at=now, ends_at=now + span, actor_kind="staff"
        )


def test_of_several_the_longest_holds() -> None:
    someone = player()
    breaks.take_time_out(someone, 48, PLAYER)
    breaks.exclude(someone, 6, PLAYER)
    breaks.take_time_out(someone, 24, PLAYER)
    assert code(someone) == "self_excluded"
    assert someone.barred_until == Protection.objects.get(player=someone, kind="self_exclusion").ends_at


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_protection SET ends_at = now() WHERE player_id = %s",
        "DELETE FROM accounts_protection WHERE player_id = %s",
        "TRUNCATE accounts_protection",
        "UPDATE accounts_player SET barred_until = NULL, barred_reason = '' WHERE id = %s",
        "UPDATE accounts_player SET barred_until = now() + interval '1 hour' WHERE id = %s",
        "UPDATE accounts_player SET barred_reason = '' WHERE id = %s",
        "DELETE FROM accounts_player WHERE id = %s",
    ],
)
def test_nobody_ends_one_early(statement: str) -> None:
    someone = player()
    breaks.exclude(someone, 6, PLAYER)
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement, [someone.pk] if "%s" in statement else [])
    assert code(someone) == "self_excluded"


def test_a_player_read_before_the_break_does_not_end_it_by_being_saved() -> None:
    someone = player()
    as_read_before = Player.objects.get(pk=someone.pk)
    breaks.exclude(someone, 6, PLAYER)
    with pytest.raises(Error, match="ends by itself only"), transaction.atomic():
        as_read_before.save()
    assert code(someone) == "self_excluded"


def test_each_act_is_in_the_audit_trail() -> None:
    someone = player()
    begun = breaks.take_time_out(someone, 24, PLAYER)
    record = AuditRecord.objects.get(subject_kind="player", subject=str(someone.pk))
    assert (record.action, record.actor_kind, record.reason) == (
        "player.time_out_begun",
        "player",
        "asked for it",
    )
    assert record.after == {"kind": "time_out", "ends_at": begun.ends_at.isoformat()}
