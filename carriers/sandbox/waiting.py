"""Holding a connection without an answer."""

from __future__ import annotations

import asyncio

from aiohttp import web

from carriers.sandbox.world import World

HOLD_S = 60.0
_LOOK_EVERY_S = 0.1


async def hang(request: web.BaseRequest, world: World) -> None:
    """Return when the client has gone, or after 60 s of the sandbox's clock, divided like any story delay."""
    end = world.clock.now() + world.settings.scaled(HOLD_S)
    while world.clock.now() < end:
        if request.transport is None or request.transport.is_closing():
            return
        await asyncio.sleep(_LOOK_EVERY_S)
