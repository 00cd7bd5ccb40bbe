"""What a copy of the database alone must not tell: sealed in the row, with keys that are kept elsewhere.

Bank credentials for a while (deposits), and players' particulars as long as they are known (accounts/particulars.py).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class NotOpened(LookupError):
    """None of settings.SEALING_KEYS opens it: its key was dropped too early, or somebody has changed it."""


def seal(secret: str) -> str:
    """Return `secret` sealed with the first of settings.SEALING_KEYS; "" stays ""."""
    return _box().encrypt(secret.encode()).decode() if secret else ""


def opened(sealed: str) -> str:
    """Return what was sealed with any of settings.SEALING_KEYS; "" for "". Raises `NotOpened`."""
    if not sealed:
        return ""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise NotOpened("none of SEALING_KEYS opens it") from None


def unseal(sealed: str) -> str:
    """Return what `opened` does, but "" for what none of the keys opens.

    For what may be lost: its deposit is asked about, and its player asked again.
    """
    try:
        return opened(sealed)
    except NotOpened:
        return ""


def renewed(sealed: str) -> str:
    """Return the same sealed with the first of settings.SEALING_KEYS. Raises `NotOpened`."""
    return seal(opened(sealed))


def _box() -> MultiFernet:
    return _boxed(tuple(settings.SEALING_KEYS))


@lru_cache(maxsize=4)
def _boxed(keys: Sequence[str]) -> MultiFernet:
    # Any text makes a key, so that it may come from whatever keeps an installation's secrets.
    digests = (hashlib.sha256(key.encode()).digest() for key in keys)
    return MultiFernet(Fernet(base64.urlsafe_b64encode(digest)) for digest in digests)
