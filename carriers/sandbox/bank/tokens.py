"""The bank's access tokens: sealed texts that say what they are for, so they outlive a restart."""

from __future__ import annotations

import base64
import binascii
import hmac
import time

import msgspec
from msgspec import Struct

from carriers.sandbox.bank.refusals import BankRefused
from carriers.sandbox.wire import encode


class BankToken(Struct, frozen=True):
    """What a token says. `expires_at` is wall time, as for all tokens of the sandbox.

    `consent_id` is of the consent that the customer approved; empty: the client's own token (client credentials).
    """

    bank_id: str
    expires_at: float
    scopes: tuple[str, ...]
    consent_id: str = ""


class BankTokens:
    """Seals tokens and reads them back."""

    def __init__(self, secret: str) -> None:
        self._secret = b"bank " + secret.encode()

    def seal(self, token: BankToken) -> str:
        """The token as the client gets it."""
        claims = encode(token)
        return f"{_base64(claims)}.{_base64(self._mac(claims))}"

    def check(self, authorization: str, bank_id: str) -> BankToken:
        """The bearer token of a header. Raises 401 unless it is ours, live and of this bank, 403 without `payments`."""
        kind, _, text = authorization.partition(" ")
        token = self._read(text) if kind.lower() == "bearer" else None
        if token is None or token.bank_id != bank_id or token.expires_at <= time.time():
            raise BankRefused(401)
        if "payments" not in token.scopes:
            raise BankRefused(403, "U042", "The token has not the scope payments.")
        return token

    def _read(self, text: str) -> BankToken | None:
        claims_text, _, seal_text = text.partition(".")
        try:
            claims, seal = (base64.urlsafe_b64decode(part + "==") for part in (claims_text, seal_text))
        except (binascii.Error, ValueError):
            return None
        if not hmac.compare_digest(seal, self._mac(claims)):
            return None
        return msgspec.json.decode(claims, type=BankToken)

    def _mac(self, claims: bytes) -> bytes:
        return hmac.digest(self._secret, claims, "sha256")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
