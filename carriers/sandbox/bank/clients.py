"""The one client the bank knows: its name, its secret, its public keys, its return addresses, its own account."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey
from msgspec import Struct, field

from carriers.sandbox.wire import is_loopback

logger = logging.getLogger(__name__)

FETCH_TIMEOUT_S = 5.0
# A client that signs with a key we do not know is not to make us ask for its keys with each request.
FETCH_EVERY_S = 1.0
# Ours at this bank, unless another is registered: refunds are paid from it.
BUSINESS_ACCOUNT = "20000055779911"


class UnknownKey(Exception):
    """The client has published no such key, as far as can be told."""


class KeysUnavailable(Exception):
    """The client's keys cannot be read at the moment, so nothing can be said about a signature."""


class Registration(Struct, kw_only=True, forbid_unknown_fields=True):
    """What the client has registered; read and changed at /sandbox/bank/client.

    Keys given as `jwks` come first; `jwks_url` is asked for others. Without `redirect_uris` any loopback or https
    address is taken; `{bank_id}` in one stands for the bank. Without `signer` any issuer of signatures is taken.
    """

    jwks: dict[str, Any] = field(default_factory=dict)
    jwks_url: str = ""
    redirect_uris: list[str] = field(default_factory=list)
    signer: str = ""
    account: str = BUSINESS_ACCOUNT


class Client:
    """Credentials and keys of the client."""

    def __init__(self, client_id: str, client_secret: str, registration: Registration) -> None:
        self.client_id = client_id
        self.registration = registration
        self._secret = client_secret
        self._given = _keys_of(registration.jwks)
        self._fetched: dict[str, RSAKey] = {}
        self._fetched_at = 0.0
        self._reached = True
        self._fetching = asyncio.Lock()

    def register(self, registration: Registration) -> None:
        """Take new registration data. Raises `ValueError` when `jwks` is no set of RSA keys."""
        self._given = _keys_of(registration.jwks)
        self.registration = registration
        self._fetched, self._fetched_at = {}, 0.0

    def has_secret(self, client_id: str, secret: str) -> bool:
        """Whether this is the client's name and secret."""
        right_id = hmac.compare_digest(client_id.encode(), self.client_id.encode())
        return hmac.compare_digest(secret.encode(), self._secret.encode()) and right_id

    def is_signer(self, issuer: object) -> bool:
        """Whether a signature by this issuer may be the client's."""
        registered = self.registration.signer
        return isinstance(issuer, str) and bool(issuer) and registered in ("", issuer)

    def may_return_to(self, address: str, bank_id: str) -> bool:
        """Whether the customer may be sent back to this address."""
        registered = self.registration.redirect_uris
        if registered:
            return address in [one.replace("{bank_id}", bank_id) for one in registered]
        try:
            parts = urlsplit(address)
            host = parts.hostname or ""
        except ValueError:
            return False
        secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
        return bool(host) and secure and not parts.fragment

    async def key(self, kid: str) -> RSAKey:
        """A public key of the client.

        Raises `UnknownKey`, after asking at `jwks_url` if there is one, or `KeysUnavailable` when nobody answers there.
        """
        if kid in self._given:
            return self._given[kid]
        if kid not in self._fetched and self.registration.jwks_url:
            await self._fetch()
            if not self._reached:
                raise KeysUnavailable
        if kid in self._fetched:
            return self._fetched[kid]
        raise UnknownKey(f"kid {kid!r} is none of the client's keys.")

    async def _fetch(self) -> None:
        async with self._fetching:
            if time.monotonic() < self._fetched_at + FETCH_EVERY_S:
                return
            url = self.registration.jwks_url
            try:
                timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S)
                async with (
                    aiohttp.ClientSession(timeout=timeout) as session,
                    session.get(url, raise_for_status=True) as answer,
                ):
                    self._fetched = _keys_of(msgspec.json.decode(await answer.read()))
                    self._reached = True
            except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, ValueError) as problem:
                # Those read before stay good.
                self._reached = False
                logger.warning("the client's keys could not be read from %s: %r", url, problem)
            self._fetched_at = time.monotonic()


def _keys_of(jwks: object) -> dict[str, RSAKey]:
    """RSA keys by their `kid`. Raises `ValueError`."""
    if jwks in ({}, {"keys": []}):
        return {}
    try:
        keys = KeySet.import_key_set(jwks)  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError) as wrong:
        raise ValueError(f"not a JSON Web Key Set: {wrong}") from None
    return {str(key.kid): key for key in keys.keys if isinstance(key, RSAKey)}
