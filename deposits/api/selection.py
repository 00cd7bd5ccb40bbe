"""Which deposits a key may see, and finding one of them by its id or reference."""

from __future__ import annotations

import re
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import audit
from accounts.api_keys import KeyHolder
from deposits.api import checks
from deposits.api.authentication import address_of
from deposits.api.problems import NOT_FOUND, Problem, request_id
from deposits.models import Deposit

ID_PATTERN = "^dep_[0-9a-f]{32}$"
_ID = re.compile(r"dep_([0-9a-f]{32})\Z")


def visible_to(holder: KeyHolder) -> QuerySet[Deposit]:
    """Return the deposits that the key's holder may see, with their players.

    The partner's own, of the key's mode: what players did on the page is live, except in a demo installation.
    """
    deposits = Deposit.objects.filter(partner_id=holder.partner_id).select_related("player")
    if holder.mode == "test" and not settings.DEMO:
        return deposits.filter(client=holder.client)
    other = {"test": "live", "live": "test"}[holder.mode]
    return deposits.exclude(client=f"partner:{holder.partner_id}:{other}")


def find(name: str, holder: KeyHolder, http: HttpRequest) -> Deposit:
    """Return the deposit with the id (dep_…) or reference (D-…) `name`.

    Raises `Problem` (404), alike in words and work for what does not exist and for what is somebody else's.
    """
    deposits = visible_to(holder)
    if match := _ID.match(name):
        deposit = deposits.filter(pk=UUID(hex=match[1])).first()
    elif checks.reference(name) is None:
        deposit = deposits.filter(reference=name).first()
    else:
        raise Problem("not_found", NOT_FOUND)
    if deposit is None:
        raise not_visible("deposit", name, holder, http)
    structlog.contextvars.bind_contextvars(reference=deposit.reference)
    return deposit


def not_visible(kind: str, name: str, holder: KeyHolder, http: HttpRequest) -> Problem:
    """Note that a key asked for a `kind` (deposit, refund, player) `name` that is not there for it; return the 404."""
    audit.note(
        f"{kind}.not_visible",
        actor_kind="partner",
        actor=holder.prefix,
        subject_kind=kind,
        subject=name[:100],
        address=address_of(http),
        reason=f"A key asked for a {kind} that does not exist or is not its own.",
        request_id=request_id(),
    )
    return Problem("not_found", NOT_FOUND)
