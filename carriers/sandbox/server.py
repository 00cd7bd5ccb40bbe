"""The HTTP server: routes to the carrier's API, the token endpoint and the control calls."""

from __future__ import annotations

import asyncio
import logging
import re

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from carriers.sandbox import answers, errors, register
from carriers.sandbox.answers import BASE_PATH, Answer
from carriers.sandbox.camara import Camara
from carriers.sandbox.control import Control
from carriers.sandbox.errors import Dropped, Refusal, Refused, invalid
from carriers.sandbox.refunds import REFUND_PATH, Refunds
from carriers.sandbox.seen import Seen
from carriers.sandbox.stories import draw
from carriers.sandbox.waiting import reset
from carriers.sandbox.world import Call, World, read_limited

logger = logging.getLogger(__name__)

TOKEN_PATH = "/oauth2/token"
_CORRELATOR = re.compile(r"[a-zA-Z0-9\-_:;./<>{}]{0,256}\Z")
_WRONG_CORRELATOR = Refusal(
    400, "INVALID_ARGUMENT", "x-correlator must be at most 256 of a-z A-Z 0-9 - _ : ; . / < > { }."
)
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


class Service:
    """One request in, one response out, or a reset connection."""

    def __init__(self, world: World, refunds: Refunds) -> None:
        self._world = world
        self._refunds = refunds
        self._camara = Camara(world)
        self._control = Control(world)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Handler of `aiohttp.web.Server`. After a reset, what it returns goes nowhere."""
        path = request.raw_path.partition("?")[0]
        if path.startswith((BASE_PATH, REFUND_PATH)) or path == TOKEN_PATH:
            return await self._to_carrier(request, path)
        try:
            if path == "/":
                answer = Answer(303, content_type="", headers={"Location": "/sandbox/"})
            elif path == "/sandbox/refunds":
                answer = self._refunds.listed(request.query.get("reference", ""))
            elif path == register.PATH:
                answer = await register.answer(request, self._world)
            elif path == "/sandbox" or path.startswith("/sandbox/"):
                answer = await self._control.answer(request, path)
            else:
                answer = answers.error(errors.NOT_FOUND)
        except Refused as refused:
            answer = answers.error(refused.refusal)
        except (msgspec.DecodeError, RecursionError):
            answer = answers.error(invalid("The body must be JSON.").refusal)
        except Exception:
            logger.exception("a control call failed")
            answer = answers.error(errors.INTERNAL)
        response = _response(answer, "")
        response.headers["Content-Security-Policy"] = _PAGE_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def _to_carrier(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        world = self._world
        correlator = request.headers.get("x-correlator", "")
        right_correlator = _CORRELATOR.match(correlator) is not None
        seen = Seen(
            next(world.seen_count),
            world.clock.now(),
            request.method,
            request.raw_path[:500],
            correlator if right_correlator else "",
        )
        world.seen.append(seen)
        try:
            answer: answers.Answer | web.StreamResponse
            if not right_correlator:
                answer = answers.error(_WRONG_CORRELATOR)
            elif path == TOKEN_PATH:
                answer = await self._token(request)
            elif path.startswith(REFUND_PATH):
                answer = await self._refunds.answer(Call(request, path, seen))
            else:
                answer = await self._camara.answer(Call(request, path, seen))
        except Refused as refused:
            answer = answers.error(refused.refusal)
        except Dropped:
            seen.outcome = "dropped"
            return reset(request)
        except (ConnectionError, web.RequestPayloadError):
            # The client left in the middle of its request, or of an odd answer.
            return reset(request)
        except Exception:
            logger.exception("%s %s failed", request.method, path)
            answer = answers.error(errors.INTERNAL)
        if isinstance(answer, web.StreamResponse):
            return answer
        if world.settings.answer_delay_ms or world.settings.delay_jitter_ms:
            await self._delay(seen)
        seen.status, seen.outcome = answer.status, "answered"
        return _response(answer, seen.correlator)

    async def _token(self, request: web.BaseRequest) -> Answer:
        if request.method != "POST":
            raise errors.method_not_allowed("POST")
        body = await read_limited(request)
        return self._world.tokens.issue(request.headers.get("Authorization", ""), body)

    async def _delay(self, seen: Seen) -> None:
        settings = self._world.settings
        key = seen.reference or str(seen.seq)
        jitter_ms = settings.delay_jitter_ms * draw(settings.seed, "delay", key, seen.method, seen.path)
        # On the network's time: this delay is neither divided nor shortened by advancing the clock.
        await asyncio.sleep((settings.answer_delay_ms + jitter_ms) / 1000)


def _response(answer: Answer, correlator: str) -> web.Response:
    headers: CIMultiDict[str] = CIMultiDict(answer.headers)
    if answer.content_type:
        headers["Content-Type"] = answer.content_type
    if correlator:
        headers["x-correlator"] = correlator
    return web.Response(status=answer.status, body=answer.body or None, headers=headers)
