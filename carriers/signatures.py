"""Signatures over HTTP bodies: detached JWS (RFC 7515, appendix F) with PS256, and JWTs of the same key.

When, by whom and in whose directory a signature was made stands in its header, in claims that are named under an
address of the protocol's own.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.registry import HeaderParameter
from msgspec import Struct

from carriers import wire
from carriers.interface import HttpAnswer, HttpRequest
from carriers.timing import Clock

ALGORITHM = "PS256"
#: By so much may the other side's clock differ from the database's.
CLOCKS_APART_S = 120.0
#: Keys are asked for again after this long, and for an unknown one no more often than this.
KEYS_KEPT_S = 3_600.0
KEYS_EVERY_S = 10.0
# Signatures of keys up to 8192 bits, and headers with long names.
_HEADER_MAX_BYTES = 4_096


class _Header:
    """The header of a detached signature, for one protocol."""

    def __init__(self, claims_under: str) -> None:
        self.issued_at, self.issuer, self.trust_anchor = (
            f"{claims_under}{one}" for one in ("iat", "iss", "tan")
        )
        self.critical = [self.issued_at, self.issuer, self.trust_anchor]
        known = {
            self.issued_at: HeaderParameter("issued at", "int"),
            self.issuer: HeaderParameter("issuer", "str"),
            self.trust_anchor: HeaderParameter("trust anchor", "str"),
        }
        self.registry = jws.JWSRegistry(known, [ALGORITHM])
        self.registry.max_header_length = _HEADER_MAX_BYTES

    def check(self, header: Mapping[str, Any]) -> None:
        """ValueError for a header that does not say what it must."""
        if header.get("alg") != ALGORITHM:
            raise ValueError(f"signature: not by {ALGORITHM}")
        if sorted(header.get("crit", ())) != sorted(self.critical):
            raise ValueError("signature: crit names other claims than iat, iss and tan")


class Signer:
    """Our private key, and the name under which the other side knows it."""

    def __init__(self, pem: str, key_id: str, issuer: str, trust_anchor: str, *, claims_under: str) -> None:
        """Raises ValueError when `pem` is no private RSA key; what it holds is not quoted."""
        try:
            # Checking that the numbers are primes takes a fifth of a second, in each process and for each carrier;
            # this key is ours.
            key = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
            if not isinstance(key, RSAPrivateKey):
                raise ValueError("another kind of key")
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("signing_key: must be a private RSA key as PEM text") from None
        self._key = RSAKey.import_key(key, {"kid": key_id})
        self.clock = Clock()
        self._header = _Header(claims_under)
        self._who = {self._header.issuer: issuer, self._header.trust_anchor: trust_anchor}

    def detached(self, body: bytes) -> str:
        """The detached JWS of `body`: a header, nothing, and the signature."""
        header = {
            "alg": ALGORITHM,
            "kid": self._key.kid,
            "crit": self._header.critical,
            self._header.issued_at: int(self.clock.now()),
            **self._who,
        }
        signed = jws.serialize_compact(header, body, self._key, registry=self._header.registry)
        head, _, signature = signed.split(".")
        return f"{head}..{signature}"

    def token(self, claims: Mapping[str, Any]) -> str:
        """A signed JWT with these claims."""
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, dict(claims), self._key, [ALGORITHM])

    def public_key(self) -> dict[str, str]:
        """The public part as a JSON Web Key."""
        public = self._key.as_dict(private=False)
        return {**{name: str(value) for name, value in public.items()}, "use": "sig", "alg": ALGORITHM}


class _KeySet(Struct):
    keys: list[dict[str, Any]]


class PublicKeys:
    """The other side's public keys, read from its address when they are needed, as a part of a conversation."""

    def __init__(
        self, url: str, certificate: tuple[str, str] = ("", ""), *, claims_under: str, clock: Clock
    ) -> None:
        self._clock = clock
        self._header = _Header(claims_under)
        self._request = HttpRequest("GET", url, certificate=certificate[0], certificate_key=certificate[1])
        self._keys: dict[str, RSAKey] = {}
        self._read_at = float("-inf")

    def verify(self, signature: str, body: bytes) -> Generator[HttpRequest, HttpAnswer, None]:
        """Return when `signature` is a detached JWS of `body` by one of the keys. ValueError says why it is not."""
        head, middle, tail = (*signature.split("."), "", "")[:3]
        if not (head and tail) or middle or signature.count(".") != 2:
            raise ValueError("signature: missing, or no detached JWS")
        try:
            found = jws.extract_compact(signature.encode(), body, self._header.registry)
            self._header.check(found.headers())
            key = yield from self._key(found.headers())
            right = jws.validate_compact(found, key, [ALGORITHM], self._header.registry)
        except JoseError as error:
            raise ValueError(f"signature: {type(error).__name__}") from None
        if not right:
            raise ValueError("signature: not of this body")

    def claims(self, token: str) -> Generator[HttpRequest, HttpAnswer, dict[str, Any]]:
        """The claims of a JWT by one of the keys, with `exp` still ahead. ValueError says what is wrong with it."""
        try:
            header = jws.extract_compact(token.encode(), None, self._header.registry).headers()
            key = yield from self._key(header)
            claims = jwt.decode(token, key, [ALGORITHM]).claims
        except JoseError as error:
            raise ValueError(f"token: {type(error).__name__}") from None
        ends = claims.get("exp")
        if not isinstance(ends, int | float) or ends + CLOCKS_APART_S < self._clock.now():
            raise ValueError("token: has run out")
        return dict(claims)

    def _key(self, header: Mapping[str, Any]) -> Generator[HttpRequest, HttpAnswer, RSAKey]:
        kid = str(header.get("kid", ""))
        age_s = time.monotonic() - self._read_at
        if age_s > KEYS_KEPT_S or (kid not in self._keys and age_s > KEYS_EVERY_S):
            answer = yield self._request
            if answer.status != 200:
                raise ValueError(f"signature: the keys are not to be had ({answer.status})")
            self._keys = _rsa_keys(wire.read(answer.body, _KeySet).keys)
            self._read_at = time.monotonic()
        try:
            return self._keys[kid]
        except KeyError:
            raise ValueError("signature: by a key that is not published") from None


def _rsa_keys(given: list[dict[str, Any]]) -> dict[str, RSAKey]:
    """What can be used of a key set; keys of other kinds are for others."""
    keys: dict[str, RSAKey] = {}
    for one in given:
        if one.get("kty") == "RSA" and isinstance(one.get("kid"), str) and one.get("use", "sig") == "sig":
            try:
                keys[one["kid"]] = RSAKey.import_key({name: one[name] for name in ("kty", "n", "e", "kid")})
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    return keys
