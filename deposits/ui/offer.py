"""What the deposit page offers a player: phones, amounts, and how much of a limit is left."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from accounts import ledger
from accounts.models import Player, PlayerPhone
from accounts.protections import bars
from accounts.protections.bars import DETAILS, Bar
from carriers import registry
from carriers.profiles import CarrierProfile
from deposits import limits
from deposits.actions.accept import barred
from deposits.actions.refusal import Refusal
from deposits.limits import Allowance
from deposits.models import Deposit
from deposits.presentation import status
from deposits.states import FINAL, State

#: Phones beyond these are old ones; the player can still type a number.
_PHONES_SHOWN = 3
#: Waiting deposits looked at for the banner and the balance line.
_WAITING_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything that the deposit page says about a player. Amounts in minor units."""

    player: Player
    currency: str
    phones: tuple[PlayerPhone, ...]
    balance_minor: int
    last_phone: str
    last_amount_minor: int | None
    waiting: tuple[Deposit, ...]
    weekly: Allowance
    bar: Bar | None

    def phone(self, choice: str) -> PlayerPhone | None:
        """Return the player's phone whose id is `choice`; by default the one last used, or the first."""
        chosen = next((phone for phone in self.phones if str(phone.pk) == choice), None)
        last = next((phone for phone in self.phones if phone.number == self.last_phone), None)
        return chosen or last or next(iter(self.phones), None)


def offer(player: Player) -> Offer:
    """Read what the page needs to know about `player`."""
    currency = settings.DEPOSIT_PAGE_CURRENCY
    deposits = Deposit.objects.filter(player=player).order_by("-created_at")
    last = deposits.filter(state=State.CREDITED, reversed_at=None, currency=currency).first()
    # Proved ones first, the newest of them first.
    phones = sorted(player.phones.order_by("-pk"), key=lambda phone: phone.verified_at is None)
    return Offer(
        player=player,
        currency=currency,
        phones=tuple(phones[:_PHONES_SHOWN]),
        balance_minor=ledger.player_balance_minor(player.pk, currency),
        last_phone=deposits.values_list("phone_number", flat=True).first() or "",
        last_amount_minor=last.amount_minor if last else None,
        waiting=tuple(deposits.exclude(state__in=FINAL)[:_WAITING_SHOWN]),
        weekly=weekly_allowance(player, currency),
        bar=bars.standing(player.pk, limits.today()),
    )


def on_its_way_minor(offered: Offer) -> int:
    """Return the sum of the deposits that are being worked on, in minor units; those under review are not."""
    return sum(
        deposit.amount_minor
        for deposit in offered.waiting
        if status(deposit) == "processing" and deposit.state != State.REVIEW
    )


def carrier_of(number: str) -> CarrierProfile | None:
    """Return the carrier that would be asked about `number`, or about any number when it is not known yet."""
    currency = settings.DEPOSIT_PAGE_CURRENCY
    if number:
        return registry.route(number, currency)
    return next(
        (profile for profile in registry.registry().profiles.values() if currency in profile.currencies), None
    )


def amount_range(number: str) -> tuple[int, int]:
    """Return the least and the most that this page takes from `number`, in minor units."""
    profile = carrier_of(number) or carrier_of("")
    least = settings.DEPOSIT_PAGE_MINIMUM_MINOR
    return (max(profile.minimum_minor, least), profile.maximum_minor) if profile else (least, least)


def chips(offered: Offer, number: str) -> list[int]:
    """Return the amounts to choose from: within the range, and at most one step above the last successful one."""
    least, most = amount_range(number)
    amounts = [minor for minor in settings.DEPOSIT_CHIPS_MINOR if least <= minor <= most]
    if offered.last_amount_minor is None:
        return amounts
    above = [minor for minor in amounts if minor > offered.last_amount_minor]
    return [minor for minor in amounts if minor <= offered.last_amount_minor] + above[:1]


def weekly_allowance(player: Player, currency: str) -> Allowance:
    """Return the player's own weekly limit as it stands."""
    kind = limits.Subject.PLAYER_WEEK
    return limits.allowance(kind, str(player.pk), currency, player.weekly_limit_minor, limits.today())


def monthly_allowance(number: str, currency: str) -> Allowance:
    """Return what the carrier lets `number` be charged in a month, as it stands."""
    profile = carrier_of(number)
    cap = profile.monthly_cap_minor if profile and number else None
    return limits.allowance(limits.Subject.PHONE_MONTH, number, currency, cap, limits.today())


def refusal_now(offered: Offer, code: str, number: str, amount_minor: int) -> Refusal | None:
    """Return the refusal `code` with its figures of this moment, or None when it no longer holds."""
    if offered.bar or code in DETAILS:
        return barred(offered.bar) if offered.bar else None
    if code == "carrier_not_supported":
        return Refusal(code, "") if number and not carrier_of(number) else None
    if code == "carrier_monthly_limit":
        allowance = monthly_allowance(number, offered.currency)
    elif code in ("limit_reached", "limit_would_exceed"):
        allowance = offered.weekly
        code = "limit_would_exceed" if allowance.left_minor else "limit_reached"
    else:
        return None
    if allowance.left_minor is None or allowance.left_minor >= amount_minor:
        return None
    profile = carrier_of(number)
    facts = {
        "used_minor": allowance.used_minor,
        "most_minor": allowance.most_minor,
        "left_minor": allowance.left_minor,
        "resets_on": allowance.resets_on,
        "network": profile.name if profile else None,
    }
    return Refusal(code, "", "amount", facts)
