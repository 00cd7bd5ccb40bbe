"""The ways to pay that the form offers: the player's phones, and banks. Which one is chosen, and what it takes.

A bank is chosen by typing a part of its name. The browser suggests the whole ones; where it does not, or the part fits
several, the form comes back with those to choose from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import PlayerPhone
from carriers import registry
from carriers.profiles import CarrierProfile
from carriers.wording import fill
from deposits.formats import format_money
from deposits.ui import offer as offers
from deposits.ui.bounds import Bounds
from deposits.ui.forms import ANOTHER_BANK, BANK_PREFIX, BY_PHONE, FROM_BANK, NEW_NUMBER, Entry, msisdn
from deposits.ui.offer import Offer

#: Banks that a part of a name may fit and still be shown to choose from.
_MOST_MATCHES = 8

#: What the button's and the field's words depend on: a phone, the bank of last time, a bank that is being chosen.
Words = Literal["phone", "last-bank", "bank"]


@dataclass(frozen=True, slots=True)
class Method:
    """One way to pay. `value` is how the form sends it.

    `profile` is the carrier or bank, None while it is not known; `number` the phone number (E.164), "" while it has to
    be typed and was not. `matches` are the banks that what was typed may mean. `down`: it does not answer now.
    `bounds`: what the link allows that brought the player here.
    """

    kind: str
    value: str
    words: Words
    profile: CarrierProfile | None = None
    number: str = ""
    matches: tuple[CarrierProfile, ...] = ()
    down: bool = False
    bounds: Bounds | None = None

    @property
    def by_bank(self) -> bool:
        """Whether it is a bank."""
        return self.kind == registry.BANK

    @property
    def label(self) -> str:
        """What the choice is called: "Phone bill", "Sandbox Bank"."""
        if not self.by_bank:
            return _("Phone bill")
        return self.profile.name if self._bank_is_known and self.profile else _("Bank")

    @property
    def detail(self) -> str:
        """The second line of the choice."""
        if self.down:
            return _("Not available right now")
        if self.by_bank:
            return _("Choose it by name") if self.value == ANOTHER_BANK else _("Approve in your bank's app")
        if self.value == NEW_NUMBER or not self.number:
            return _("With another number") if self.number else _("With your mobile number")
        if self.profile:
            return fill(_("{network}, ending {ending}"), network=self.profile.name, ending=self.number[-3:])
        return fill(_("Ending {ending}"), ending=self.number[-3:])

    def button(self, amount: str) -> str:
        """What the button says: "Deposit £20 by phone bill", and without an amount "Deposit by phone bill"."""
        if not amount:
            return self._by(
                _("Deposit by phone bill"), _("Deposit from {bank}"), _("Deposit from your bank"), amount
            )
        return self._by(
            _("Deposit {amount} by phone bill"),
            _("Deposit {amount} from {bank}"),
            _("Deposit {amount} from your bank"),
            amount,
        )

    def question(self, amount: str) -> str:
        """What is asked before an unusual deposit: "Deposit £20 by phone bill?"."""
        return self._by(
            _("Deposit {amount} by phone bill?"),
            _("Deposit {amount} from {bank}?"),
            _("Deposit {amount} from your bank?"),
            amount,
        )

    @property
    def range_words(self) -> str:
        """What stands above the field for another amount: "Amount, from £5 to £40 by phone bill"."""
        least, most = (short_money(minor) for minor in self.amount_range)
        told = (
            _("Amount, from {least} to {most} from your bank")
            if self.by_bank
            else _("Amount, from {least} to {most} by phone bill")
        )
        return fill(told, least=least, most=most)

    def _by(self, by_phone: str, from_bank: str, from_some_bank: str, amount: str) -> str:
        if not self.by_bank:
            return fill(by_phone, amount=amount)
        told = from_bank if self._bank_is_known else from_some_bank
        return fill(told, amount=amount, bank=self.label)

    @property
    def _bank_is_known(self) -> bool:
        return self.profile is not None and self.value != ANOTHER_BANK

    @property
    def amount_range(self) -> tuple[int, int]:
        """The least and the most that the page takes by it, in minor units; of an unknown bank, by any."""
        least, most = self._own_range
        return self.bounds.narrowed(least, most) if self.bounds else (least, most)

    @property
    def permitted(self) -> bool:
        """Whether the link that brought the player here, if one did, allows to pay so."""
        least, most = self.amount_range
        code = self.profile.code if self.profile else ""
        return self.bounds is None or (self.bounds.permits(self.kind, code) and least <= most)

    @property
    def _own_range(self) -> tuple[int, int]:
        profiles = [self.profile] if self.profile else _profiles(self.kind)
        least = settings.DEPOSIT_PAGE_MINIMUM_MINOR
        if not profiles:
            return least, least
        return (
            max(min(one.minimum_minor for one in profiles), least),
            max(one.maximum_minor for one in profiles),
        )


def short_money(minor: int) -> str:
    """Return an amount of the page's currency, "£20"."""
    return format_money(minor, settings.DEPOSIT_PAGE_CURRENCY, short=True)


