"""What a hosted link allows on the deposit page, for as long as the session that it began."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from accounts.models import Player
from carriers.registry import BANK
from deposits.models import HostedLink
from deposits.ui.forms import BANK_PREFIX, BY_PHONE, FROM_BANK

_LINK = "hosted_link"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Amounts in minor units, both ends included. `method_type` and `bank_id`: "" where any will do."""

    minimum_minor: int
    maximum_minor: int
    method_type: str = ""
    bank_id: str = ""
    return_url: str = ""

    @property
    def choice(self) -> str:
        """The way to pay that is chosen at first, as an address names it; "" for the usual one."""
        if not self.method_type:
            return ""
        if self.method_type != BANK:
            return BY_PHONE
        return f"{BANK_PREFIX}{self.bank_id}" if self.bank_id else FROM_BANK

    def narrowed(self, least: int, most: int) -> tuple[int, int]:
        """Return what is left of a range; its ends are the wrong way round when that is nothing."""
        return max(least, self.minimum_minor), min(most, self.maximum_minor)

    def permits(self, kind: str, code: str) -> bool:
        """Whether one may pay so: its kind, and the code of the carrier or bank ("" while it is not known)."""
        return self.method_type in ("", kind) and self.bank_id in ("", code)


def bind(request: HttpRequest, link: HostedLink) -> None:
    """Hold the session, which the link began, to what the link allows."""
    request.session[_LINK] = link.pk.hex


def bounds_of(request: HttpRequest, player: Player) -> Bounds | None:
    """Return what the player's session is held to; None where no link began it."""
    link_id = request.session.get(_LINK)
    link = HostedLink.objects.filter(pk=link_id, player=player).first() if link_id else None
    if link is None:
        return None
    return Bounds(link.minimum_minor, link.maximum_minor, link.method_type, link.bank_id, link.return_url)
