"""Players who deposit from a bank: they approve there over HTTP, and their browsers bring back what they were given."""

from __future__ import annotations

import asyncio
import random
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from tests.chaos.looking import OPEN, until

if TYPE_CHECKING:
    from tests.chaos.players import Players

#: What they tap at the bank. Who closes the page cancels the deposit: nobody sits out ten minutes in a run.
_DECISIONS = {
    "approve": 82,
    "refuse": 6,
    "no_money": 4,
    "gambling_block": 3,
    "approve_no_return": 2,
    "close": 3,
}
#: Browsers that bring the same twice.
_TWICE_SHARE = 0.2
BANK = "sandbox-bank"


def body(dice: random.Random, player: str) -> dict[str, Any]:
    """Return a request for a deposit from the bank."""
    return {
        "player": player,
        "amount": dice.randrange(500, 4_001, 50),
        "currency": "GBP",
        "method": {"type": "bank", "bank_id": BANK},
    }


async def see_through(
    players: Players, http: aiohttp.ClientSession, dice: random.Random, deposit_id: str
) -> None:
    """Approve, or not, as often as the deposit asks for it, until it has ended."""
    decision = dice.choices([*_DECISIONS], [*_DECISIONS.values()])[0]
    key = str(uuid.UUID(int=dice.getrandbits(128)))

    async def over() -> bool:
        status, deposit = await players.api(http, dice, "GET", f"/deposits/{deposit_id}")
        if status != 200:
            return False
        if deposit["status"] not in OPEN:
            players.told.counts[f"bank deposits that were told: {deposit['status']}"] += 1
            return True
        asked = deposit.get("next_action")
        if asked and asked["type"] == "redirect":
            way_back = await _decide(http, asked["url"], decision)
            if way_back:
                times = 2 if dice.random() < _TWICE_SHARE else 1
                await asyncio.gather(*(_bring(players, http, dice, way_back) for _ in range(times)))
            elif way_back is not None:
                await players.api(http, dice, "POST", f"/deposits/{deposit_id}/cancel", {}, key)
        return False

    await until(over)


async def _decide(http: aiohttp.ClientSession, url: str, decision: str) -> str | None:
    """Tap at the bank. Return where it sends the browser, "" when nowhere, None when the bank did not answer."""
    try:
        async with http.post(url, data={"decision": decision}, allow_redirects=False) as reply:
            return reply.headers.get("Location", "") if reply.status in (200, 303) else None
    except (aiohttp.ClientError, TimeoutError):
        return None


async def _bring(players: Players, http: aiohttp.ClientSession, dice: random.Random, way_back: str) -> None:
    """Open the return address at some web server, and once more when nobody answers."""
    parts = urlsplit(way_back)
    for _ in range(20):
        try:
            url = f"{dice.choice(players.webs)}{parts.path}?{parts.query}"
            async with http.get(url, allow_redirects=False) as reply:
                if reply.status < 500:
                    players.told.counts["returns answered"] += 1
                    if reply.status == 400:
                        players.told.trouble.append("a return of the bank's own was refused")
                    return
        except (aiohttp.ClientError, TimeoutError):
            pass
        players.told.counts["returns without an answer"] += 1
        await asyncio.sleep(dice.uniform(0.1, 0.3))
