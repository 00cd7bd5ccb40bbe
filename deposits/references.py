"""The two names of a deposit or refund: an id for machines and a reference that people can read out."""

from __future__ import annotations

import os
import secrets
import time
from datetime import datetime
from uuid import UUID

# Crockford's alphabet: no I, L, O or U, so that a reference read over the phone is written down right.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> UUID:
    """Return a UUID version 7 (RFC 9562 §5.7): its first 48 bits are the time, so that indexes grow at one end."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)


def first_id_at(moment: datetime) -> UUID:
    """Return the smallest id that a deposit minted at `moment` can have."""
    return UUID(int=int(moment.timestamp() * 1_000) << 80)


def new_reference(letter: str = "D") -> str:
    """Return a reference like "D-7F3K-92QX": 40 random bits. The database makes sure that it is the only one.

    `letter` says what it names: D a deposit, R a refund.
    """
    bits = secrets.randbits(40)
    letters = "".join(_ALPHABET[(bits >> shift) & 31] for shift in range(35, -5, -5))
    return f"{letter}-{letters[:4]}-{letters[4:]}"


def public_id(deposit_id: UUID) -> str:
    """Return the id that partners see: "dep_" and 32 hexadecimal digits."""
    return f"dep_{deposit_id.hex}"


def public_withdrawal_id(withdrawal_id: UUID) -> str:
    """Return the id of a withdrawal that partners see: "wdr_" and 32 hexadecimal digits."""
    return f"wdr_{withdrawal_id.hex}"


def public_link_id(link_id: UUID) -> str:
    """Return the id of a hosted link that partners see: "lnk_" and 32 hexadecimal digits."""
    return f"lnk_{link_id.hex}"


def public_refund_id(refund_id: UUID) -> str:
    """Return the id of a refund that partners see: "ref_" and 32 hexadecimal digits."""
    return f"ref_{refund_id.hex}"
