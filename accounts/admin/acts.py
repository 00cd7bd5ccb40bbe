"""Acts of staff, written to the audit trail with who, from where and under which request."""

from __future__ import annotations

import ipaddress
from typing import Any

import structlog
from django.http import HttpRequest

from accounts import audit

STAFF = "staff"


def note_staff_act(
    request: HttpRequest,
    action: str,
    subject_kind: str,
    subject: str,
    *,
    actor: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Write down what the signed-in member of staff did ("deposit.viewed") to what, in the caller's transaction.

    `actor` names somebody else than the signed-in person, where nobody is signed in yet.
    """
    audit.note(
        action,
        actor_kind=STAFF,
        actor=(request.user.get_username() if actor is None else actor)[:100],
        subject_kind=subject_kind,
        subject=subject[:100],
        address=address_of(request),
        before=before,
        after=after,
        reason=reason,
        request_id=str(structlog.contextvars.get_contextvars().get("request_id", ""))[:64],
    )


def address_of(request: HttpRequest) -> str | None:
    """Return the caller's address as the server in front reports it; None over a socket that has none."""
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None
