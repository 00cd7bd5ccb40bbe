"""What the deposit page offers a player: phones, banks, amounts, and how much of a limit is left."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from accounts import ledger
from accounts.models import Player, PlayerPhone
from carriers import reasons, registry
from carriers.profiles import CarrierProfile
from deposits import breakers
from deposits.actions.eligibility import Eligibility, eligibility
from deposits.actions.refusal import Refusal
from deposits.models import Deposit
from deposits.presentation import status
from deposits.states import FINAL, State
from deposits.ui.bounds import Bounds

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
    banks: tuple[CarrierProfile, ...]
    """By name, the one last used first."""
    last_bank: CarrierProfile | None
    last_kind: str
    """How the player paid last time, "" for nobody who has."""
    shut: frozenset[str]
    """Carriers and banks (codes) that are known not to answer now."""
    last_amount_minor: int | None
    waiting: tuple[Deposit, ...]
    bounds: Bounds | None = None
    """What the link allows that brought the player here."""

    def phone(self, choice: str) -> PlayerPhone | None:
        """Return the player's phone whose id is `choice`; by default the one last used, or the first."""
        chosen = next((phone for phone in self.phones if str(phone.pk) == choice), None)
        last = next((phone for phone in self.phones if phone.number == self.last_phone), None)
        return chosen or last or next(iter(self.phones), None)


def offer(player: Player, bounds: Bounds | None = None) -> Offer:
    """Read what the page needs to know about `player`, who may deposit within `bounds`."""
    currency = settings.DEPOSIT_PAGE_CURRENCY
    deposits = Deposit.objects.filter(player=player).order_by("-created_at", "-id")
    last = deposits.filter(state=State.CREDITED, reversed_at=None, currency=currency).first()
    # Proved ones first, the newest of them first.
    phones = sorted(player.phones.order_by("-pk"), key=lambda phone: phone.verified_at is None)
    banks = {
        bank.code: bank for bank in sorted(registry.banks(currency), key=lambda bank: bank.name.casefold())
    }
    codes = deposits.filter(method_type=registry.BANK).values_list("carrier", flat=True)
    last_bank = banks.pop(codes.first() or "", None) if banks else None
    return Offer(
        player=player,
        currency=currency,
        phones=tuple(phones[:_PHONES_SHOWN]),
        balance_minor=ledger.player_balance_minor(player.pk, currency),
        last_phone=deposits.exclude(phone_number="").values_list("phone_number", flat=True).first() or "",
        banks=(*((last_bank,) if last_bank else ()), *banks.values()),
        last_bank=last_bank,
        last_kind=deposits.values_list("method_type", flat=True).first() or "",
        shut=frozenset(breakers.shut(registry.registry().profiles, Deposit.Next.AUTHORISE.value)),
        last_amount_minor=last.amount_minor if last else None,
        waiting=tuple(deposits.exclude(state__in=FINAL)[:_WAITING_SHOWN]),
        bounds=bounds,
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
    return (
        registry.route(number, currency) if number else registry.first_of(registry.CARRIER_BILLING, currency)
    )


def chips(offered: Offer, least: int, most: int) -> list[int]:
    """Return the amounts from `least` to `most` to choose from, at most one step above the last successful one."""
    amounts = [minor for minor in settings.DEPOSIT_CHIPS_MINOR if least <= minor <= most]
    if offered.bounds and not amounts and least <= most:
        return sorted({least, most})
    if offered.last_amount_minor is None:
        return amounts
    above = [minor for minor in amounts if minor > offered.last_amount_minor]
    return [minor for minor in amounts if minor <= offered.last_amount_minor] + above[:1]


def eligible(
    offered: Offer, kind: str, profile: CarrierProfile | None = None, number: str = ""
) -> Eligibility | None:
    """Return what the player may deposit by a method (`kind`) from the carrier or bank `profile`.

    `number`: the phone number (E.164), "" where there is none or it is not known yet. Without a profile any of that
    kind stands for all, because the player's own limits are the same everywhere; None where there is none.
    """
    profile = profile or registry.first_of(kind, offered.currency)
    if profile is None:
        return None
    player = offered.player
    return eligibility(player.partner_id, player, profile, offered.currency, kind, number)


def refusal_now(
    stands: Eligibility | None, code: str, amount_minor: int, *, unserved: bool
) -> Refusal | None:
    """Return why the player is refused at this moment: always what protects him, else `code` if it still holds.

    `unserved`: no carrier serves the number that was chosen.
    """
    if unserved and code == "carrier_not_supported":
        return Refusal(code, "")
    if stands is None:
        return None
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
