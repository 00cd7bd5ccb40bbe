"""Discovery, the bank's keys, and tokens: OAuth 2.0 with PKCE, OpenID Connect where Open Banking asks for it."""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections import deque
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from carriers.sandbox.bank import signatures
from carriers.sandbox.bank.answers import BankAnswer
from carriers.sandbox.bank.records import Code, Consent
from carriers.sandbox.bank.refusals import BankRefused, OAuthRefused
from carriers.sandbox.bank.stories import EXCHANGE_FAULTS
from carriers.sandbox.bank.tokens import BankToken
from carriers.sandbox.bank.world import BankCall, BankWorld

TOKEN_PATH = "/token"
AUTHORIZE_PATH = "/authorize"
JWKS_PATH = "/jwks"
DISCOVERY_PATH = "/.well-known/openid-configuration"
SCOPES = ("openid", "payments")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
INTENT = "openbanking_intent_id"
ACR = "urn:openbanking:psd2:sca"
# Ids of assertions that were used; older ones have run out.
ASSERTIONS_KEPT = 10_000


class OAuth:
    """Answers discovery, keys and tokens."""

    def __init__(self, world: BankWorld) -> None:
        self._world = world
        self._assertions: deque[str] = deque(maxlen=ASSERTIONS_KEPT)

    def discovery(self, base: str) -> BankAnswer:
        """OpenID Provider metadata (OpenID Connect Discovery §3, RFC 8414)."""
        return BankAnswer(
            200,
            {
                "issuer": base,
                "authorization_endpoint": base + AUTHORIZE_PATH,
                "token_endpoint": base + TOKEN_PATH,
                "jwks_uri": base + JWKS_PATH,
                "scopes_supported": SCOPES,
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": [signatures.ALGORITHM],
                "request_parameter_supported": True,
                "request_uri_parameter_supported": False,
                "request_object_signing_alg_values_supported": [signatures.ALGORITHM],
                "claims_parameter_supported": True,
                "claims_supported": ["acr", INTENT],
                "acr_values_supported": [ACR],
                "id_token_signing_alg_values_supported": [signatures.ALGORITHM],
                "subject_types_supported": ["public"],
                "authorization_response_iss_parameter_supported": True,
            },
        )

    def jwks(self) -> BankAnswer:
        """The bank's public keys (RFC 7517)."""
        return BankAnswer(200, {"keys": [self._world.key.public()]})

    async def token(self, call: BankCall) -> BankAnswer:
        """Answer to POST /token. Raises `OAuthRefused`, and 500 and `Dropped` as faults say."""
        try:
            form = dict(parse_qsl(call.body.decode(), keep_blank_values=True, max_num_fields=30))
        except ValueError:
            raise OAuthRefused("invalid_request", "A form is needed.") from None
        await self._authenticate(call, form)
        match form.get("grant_type"):
            case "client_credentials":
                return self._grant(call, _scopes(form.get("scope", "payments")), None)
            case "authorization_code":
                return self._exchange(call, form)
        raise OAuthRefused("unsupported_grant_type", "client_credentials or authorization_code.")

    def _grant(self, call: BankCall, scopes: tuple[str, ...], consent: Consent | None) -> BankAnswer:
        lifetime_s = self._world.settings.token_lifetime_s
        token = BankToken(call.bank_id, time.time() + lifetime_s, scopes, consent.id if consent else "")
        value = {
            "access_token": self._world.tokens.seal(token),
            "token_type": "Bearer",
            "expires_in": lifetime_s,
            "scope": " ".join(scopes),
        }
        return BankAnswer(200, value, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _exchange(self, call: BankCall, form: dict[str, str]) -> BankAnswer:
        """A code for a token (RFC 6749 §4.1.3, RFC 7636 §4.6)."""
        world = self._world
        consent, code = self._code(call.bank_id, form.get("code", ""))
        call.seen.reference = consent.reference
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthRefused("invalid_grant", "redirect_uri is not that of the authorisation.")
        if not _proves(form.get("code_verifier", ""), code.challenge):
            raise OAuthRefused("invalid_grant", "code_verifier does not belong to the code_challenge.")
        call.fault = world.faults.draw(EXCHANGE_FAULTS, call.bank_id, consent.reference)
        if call.fault == "exchange_error_500":
            raise BankRefused(500, "U000", "Something went wrong.")
        world.lifecycle.spend(consent, code)
        scopes = tuple(code.scope.split())
        answer = self._grant(call, scopes, self._spoilt(call, consent))
        assert isinstance(answer.value, dict)
        answer.value["id_token"] = world.key.token(self._claims(call.base, consent, code, answer.value))
        return answer

    def _spoilt(self, call: BankCall, consent: Consent) -> Consent:
        """The consent that the token is for: by the fault, the one made before."""
        if call.fault != "other_consents_token":
            return consent
        others = [one for one in self._world.store.consents.values() if one.id != consent.id]
        return others[-1] if others else consent

    def _code(self, bank_id: str, text: str) -> tuple[Consent, Code]:
        now, lifetime_s = self._world.clock.now(), self._world.settings.bank_code_lifetime_s
        found = self._world.store.of_code(text)
        if found is None or found[0].bank_id != bank_id:
            raise OAuthRefused("invalid_grant", "There is no such code.")
        consent, code = found
        if code.spent:
            raise OAuthRefused("invalid_grant", "The code has been used.")
        if now >= code.at + lifetime_s:
            raise OAuthRefused("invalid_grant", "The code has run out.")
        return consent, code

    def _claims(self, base: str, consent: Consent, code: Code, granted: dict[str, Any]) -> dict[str, Any]:
        """What the id token says (OpenID Connect Core §2 and §3.1.3.6)."""
        now = int(time.time())
        digest = sha256(str(granted["access_token"]).encode()).digest()
        return {
            "iss": base,
            "sub": consent.id,
            "aud": self._world.client.client_id,
            "iat": now,
            "exp": now + int(granted["expires_in"]),
            "nonce": code.nonce,
            "at_hash": b64url(digest[:16]),
            "acr": ACR,
            INTENT: consent.id,
        }

    async def _authenticate(self, call: BankCall, form: dict[str, str]) -> None:
        """Who asks: by secret (RFC 6749 §2.3.1) or by a signed assertion (RFC 7523 §2.2). Raises 401."""
        authorization = call.request.headers.get("Authorization", "")
        if authorization:
            right = self._world.client.has_secret(*_pair(authorization))
        elif form.get("client_assertion_type") == ASSERTION_TYPE:
            right = await self._is_asserted(call.base, form)
        else:
            right = False
        if not right:
            raise OAuthRefused(
                "invalid_client",
                "client_secret_basic or private_key_jwt (PS256) of a known client.",
                401,
                {"WWW-Authenticate": 'Basic realm="sandbox-bank"'},
            )

    async def _is_asserted(self, base: str, form: dict[str, str]) -> bool:
        client = self._world.client
        try:
            claims = await signatures.read_jwt(form.get("client_assertion", ""), client)
        except ValueError:
            return False
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        expires_at, assertion_id = claims.get("exp"), str(claims.get("jti", ""))
        right = (
            claims.get("iss") == claims.get("sub") == client.client_id
            and form.get("client_id", client.client_id) == client.client_id
            and bool({base, base + TOKEN_PATH} & set(audiences))
            and isinstance(expires_at, int | float)
            and expires_at > time.time()
            and assertion_id not in ("", *self._assertions)
        )
        if right:
            self._assertions.append(assertion_id)
        return right


def b64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _proves(verifier: str, challenge: str) -> bool:
    made = b64url(sha256(verifier.encode()).digest())
    return 43 <= len(verifier) <= 128 and hmac.compare_digest(made.encode(), challenge.encode())


def _scopes(text: str) -> tuple[str, ...]:
    scopes = tuple(text.split())
    if not scopes or not set(scopes) <= set(SCOPES):
        raise OAuthRefused("invalid_scope", f"Known scopes: {' '.join(SCOPES)}.")
    return scopes


def _pair(authorization: str) -> tuple[str, str]:
    kind, _, text = authorization.partition(" ")
    try:
        pair = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return "", ""
    client_id, _, secret = pair.partition(":")
    return (unquote_plus(client_id), unquote_plus(secret)) if kind.lower() == "basic" else ("", "")
