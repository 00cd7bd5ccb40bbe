"""Signing in by phone number: a code goes to the number, and whoever types it is one of the number's players."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.utils.translation import gettext as _

from accounts import phones, sign_in_codes
from accounts.models import Player
from accounts.sign_in_codes import Issued
from carriers.messages import Messages, NotSent, messages
from carriers.wording import fill, without_isolates
from deposits.formats import format_time

log = structlog.get_logger("deposits.sign_in")

# The page never waits for the service: how long it takes would tell whether the number is known.
_SENDERS = 2
_senders = ThreadPoolExecutor(_SENDERS, thread_name_prefix="messages")


def is_offered() -> bool:
    """Whether anything can send codes."""
    return messages() is not None


def send_code(number: str, address: str | None) -> tuple[Issued, Future[None] | None]:
    """Make a code for `number` (E.164) and have it sent if a player has shown that number to be theirs.

    Returns the code, and the sending, None for a number that nobody has. Raises `TooMany`, for both alike. A text that
    is lost costs a tap on "Send a new code", so it is tried once and kept nowhere.
    """
    issued = sign_in_codes.issue(number, address)
    service = messages()
    if service is None or not players_of(number):
        return issued, None
    return issued, _senders.submit(_send, service, number, _text(issued))


def players_of(number: str) -> list[Player]:
    """Return who may sign in by `number`: those who have shown it to be theirs, the newest of each partner.

    Those of test keys in a demo only.
    """
    players = Player.objects.filter(phones__in=phones.proved().filter(number=number)).select_related(
        "partner"
    )
    return list(players.order_by("partner_id", "-pk").distinct("partner_id"))


def _text(issued: Issued) -> str:
    """The message. Its last line binds the code to our host (WebOTP; "origin-bound one-time codes")."""
    host = urlsplit(settings.BASE_URL).hostname
    told = fill(
        _("{code} is your {operator} sign-in code until {time}. We never ask for it."),
        code=issued.code,
        operator=settings.OPERATOR_NAME,
        time=format_time(issued.expires_at),
    )
    return f"{without_isolates(told)}\n\n@{host} #{issued.code}"


def _send(service: Messages, number: str, text: str) -> None:
    try:
        service.send(number, text)
    except NotSent as error:
        log.warning("code_not_sent", detail=str(error)[:200])
