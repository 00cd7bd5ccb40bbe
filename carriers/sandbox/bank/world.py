"""The parts of the bank, and what one request to it carries."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from itertools import count

from aiohttp import web

from carriers.sandbox.bank.clients import Client
from carriers.sandbox.bank.lifecycle import BankLifecycle
from carriers.sandbox.bank.older import VERSIONS
from carriers.sandbox.bank.records import BankStore
from carriers.sandbox.bank.signatures import BankKey
from carriers.sandbox.bank.stories import BANKS, BankFaults, BankStory
from carriers.sandbox.bank.tokens import BankTokens
from carriers.sandbox.clock import Clock
from carriers.sandbox.seen import Seen
from carriers.sandbox.settings import Settings

_PISP = re.compile(rf"/open-banking/({'|'.join(map(re.escape, VERSIONS))})/pisp/")


@dataclass(slots=True)
class BankWorld:
    """Everything the bank holds. The clock, the settings and the log of requests are the sandbox's."""

    origin: str
    clock: Clock
    settings: Settings
    seen: deque[Seen]
    seen_count: count[int]
    store: BankStore
    client: Client
    key: BankKey
    tokens: BankTokens
    faults: BankFaults
    lifecycle: BankLifecycle
    mutual_tls: bool = False
    """Whether tokens and the API are for certified clients only (RFC 8705 §2, without binding tokens to them)."""

    def base(self, bank_id: str, host: str = "") -> str:
        """Where a bank is, which is also its name as an issuer. `host` is what the client calls this origin."""
        origin = f"{self.origin.partition(':')[0]}://{host}" if host else self.origin
        return f"{origin}/{bank_id}"


@dataclass(slots=True)
class BankCall:
    """One request to a bank. `path` is what follows the bank's own address; `interaction_id` is to be echoed."""

    request: web.BaseRequest
    bank_id: str
    path: str
    seen: Seen
    base: str
    """Where this bank is for the client, which may come through a proxy; also its name as an issuer."""
    body: bytes = b""
    fault: str = ""
    """How the answer is to be spoilt."""

    @property
    def version(self) -> str:
        """Which version of the payment API is called; "" when another address is."""
        found = _PISP.match(self.path)
        return VERSIONS[found[1]] if found else ""

    @property
    def pisp(self) -> str:
        """Where the API is that was called."""
        found = _PISP.match(self.path)
        return self.base + (found[0].rstrip("/") if found else "")

    @property
    def is_certified(self) -> bool:
        """Whether the client has shown a certificate that its authority vouches for."""
        transport = self.request.transport
        return transport is not None and bool(transport.get_extra_info("peercert"))

    @property
    def story(self) -> BankStory:
        """What this bank plays."""
        return BANKS[self.bank_id]
