"""Values that belong to one deposit and cannot be guessed, derived from a secret so that none has to be kept."""

from __future__ import annotations

import base64
import hashlib
import hmac

# A reference has none in it.
_SEPARATOR = "."


def derived(secret: str, purpose: str, *facts: str) -> str:
    """43 characters that follow from all of these, the same ones each time, and from which nothing follows.

    They make a verifier of RFC 7636, which asks for no fewer.
    """
    message = "\0".join((purpose, *facts)).encode()
    return encoded(hmac.digest(secret.encode(), message, "sha256"))


def state_for(secret: str, carrier: str, reference: str) -> str:
    """What a browser carries there and back: our reference, and the proof that we wrote it for this carrier."""
    return f"{reference}{_SEPARATOR}{derived(secret, 'state', carrier, reference)}"


def reference_in(secret: str, carrier: str, state: str) -> str:
    """Our reference out of a `state_for` this carrier. ValueError for anything that we did not write."""
    reference, _, _ = state.partition(_SEPARATOR)
    if not hmac.compare_digest(state.encode(), state_for(secret, carrier, reference).encode()):
        raise ValueError("state: not ours, or not for this carrier")
    return reference


def challenge_of(verifier: str) -> str:
    """The challenge S256 of a verifier (RFC 7636, section 4.2)."""
    return encoded(hashlib.sha256(verifier.encode()).digest())


def encoded(raw: bytes) -> str:
    """`raw` as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
