"""Partners who give deposits back, all of it or in parts, while everything dies: each part under one key."""

from __future__ import annotations

import asyncio
import random
import uuid
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.chaos.looking import OPEN, until

if TYPE_CHECKING:
    from tests.chaos.players import Players

#: Of those who could, so many do.
SHARE = 0.25
#: Whose deposits by phone bill are given back. Not those that the carrier reverses by itself: then both give back.
STORIES = frozenset({"", "007", "010", "012", "014", "017"})
#: All of it at once; a part; or a part and the rest at the same instant.
_WAYS = {"all": 4, "part": 3, "part and rest": 3}
#: The same request twice at the same instant.
_TWICE_SHARE = 0.2
_SMALLEST = 50


async def give_back(
    players: Players, http: aiohttp.ClientSession, dice: random.Random, deposit_id: str
) -> None:
    """Wait for the end of the deposit, and ask for its money back where it was credited."""
    deposit: dict[str, Any] = {}

    async def over() -> bool:
        status, answer = await players.api(http, dice, "GET", f"/deposits/{deposit_id}")
        if status == 200:
            deposit.update(answer)
        return not players.giving_back.is_set() or deposit.get("status", "processing") not in OPEN

    await until(over)
    players.being_asked_back += 1
    try:
        if players.giving_back.is_set() and deposit["money"] == "credited":
            await asyncio.gather(
                *(_ask(players, http, dice, deposit_id, body) for body in _bodies(dice, deposit["amount"]))
            )
    finally:
        players.being_asked_back -= 1


def _bodies(dice: random.Random, amount_minor: int) -> list[dict[str, Any]]:
    way = dice.choices([*_WAYS], [*_WAYS.values()])[0]
    part: dict[str, Any] = {
        "amount": dice.randrange(_SMALLEST, amount_minor, _SMALLEST),
        "reason": "player_request",
    }
    rest: dict[str, Any] = {"reason": "duplicate"}
    return {"all": [rest], "part": [part], "part and rest": [part, rest]}[way]


async def _ask(
    players: Players, http: aiohttp.ClientSession, dice: random.Random, deposit_id: str, body: dict[str, Any]
) -> None:
    key = str(uuid.UUID(int=dice.getrandbits(128)))
    path, told = f"/deposits/{deposit_id}/refunds", players.told.refunds
    asks = 2 if dice.random() < _TWICE_SHARE else 1
    await asyncio.gather(*(players.ask(http, dice, path, body, key, told) for _ in range(asks)))
    players.told.counts["refunds asked for"] += 1
