"""The parts of one running sandbox, and the log of the requests it saw."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from itertools import count

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from carriers.sandbox.bank.world import BankWorld
from carriers.sandbox.clock import Clock
from carriers.sandbox.errors import invalid
from carriers.sandbox.lifecycle import Lifecycle
from carriers.sandbox.notifications import Notifier
from carriers.sandbox.payments import Store
from carriers.sandbox.scripts import Scripts
from carriers.sandbox.seen import Seen
from carriers.sandbox.settings import Settings
from carriers.sandbox.stories import Faults
from carriers.sandbox.tokens import Tokens
from carriers.sandbox.wire import BODY_LIMIT_BYTES


@dataclass(slots=True)
class World:
    """Everything one sandbox process holds."""

    clock: Clock
    settings: Settings
    store: Store
    faults: Faults
    scripts: Scripts
    notifier: Notifier
    lifecycle: Lifecycle
    tokens: Tokens
    bank: BankWorld
    # Of the carrier and the bank, in the order they came.
    seen: deque[Seen]
    seen_count: count[int]


@dataclass(slots=True)
class Call:
    """One request being answered. `path` is without the query."""

    request: web.BaseRequest
    path: str
    seen: Seen

    async def body(self) -> bytes:
        """The request's body. Raises 400 when it is not JSON by its header or over 64 kB."""
        kind = self.request.headers.get("Content-Type", "")
        if kind.partition(";")[0].strip().lower() != "application/json":
            raise invalid("Content-Type must be application/json.")
        return await read_limited(self.request)


async def read_limited(request: web.BaseRequest) -> bytes:
    """Read a body of at most 64 kB. Raises 400 when it is longer."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise invalid(f"The body must not be longer than {BODY_LIMIT_BYTES} bytes.") from None


def new_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """Request factory of the server: bodies are read up to 64 kB and no further."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=BODY_LIMIT_BYTES)
