"""Client-credentials tokens (RFC 6749 §4.4). They carry their end and scopes, so they outlive a restart."""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from msgspec import DecodeError, Struct
from msgspec.json import decode

from carriers.sandbox.answers import Answer
from carriers.sandbox.errors import PERMISSION_DENIED, UNAUTHENTICATED, Refused
from carriers.sandbox.settings import Settings
from carriers.sandbox.wire import encode

CREATE = "carrier-billing:payments:create"
READ = "carrier-billing:payments:read"
WRITE = "carrier-billing:payments:write"
REFUND_CREATE = "carrier-billing-refund:refunds:create"
REFUND_READ = "carrier-billing-refund:refunds:read"
SCOPES = (CREATE, READ, WRITE, REFUND_CREATE, REFUND_READ)

_KNOWN_LIMIT = 10_000


class Token(Struct, frozen=True):
    """What a token says. `expires_at` is wall time: tokens do not age with the sandbox's clock."""

    expires_at: float
    scopes: tuple[str, ...]


class Tokens:
    """Issues and checks the tokens of one client."""

    def __init__(self, client_id: str, client_secret: str, settings: Settings) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._settings = settings
        self._known: dict[str, Token] = {}

    def issue(self, authorization: str, body: bytes) -> Answer:
        """Answer to POST /oauth2/token."""
        try:
            form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20))
        except ValueError:
            return _refuse("invalid_request", "The body must be application/x-www-form-urlencoded.")
        if not self._is_client(*_credentials(authorization, form)):
            return Answer(
                401,
                encode({"error": "invalid_client", "error_description": "Unknown client or wrong secret."}),
                headers={"WWW-Authenticate": 'Basic realm="sandbox"', "Cache-Control": "no-store"},
            )
        if form.get("grant_type") != "client_credentials":
            return _refuse("unsupported_grant_type", "grant_type must be client_credentials.")
        scopes = tuple(form.get("scope", "").split()) or SCOPES
        if not set(scopes) <= set(SCOPES):
            return _refuse("invalid_scope", f"Known scopes: {' '.join(SCOPES)}.")
        lifetime_s = self._settings.token_lifetime_s
        answer = {
            "access_token": self._sign(Token(time.time() + lifetime_s, scopes)),
            "token_type": "Bearer",
            "expires_in": lifetime_s,
            "scope": " ".join(scopes),
        }
        return Answer(200, encode(answer), headers={"Cache-Control": "no-store"})

    def check(self, authorization: str, scope: str) -> None:
        """Raises 401 unless the header has a live token of ours, 403 unless the token has the scope."""
        kind, _, text = authorization.partition(" ")
        token = self._known.get(text) or self._read(text)
        if kind.lower() != "bearer" or token is None or token.expires_at <= time.time():
            raise Refused(UNAUTHENTICATED)
        if scope not in token.scopes:
            raise Refused(PERMISSION_DENIED)

    def _is_client(self, client_id: str, client_secret: str) -> bool:
        right_id = hmac.compare_digest(client_id.encode(), self._client_id.encode())
        return hmac.compare_digest(client_secret.encode(), self._client_secret.encode()) and right_id

    def _sign(self, token: Token) -> str:
        claims = encode(token)
        seal = hmac.digest(self._client_secret.encode(), claims, "sha256")
        return f"{_base64(claims)}.{_base64(seal)}"

    def _read(self, text: str) -> Token | None:
        claims_text, _, seal_text = text.partition(".")
        try:
            claims, seal = (base64.urlsafe_b64decode(part + "==") for part in (claims_text, seal_text))
        except (binascii.Error, ValueError):
            return None
        if not hmac.compare_digest(seal, hmac.digest(self._client_secret.encode(), claims, "sha256")):
            return None
        try:
            token: Any = decode(claims, type=Token)
        except DecodeError:
            return None
        if len(self._known) >= _KNOWN_LIMIT:
            self._known.clear()
        self._known[text] = token
        return Token(token.expires_at, token.scopes)


def _credentials(authorization: str, form: dict[str, str]) -> tuple[str, str]:
    if not authorization:
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        pair = base64.b64decode(authorization.partition(" ")[2], validate=True).decode()
    except (binascii.Error, ValueError):
        return "", ""
    client_id, _, client_secret = pair.partition(":")
    return unquote_plus(client_id), unquote_plus(client_secret)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _refuse(code: str, description: str) -> Answer:
    body = encode({"error": code, "error_description": description})
    return Answer(400, body, headers={"Cache-Control": "no-store"})
