"""A player's own limits: lowered at once; raised only a day later, and by the player's own act then (UKGC RTS 12).

Nobody in staff raises one: here, and by a trigger that lets no limit rise without a raise that its player confirmed.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from accounts.models import Player
from accounts.protections.acts import Actor, NotAllowed
from deposits import limits
from deposits.actions.refusal import NotPossibleNow
from deposits.models import LimitRaise, PlayerLimit, Rule

State = LimitRaise.State
#: How often a player is asked whether the limits still fit (RTS 12).
REVIEW_EVERY_MONTHS = 6


@transaction.atomic
def set_limit(player: Player, period: Rule.Own, amount_minor: int | None, by: Actor) -> LimitRaise | None:
    """Set or lower a limit at once, or ask for it to be raised; None is no limit. Returns the raise that waits, if any.

    Gross deposits in minor units. Lowering withdraws a raise that waits, and a new raise takes the place of an old one.
    Raises `NotAllowed` for staff who would raise one.
    """
    player = _locked(player)
    before = getattr(player, limits.COLUMNS[period])
    if limits.is_raise(before, amount_minor):
        _refuse_staff(by)
        _withdraw_waiting(player, period, by)
        wanted = LimitRaise.objects.create(
            player=player, period=period, amount_minor=amount_minor, actor_kind=by.kind, actor=by.name[:100]
        )
        wanted.refresh_from_db()
        told = {
            "period": period.value,
            "amount_minor": amount_minor,
            "ripe_at": wanted.ripe_at.isoformat(),
        }
        by.note("limit.raise_requested", player, {"amount_minor": before}, told)
        return wanted
    _withdraw_waiting(player, period, by)
    limits.set_own_limit(player.pk, period, amount_minor, actor_kind=by.kind, actor=by.name, reason=by.reason)
    return None


@transaction.atomic
def confirm_raise(player: Player, period: Rule.Own, by: Actor) -> None:
    """The player's own second act: the raise takes effect now.

    Raises `NotPossibleNow` when none waits or its time has not come, `NotAllowed` for staff.
    """
    _refuse_staff(by)
    player = _locked(player)
    wanted = _waiting(player, period)
    # By the database's clock, which the trigger goes by.
    if not LimitRaise.objects.filter(pk=wanted.pk, ripe_at__lte=Now()).exists():
        raise NotPossibleNow(f"It can be confirmed from {wanted.ripe_at.isoformat()} on.")
    LimitRaise.objects.filter(pk=wanted.pk).update(state=State.CONFIRMED)
    limits.set_own_limit(
        player.pk, period, wanted.amount_minor, actor_kind=by.kind, actor=by.name, reason="raise confirmed"
    )


@transaction.atomic
def withdraw_raise(player: Player, period: Rule.Own, by: Actor) -> None:
    """Take back a raise that waits. Raises `NotPossibleNow` when none does."""
    player = _locked(player)
    _waiting(player, period)
    _withdraw_waiting(player, period, by)


@transaction.atomic
def keep(player: Player, by: Actor) -> None:
    """The player has looked at the limits and leaves them as they are: the next look is due in six months."""
    _looked_at(player, by, "limit.reviewed")


@transaction.atomic
def decline_prompt(player: Player, by: Actor) -> None:
    """Asked before a first deposit, the player goes on without a limit; is not asked again."""
    _looked_at(player, by, "limit.prompt_declined")


def waiting(player: Player) -> list[LimitRaise]:
    """Return the raises that wait, by period."""
    return list(LimitRaise.objects.filter(player=player, state=State.WAITING).order_by("period"))


def review_due_at(player: Player) -> datetime | None:
    """Return when the player is to be asked whether the limits still fit; None for one who has never set any."""
    last_set: datetime | None = PlayerLimit.objects.filter(player=player).aggregate(at=Max("set_at"))["at"]
    looked = [at for at in (last_set, player.limits_reviewed_at) if at is not None]
    return _months_later(max(looked), REVIEW_EVERY_MONTHS) if last_set and looked else None


def _months_later(at: datetime, months: int) -> datetime:
    year, month = divmod(at.month - 1 + months, 12)
    for day in (at.day, 30, 29, 28):
        try:
            return at.replace(year=at.year + year, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("every month has a 28th")


def _looked_at(player: Player, by: Actor, action: str) -> None:
    player = _locked(player)
    Player.objects.filter(pk=player.pk).update(limits_reviewed_at=Now())
    by.note(action, player, {}, {})


def _locked(player: Player) -> Player:
    return Player.objects.select_for_update().get(pk=player.pk)


def _waiting(player: Player, period: Rule.Own) -> LimitRaise:
    found = LimitRaise.objects.filter(player=player, period=period, state=State.WAITING).first()
    if found is None:
        raise NotPossibleNow("No raise of this limit waits.")
    return found


def _withdraw_waiting(player: Player, period: Rule.Own, by: Actor) -> None:
    taken = LimitRaise.objects.filter(player=player, period=period, state=State.WAITING)
    if taken.update(state=State.WITHDRAWN):
        by.note("limit.raise_withdrawn", player, {}, {"period": period.value})


def _refuse_staff(by: Actor) -> None:
    if by.kind not in ("player", "partner"):
        raise NotAllowed("amount", "Only the player raises a player's own limit.")
