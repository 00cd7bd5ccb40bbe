"""Signatures: detached JWS of bodies (`x-jws-signature`), and the JWTs of the authorisation.

The rules of the detached form are those of the Read/Write profile 4.0, "Message signing": PS256, and `crit` naming
exactly iat, iss and tan. `b64: false`, which versions before 3.1.4 asked for, is taken as well, and never sent.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import DecodeError, JoseError
from joserfc.jwk import RSAKey
from joserfc.registry import HeaderParameter

from carriers.sandbox.bank.clients import Client, UnknownKey
from carriers.sandbox.bank.refusals import bad

ALGORITHM = "PS256"
ISSUED_AT = "http://openbanking.org.uk/iat"
ISSUER = "http://openbanking.org.uk/iss"
TRUST_ANCHOR = "http://openbanking.org.uk/tan"
CRITICAL = frozenset({ISSUED_AT, ISSUER, TRUST_ANCHOR})
TRUSTED = "openbanking.org.uk"
ORGANISATION = "0015800000SANDBOX"

KEY_BITS = 2048
# Clocks of two machines differ; this much may a signature lie in the future.
SKEW_S = 60.0

_KNOWN_CLAIMS = CRITICAL | {"alg", "kid", "typ", "cty", "crit", "b64"}
_HEADER_LIMIT = 4096


def _registry() -> jws.JWSRegistry:
    extra = {
        ISSUED_AT: HeaderParameter("issued at", "int"),
        ISSUER: HeaderParameter("issuer", "str"),
        TRUST_ANCHOR: HeaderParameter("trust anchor", "str"),
        "b64": HeaderParameter("payload is encoded", "bool"),
    }
    registry = jws.JWSRegistry(extra, [ALGORITHM])
    registry.max_header_length = _HEADER_LIMIT
    return registry


_REGISTRY = _registry()


class BankKey:
    """The bank's own signing key: made at its first use, kept in the data directory."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "bank-key.pem"
        self._key: RSAKey | None = None

    @property
    def key(self) -> RSAKey:
        """The private key. Making one takes a fraction of a second, so nobody pays for it who asks no bank."""
        if self._key is None:
            if not self._path.exists():
                made = RSAKey.generate_key(KEY_BITS)
                self._path.touch(0o600)
                self._path.write_bytes(made.as_pem(private=True))
            key = RSAKey.import_key(self._path.read_bytes())
            self._key = RSAKey.import_key(key.as_dict(private=True) | {"kid": key.thumbprint()})
        return self._key

    def public(self) -> dict[str, Any]:
        """The JWK to publish."""
        return {**self.key.as_dict(private=False), "use": "sig", "alg": ALGORITHM}

    def sign(self, body: bytes) -> str:
        """The detached JWS of a body that the bank sends."""
        header = {
            "alg": ALGORITHM,
            "kid": self.key.kid,
            ISSUED_AT: int(time.time()),
            ISSUER: ORGANISATION,
            TRUST_ANCHOR: TRUSTED,
            "crit": sorted(CRITICAL),
        }
        head, _, tail = jws.serialize_compact(header, body, self.key, registry=_REGISTRY).split(".")
        return f"{head}..{tail}"

    def token(self, claims: dict[str, Any]) -> str:
        """A signed JWT, for id tokens."""
        return jwt.encode(
            {"alg": ALGORITHM, "kid": self.key.kid, "typ": "JWT"}, claims, self.key, [ALGORITHM]
        )


async def verify(signature: str, body: bytes, client: Client) -> None:
    """Check the client's detached JWS of a body. Raises 400 U015 to U019."""
    if not signature:
        raise bad("U019", "The request must be signed.", "x-jws-signature")
    if len(signature.split(".")) != 3 or signature.split(".")[1]:
        raise bad("U018", "A detached JWS has an empty middle part.", "x-jws-signature")
    try:
        found = jws.extract_compact(signature.encode(), body, _REGISTRY)
        header = found.headers()
    except (JoseError, ValueError, UnicodeError):
        raise bad("U018", "The signature is not a JWS.", "x-jws-signature") from None
    _check_claims(header, client)
    try:
        key = await client.key(header["kid"])
    except UnknownKey as unknown:
        raise bad("U016", str(unknown), "kid") from None
    try:
        right = jws.validate_compact(found, key, [ALGORITHM], _REGISTRY)
    except JoseError as wrong:
        raise bad("U016", str(wrong), "x-jws-signature") from None
    if not right:
        raise bad("U015", "The signature does not belong to this body and this key.", "x-jws-signature")


def _check_claims(header: dict[str, Any], client: Client) -> None:
    for name in ("alg", "kid", "crit", *sorted(CRITICAL)):
        if name not in header:
            raise bad("U017", f"The JOSE header needs {name}.", name)
    if unknown := sorted(set(header) - _KNOWN_CLAIMS):
        raise bad("U016", f"Unknown claims in the JOSE header: {', '.join(unknown)}.", unknown[0])
    for name, problem in _wrong_claims(header, client):
        if problem:
            raise bad("U016", problem, name)


def _wrong_claims(header: dict[str, Any], client: Client) -> list[tuple[str, str]]:
    unencoded = {"b64"} if header.get("b64") is False else set[str]()
    issued_at, crit = header[ISSUED_AT], header["crit"]
    right_time = isinstance(issued_at, int | float) and issued_at <= time.time() + SKEW_S
    right_crit = isinstance(crit, list) and set(map(str, crit)) == CRITICAL | unencoded
    is_json = header.get("cty", "json") in ("json", "application/json")
    return [
        ("alg", "" if header["alg"] == ALGORITHM else f"alg must be {ALGORITHM}."),
        ("typ", "" if header.get("typ", "JOSE") == "JOSE" else "typ must be JOSE."),
        ("cty", "" if is_json else "cty must be json or application/json."),
        ("kid", "" if isinstance(header["kid"], str) else "kid must be a text."),
        ("b64", "" if "b64" not in header or unencoded else "b64 must not be sent, or be false."),
        (ISSUED_AT, "" if right_time else "iat must be in the past, in seconds since 1970."),
        (ISSUER, "" if client.is_signer(header[ISSUER]) else "iss must name the client's organisation."),
        (TRUST_ANCHOR, "" if header[TRUST_ANCHOR] == TRUSTED else f"tan must be {TRUSTED}."),
        ("crit", "" if right_crit else "crit must name iat, iss and tan, and nothing else."),
    ]


async def read_jwt(text: str, client: Client) -> dict[str, Any]:
    """The claims of a JWT that the client has signed with PS256. Raises `ValueError` saying what is wrong with it."""
    try:
        header = jws.extract_compact(text.encode(), None, _REGISTRY).headers()
        key = await client.key(str(header.get("kid", "")))
        return dict(jwt.decode(text, key, [ALGORITHM]).claims)
    except UnknownKey as unknown:
        raise ValueError(str(unknown)) from None
    except (JoseError, DecodeError, UnicodeError) as wrong:
        raise ValueError(f"The JWT does not verify: {wrong}") from None