def chosen(offered: Offer, entry: Entry) -> Method:
    """Return the way to pay that the form asks for; by default the one last used, unless it is down (S24)."""
    choice = asked_for(offered, entry)
    if choice.permitted and (entry.method or not choice.down):
        return choice
    other = replace(entry, method=BY_PHONE if choice.by_bank else FROM_BANK)
    if offered.bounds and offered.bounds.choice:
        other = replace(entry, method=offered.bounds.choice)
    instead = asked_for(offered, other)
    if not choice.permitted or not instead.permitted:
        return instead if instead.permitted else choice
    return choice if instead.down or instead.kind == choice.kind else instead


def asked_for(offered: Offer, entry: Entry) -> Method:
    """Return the way to pay that the form names, whether or not it is open to the player now."""
    return _looked_at(offered, _chosen(offered, entry))


def _chosen(offered: Offer, entry: Entry) -> Method:
    bound = offered.bounds.choice if offered.bounds else ""
    wanted = entry.method or bound or (FROM_BANK if offered.last_kind == registry.BANK else "")
    if offered.banks:
        if wanted == ANOTHER_BANK:
            return _typed_bank(offered, entry)
        if wanted == FROM_BANK or wanted.startswith(BANK_PREFIX):
            code = wanted.removeprefix(BANK_PREFIX)
            bank = next((one for one in offered.banks if one.code == code), offered.last_bank)
            return _bank(bank) if bank else _typed_bank(offered, entry)
    if not _profiles(registry.CARRIER_BILLING) and offered.banks:
        return _typed_bank(offered, entry)
    phone = None if wanted == NEW_NUMBER else offered.phone(wanted)
    return _phone(phone) if phone else _typed_number(entry)


def choices(offered: Offer, choice: Method) -> list[Method]:
    """Return what there is to choose from, `choice` among them and its kind first."""
    phones: list[Method] = []
    if choice.value == NEW_NUMBER:
        phones = [choice]
    elif _profiles(registry.CARRIER_BILLING):
        phones = [_phone(phone) for phone in offered.phones] or [
            Method(registry.CARRIER_BILLING, NEW_NUMBER, "phone")
        ]
    banks: list[Method] = []
    if choice.by_bank:
        banks = [choice]
    elif offered.banks:
        banks = [
            _bank(offered.last_bank) if offered.last_bank else Method(registry.BANK, ANOTHER_BANK, "bank")
        ]
    both = banks + phones if offered.last_kind == registry.BANK else phones + banks
    looked_at = [_looked_at(offered, one) for one in both]
    return [one for one in looked_at if one.permitted] or looked_at


def _looked_at(offered: Offer, method: Method) -> Method:
    """`method` with whether it is down: of a phone, each route to it."""
    if method.by_bank:
        routes = [method.profile] if method.profile else []
    else:
        routes = [*registry.routes(method.number, offered.currency)] if method.number else []
    down = bool(routes) and all(one.code in offered.shut for one in routes)
    return replace(method, down=down, bounds=offered.bounds)


def matches(choice: Method) -> list[Method]:
    """Return the banks that a typed name may mean, to choose from."""
    return [_bank(match, words="bank") for match in choice.matches]


def _phone(phone: PlayerPhone) -> Method:
    profile = offers.carrier_of(phone.number)
    return Method(registry.CARRIER_BILLING, str(phone.pk), "phone", profile, phone.number)


def _typed_number(entry: Entry) -> Method:
    number = msisdn(entry.number) or ""
    profile = offers.carrier_of(number)
    return Method(registry.CARRIER_BILLING, NEW_NUMBER, "phone", profile, number)


def _bank(profile: CarrierProfile, words: Words = "last-bank") -> Method:
    return Method(registry.BANK, f"{BANK_PREFIX}{profile.code}", words, profile)


def _typed_bank(offered: Offer, entry: Entry) -> Method:
    """The bank whose name was typed, or the ones that it may be."""
    typed = " ".join(entry.bank.casefold().split())
    named = [(one.name.casefold(), one) for one in offered.banks]
    found = [one for name, one in named if name == typed] or [
        one for name, one in named if typed and typed in name
    ]
    profile = found[0] if len(found) == 1 else None
    matches = tuple(found[:_MOST_MATCHES]) if profile is None else ()
    return Method(registry.BANK, ANOTHER_BANK, "bank", profile, matches=matches)


def _profiles(kind: str) -> list[CarrierProfile]:
    return registry.serving(kind, settings.DEPOSIT_PAGE_CURRENCY)
