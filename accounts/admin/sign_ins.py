"""Staff signing in, signing out and failing to, written to the audit trail."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.admin.acts import note_staff_act
from accounts.models import User

_KIND = "user"
#: People type passwords where their name belongs, so that what names nobody is not kept.
_NOBODY = "(no such user)"


@receiver(user_logged_in)
def note_sign_in(sender: Any, request: HttpRequest | None, user: User, **_: Any) -> None:
    """Note a member of staff who signed in."""
    if request is not None and user.is_staff:
        note_staff_act(request, "user.signed_in", _KIND, user.username, actor=user.username)


@receiver(user_logged_out)
def note_sign_out(sender: Any, request: HttpRequest | None, user: User | None, **_: Any) -> None:
    """Note a member of staff who signed out."""
    if request is not None and user is not None and user.is_staff:
        note_staff_act(request, "user.signed_out", _KIND, user.username, actor=user.username)


@receiver(user_login_failed)
def note_failure(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any
) -> None:
    """Note a try that failed, under the name tried when somebody has that name."""
    if request is None:
        return
    tried = str(credentials.get("username", ""))[:150]
    # PostgreSQL takes no NUL in text.
    known = "\x00" not in tried and User.objects.filter(username=tried).exists()
    name = tried if known else _NOBODY
    note_staff_act(request, "user.sign_in_failed", _KIND, name, actor=name)
