"""How those of a run wait who are told nothing but what they ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

#: What the API calls a deposit that has not ended.
OPEN = frozenset({"processing", "action_required"})
#: So often somebody looks again.
_EVERY_S = 0.4


async def until(so: Callable[[], Awaitable[bool]]) -> None:
    """Return as soon as it is so. Whoever loses patience cancels the task."""
    while not await so():
        await asyncio.sleep(_EVERY_S)
