"""The stand-in for a national self-exclusion register: one request per person; the last name is the story."""

from __future__ import annotations

import hashlib
from datetime import date
from urllib.parse import parse_qs

from aiohttp import web

from carriers.sandbox import errors
from carriers.sandbox.answers import GARBAGE, Answer
from carriers.sandbox.errors import Refused, invalid
from carriers.sandbox.seen import Seen
from carriers.sandbox.waiting import hang
from carriers.sandbox.world import World, read_limited

PATH = "/register/v2"
#: What must be sent about a person; `email` and `mobile` may be empty.
REQUIRED = ("firstName", "lastName", "dateOfBirth", "postcode")


async def answer(request: web.BaseRequest, world: World) -> Answer:
    """Answer one question. Raises `Refused`."""
    if request.method != "POST":
        raise errors.method_not_allowed("POST")
    if not request.headers.get("X-API-Key"):
        raise Refused(errors.UNAUTHENTICATED)
    form = {name: given[0] for name, given in parse_qs((await read_limited(request)).decode()).items()}
    for name in REQUIRED:
        if not form.get(name):
            raise invalid(f"{name} is missing.")
    try:
        date.fromisoformat(form["dateOfBirth"])
    except ValueError:
        raise invalid("dateOfBirth must be a day like 1990-05-17.") from None
    seen = Seen(next(world.seen_count), world.clock.now(), "POST", PATH, "", whom(form))
    world.seen.append(seen)
    told = await _told(form["lastName"].strip().lower(), request, world)
    seen.status, seen.outcome = told.status, "answered"
    return told


def whom(form: dict[str, str]) -> str:
    """Return a name for the person that tells nothing about them: the record of requests is no place for one."""
    joined = "|".join(form[name].strip().lower() for name in REQUIRED)
    return f"person-{hashlib.sha256(joined.encode()).hexdigest()[:16]}"


async def _told(last_name: str, request: web.BaseRequest, world: World) -> Answer:
    match last_name:
        case "excluded":
            return _saying("Y")
        case "returned":
            return _saying("P")
        case "slow":
            await hang(request, world.clock, world.settings)
            return _saying("N")
        case "down":
            raise Refused(errors.UNAVAILABLE)
        case "garbled":
            return Answer(200, GARBAGE, "text/html; charset=utf-8")
    return _saying("N")


def _saying(exclusion: str) -> Answer:
    return Answer(200, b"", headers={"Cache-Control": "no-store", "X-Exclusion": exclusion})
