"""The CAMARA adapter played against its recorded answers."""

from __future__ import annotations

from carriers.adapters.camara import Adapter
from carriers.interface import HttpAnswer, HttpRequest, Order
from carriers.outcomes import Approved, Outcome
from tests.carriers.replies import ORDER, PROFILE, order, play, reply

ID = "AK234rfweS"
APPROVED = Approved(ID, ORDER.reference, 2_000, "GBP")
NAMED = order(payment_id=ID)


def replies(*names: str) -> list[HttpAnswer]:
    """A token, then these."""
    return [reply("camara", name) for name in ("token", *names)]


def run(operation: str, asked: Order, *names: str) -> Outcome:
    return play(getattr(Adapter(PROFILE), operation)(asked), replies(*names))[0]


def requests_of(operation: str, asked: Order, *names: str) -> list[HttpRequest]:
    """What was sent after the token was fetched."""
    return play(getattr(Adapter(PROFILE), operation)(asked), replies(*names))[1][1:]
