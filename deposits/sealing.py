"""Secrets that a row must keep for a while, sealed: a copy of the database alone opens nothing."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def seal(secret: str) -> str:
    """Return `secret` sealed with the first of settings.SEALING_KEYS; "" stays ""."""
    return _box().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    """Return what was sealed with any of settings.SEALING_KEYS; "" for "" and for what none of them opens.

    What cannot be opened is as good as lost: its deposit is asked about, and its player asked again.
    """
    if not sealed:
        return ""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        return ""


def _box() -> MultiFernet:
    # Any text makes a key, so that it may come from whatever keeps an installation's secrets.
    keys = (hashlib.sha256(key.encode()).digest() for key in settings.SEALING_KEYS)
    return MultiFernet(Fernet(base64.urlsafe_b64encode(key)) for key in keys)
