"""Who a player is, in one sealed text: a copy of the database tells nobody's name, birth date or address."""

from __future__ import annotations

from datetime import date

import msgspec

from accounts import sealing


class Particulars(msgspec.Struct, frozen=True, kw_only=True):
    """What the partner has found out about one player; "" and None for what is not known. Personal data."""

    born_on: date | None = None
    first_name: str = ""
    last_name: str = ""
    postcode: str = ""
    email: str = ""
    phone_number: str = ""

    @property
    def name(self) -> str:
        """The whole name, for comparing it with an account's holder."""
        return " ".join(filter(None, (self.first_name, self.last_name)))


def seal(particulars: Particulars, player_id: int) -> str:
    """Return the particulars sealed as those of this player; put into another's row they do not open."""
    return sealing.seal(msgspec.json.encode((player_id, particulars)).decode())


def opened(sealed: str, player_id: int) -> Particulars:
    """Return what was sealed for this player; nothing is known for "". Raises `sealing.NotOpened`."""
    if not sealed:
        return Particulars()
    whose, particulars = msgspec.json.decode(sealing.opened(sealed), type=tuple[int, Particulars])
    if whose != player_id:
        raise sealing.NotOpened("it was sealed for another player")
    return particulars
