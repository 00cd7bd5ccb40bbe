"""What the deposit page offers a player: phones, amounts, and how much of a limit is left."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from accounts import ledger
from accounts.models import Player, PlayerPhone
from carriers import reasons, registry
from carriers.profiles import CarrierProfile
from deposits.actions.accept import CARRIER_BILLING
from deposits.actions.eligibility import Eligibility, eligibility
from deposits.actions.refusal import Refusal
from deposits.models import Deposit
from deposits.presentation import status
from deposits.states import FINAL, State

#: Phones beyond these are old ones; the player can still type a number.
_PHONES_SHOWN = 3
#: Waiting deposits looked at for the banner and the balance line.
_WAITING_SHOWN = 20
#: Two codes of one thing: which of them it is depends on what is left by now.
_OWN = frozenset({"limit_reached", "limit_would_exceed"})


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


def eligible(offered: Offer, number: str) -> Eligibility | None:
    """Return what the player may deposit by the bill of `number`, or of one not known yet; None without a carrier."""
    profile = carrier_of(number)
    if profile is None:
        return None
    player = offered.player
    return eligibility(player.partner_id, player, profile, offered.currency, CARRIER_BILLING, number)


def refusal_now(
    offered: Offer, stands: Eligibility | None, code: str, number: str, amount_minor: int
) -> Refusal | None:
    """Return why the player is refused at this moment: always what protects him, else `code` if it still holds."""
    if stands is None:
        return Refusal("carrier_not_supported", "") if code == "carrier_not_supported" and number else None
    refusal = stands.refusal(amount_minor or None)
    if refusal is None:
        return None
    asked_for = code == refusal.code or {code, refusal.code} <= _OWN
    # Who has nothing left, or may not deposit at all, need not tap to be told.
    at_once = (
        stands.refusal() is not None
        and ("B" in reasons.REASONS[refusal.code].klass or refusal.field_name == "player")
        and refusal.code not in ("limit_would_exceed", "not_accepted")
    )
    return refusal if asked_for or at_once else None
