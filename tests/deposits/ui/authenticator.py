"""A device that holds passkeys, in software: it answers WebAuthn's options as a browser would send the answer on."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

_SHOWN = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV


class Device:
    """One device with one key, at one `origin`. `verified`: its owner has shown a finger or a PIN."""

    def __init__(self, origin: str, *, verified: bool = True) -> None:
        self.origin = origin
        self.flags = _SHOWN if verified else AuthenticatorData.FLAG.UP
        self.uses = 0
        self._id = secrets.token_bytes(32)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer the options of an adding."""
        public = ES256.from_cryptography_key(self._key.public_key())  # type: ignore[no-untyped-call]
        credential = AttestedCredentialData.create(bytes(16), self._id, public)
        shown = AuthenticatorData.create(
            _hash(options["rp"]["id"]),
            AuthenticatorData.FLAG(self.flags | AuthenticatorData.FLAG.AT),
            self.uses,
            credential,
        )
        client = self._client(CollectedClientData.TYPE.CREATE, options)
        attested = AttestationObject.create("none", shown, {})
        return self._brought(
            {"clientDataJSON": client.b64, "attestationObject": websafe_encode(bytes(attested))}
        )

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer the options of a signing in."""
        self.uses += 1
        shown = AuthenticatorData.create(_hash(options["rpId"]), self.flags, self.uses)
        client = self._client(CollectedClientData.TYPE.GET, options)
        signature = self._key.sign(bytes(shown) + client.hash, ec.ECDSA(hashes.SHA256()))
        return self._brought(
            {
                "clientDataJSON": client.b64,
                "authenticatorData": websafe_encode(bytes(shown)),
                "signature": websafe_encode(signature),
            }
        )

    def _client(self, kind: CollectedClientData.TYPE, options: dict[str, Any]) -> CollectedClientData:
        return CollectedClientData.create(kind, websafe_decode(options["challenge"]), self.origin)

    def _brought(self, response: dict[str, str]) -> dict[str, Any]:
        name = websafe_encode(self._id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
