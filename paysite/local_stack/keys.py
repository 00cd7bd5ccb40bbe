"""The secrets of this machine's stack: made at the first start, kept with the data, forgotten by `make clean`."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from joserfc.jwk import RSAKey

from paysite.local_stack.files import write_private

# Standard Webhooks asks for 24 to 64 bytes, in base64 behind this prefix.
WEBHOOK_SECRET_PREFIX = "whsec_"
WEBHOOK_SECRET_BYTES = 32
# What directories of banks ask for at least.
RSA_BITS = 2_048


def _random() -> str:
    return secrets.token_urlsafe(32)


def _webhook_secret() -> str:
    return WEBHOOK_SECRET_PREFIX + base64.b64encode(secrets.token_bytes(WEBHOOK_SECRET_BYTES)).decode()


def _rsa_key() -> str:
    return RSAKey.generate_key(RSA_BITS).as_pem(private=True).decode()


@dataclass(frozen=True)
class Keys:
    """Everything secret but the servers' passwords. The API key is shown once by the site, so it is kept here."""

    secret_key: str = field(default_factory=_random)
    notification_secret: str = field(default_factory=_random)
    bank_signing_key: str = field(default_factory=_rsa_key)
    sealing_key: str = field(default_factory=_random)
    sandbox_client_secret: str = field(default_factory=_random)
    staff_password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    webhook_secret: str = field(default_factory=_webhook_secret)
    api_key: str | None = None

    @classmethod
    def load_or_make(cls, path: Path) -> Keys:
        """The keys kept in `path`, with new ones for those that are missing; the file is mode 0600."""
        try:
            kept = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            kept = {}
        known = {name: value for name, value in kept.items() if name in cls.__dataclass_fields__}
        keys = cls(**known)
        if asdict(keys) != kept:
            keys.save(path)
        return keys

    def with_api_key(self, api_key: str) -> Keys:
        """The same keys with the demo partner's API key."""
        return replace(self, api_key=api_key)

    def save(self, path: Path) -> None:
        """Keep the keys in `path`, readable by its owner only."""
        write_private(path, json.dumps(asdict(self), indent=2) + "\n")
