"""Members of staff for tests."""

from __future__ import annotations

from accounts.models import User
from deposits.actions.cases import Clerk


def clerk(name: str) -> Clerk:
    """Return a member of staff of that name, made on first use."""
    user, _ = User.objects.get_or_create(username=f"evidence-{name}", defaults={"is_staff": True})
    return Clerk(user.pk, user.username)
