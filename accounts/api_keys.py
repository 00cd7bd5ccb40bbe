"""Partners' API keys: made once, shown once, kept as a hash.

A key reads `ps_test_<8 letters>_<32 letters><6 letters>`: the first part finds the row, the second is the secret, the
last a checksum, so that scanners and our own front door can tell a key from noise without a look-up.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Q
from django.db.models.functions import Now

from accounts import return_addresses
from accounts.models import ApiKey, Partner
from accounts.statement import Statement

SCOPES = (
    *("deposits:read", "deposits:write", "refunds:write", "withdrawals:write"),
    *("players:read", "players:write"),
)

#: A key's owner and scopes do not change; whether it may be used does, and is asked each time.
REMEMBERED_S = 30
_REMEMBERED_KEYS = 1_024

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY = re.compile(r"(ps_(?:test|live)_[0-9A-Za-z]{8})_[0-9A-Za-z]{32}([0-9A-Za-z]{6})\Z")
_FIND = Statement(Path(__file__).parent / "sql" / "find_api_key.sql")


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who a valid key belongs to."""

    key_id: int
    prefix: str
    partner_id: int
    mode: str
    scopes: tuple[str, ...]
    return_addresses: tuple[str, ...] = ()
    """Where the partner's players may be sent back to, as last read."""

    @property
    def client(self) -> str:
        """The scope of the partner's idempotency keys. Test and live never share one."""
        return f"partner:{self.partner_id}:{self.mode}"

    def may_return_to(self, url: str) -> bool:
        """Whether players may be sent back to `url`. What was registered a moment ago counts too."""
        if self.mode == ApiKey.Mode.TEST and return_addresses.is_local(url):
            return True
        if return_addresses.covers(self.return_addresses, url):
            return True
        # The holder may have been remembered for a while.
        now = Partner.objects.values_list("return_addresses", flat=True).get(pk=self.partner_id)
        return return_addresses.covers(now, url)


_remembered: dict[bytes, tuple[KeyHolder, float]] = {}


def issue(
    partner: Partner, name: str, mode: ApiKey.Mode, scopes: Sequence[str] = SCOPES, key: str = ""
) -> str:
    """Make a key for `partner` and return it in clear, for the only time. `key` sets a given one (demo installations).

    Raises ValueError for a `key` that is not well formed.
    """
    key = key or _new(mode)
    prefix = _prefix(key)
    if prefix is None:
        raise ValueError("the key is not well formed")
    ApiKey.objects.update_or_create(
        prefix=prefix,
        defaults={
            "partner": partner,
            "name": name,
            "mode": mode,
            "last_four": key[-4:],
            "secret_sha256": hashlib.sha256(key.encode()).digest(),
            "scopes": list(scopes),
        },
    )
    return key


def authenticate(key: str) -> KeyHolder | None:
    """Return whose key this is; None for one that is malformed, wrong, revoked or expired, all alike."""
    prefix = _prefix(key)
    if prefix is None:
        return None
    rows = _FIND.rows({"prefix": prefix})
    # The comparison runs also when no such key exists, so that the time taken tells nothing.
    stored = bytes(rows[0]["secret_sha256"]) if rows else bytes(32)
    same = hmac.compare_digest(stored, hashlib.sha256(key.encode()).digest())
    if not rows or not same or not rows[0]["usable"]:
        return None
    row = rows[0]
    return KeyHolder(
        row["id"],
        prefix,
        row["partner_id"],
        row["mode"],
        tuple(row["scopes"]),
        tuple(row["return_addresses"]),
    )


def recognise(key: str) -> KeyHolder | None:
    """Return whose key this is, as `authenticate` said at most `REMEMBERED_S` ago, else as it says now.

    For a request whose own statement asks again whether the key may still be used (deposits/sql/accept.sql), so that
    a revoked key ends at once all the same; anybody else calls `authenticate`.
    """
    digest = hashlib.sha256(key.encode()).digest()
    known = _remembered.get(digest)
    if known is not None and known[1] > time.monotonic():
        return known[0]
    holder = authenticate(key)
    if holder is None:
        _remembered.pop(digest, None)
        return None
    if len(_remembered) >= _REMEMBERED_KEYS:
        _remembered.clear()
    _remembered[digest] = (holder, time.monotonic() + REMEMBERED_S)
    return holder


def is_usable(key_id: int) -> bool:
    """Whether the key is neither revoked nor expired, by the database's clock."""
    return (
        ApiKey.objects.filter(pk=key_id, revoked_at=None)
        .filter(Q(expires_at=None) | Q(expires_at__gt=Now()))
        .exists()
    )


def _new(mode: ApiKey.Mode) -> str:
    body = f"ps_{mode.value}_{_random(8)}_{_random(32)}"
    return body + _checksum(body)


def _prefix(key: str) -> str | None:
    match = _KEY.match(key)
    if match is None or _checksum(key[:-6]) != match[2]:
        return None
    return match[1]


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _checksum(body: str) -> str:
    value, letters = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, len(_LETTERS))
        letters += _LETTERS[digit]
    return letters
