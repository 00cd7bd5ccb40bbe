"""Holding a connection without an answer, and cutting it."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from carriers.sandbox.clock import Clock
from carriers.sandbox.settings import Settings

HOLD_S = 60.0
_LOOK_EVERY_S = 0.1
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def hang(request: web.BaseRequest, clock: Clock, settings: Settings) -> None:
    """Return when the client has gone, or after 60 s of the sandbox's clock, divided like any story delay."""
    end = clock.now() + settings.scaled(HOLD_S)
    while clock.now() < end:
        if request.transport is None or request.transport.is_closing():
            return
        await asyncio.sleep(_LOOK_EVERY_S)


def reset(request: web.BaseRequest) -> web.Response:
    """Close with a TCP reset, as if this side had died. The response it returns cannot leave any more."""
    transport = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return web.Response(status=500)
