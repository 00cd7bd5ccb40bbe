"""The bank's HTTP server, on an origin of its own: one address below it for each bank."""

from __future__ import annotations

import asyncio
import logging
import uuid

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from carriers.sandbox.answers import GARBAGE
from carriers.sandbox.bank import oauth
from carriers.sandbox.bank.answers import BankAnswer
from carriers.sandbox.bank.approval import Approval
from carriers.sandbox.bank.clients import KeysUnavailable
from carriers.sandbox.bank.oauth import OAuth
from carriers.sandbox.bank.older import as_told
from carriers.sandbox.bank.page import STYLE, STYLE_PATH, front_page
from carriers.sandbox.bank.payments import Pisp
from carriers.sandbox.bank.refusals import BankRefused, OAuthRefused
from carriers.sandbox.bank.stories import BANKS
from carriers.sandbox.bank.world import BankCall, BankWorld
from carriers.sandbox.errors import Dropped
from carriers.sandbox.seen import Seen
from carriers.sandbox.stories import draw
from carriers.sandbox.waiting import hang, reset

logger = logging.getLogger(__name__)

_LOST = frozenset({"drop_after_payment", "consent_lost", "exchange_lost"})
_RETRY_AFTER_S = "3"


class BankService:
    """One request in, one response out, or a reset connection."""

    def __init__(self, world: BankWorld) -> None:
        self._world = world
        self._oauth = OAuth(world)
        self._approval = Approval(world)
        self._pisp = Pisp(world)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Handler of `aiohttp.web.Server`. After a reset, what it returns goes nowhere."""
        world = self._world
        path = request.raw_path.partition("?")[0]
        if path == STYLE_PATH:
            return web.Response(body=STYLE, headers={"Content-Type": "text/css; charset=utf-8"})
        bank_id, _, rest = path.lstrip("/").partition("/")
        interaction_id = request.headers.get("x-fapi-interaction-id") or str(uuid.uuid4())
        # Without the query: it may hold what nobody else is to read.
        seen = Seen(
            next(world.seen_count), world.clock.now(), request.method, path[:500], interaction_id[:256]
        )
        if path == "/":
            return web.Response(body=front_page(BANKS), headers={"Content-Type": "text/html; charset=utf-8"})
        if bank_id not in BANKS:
            return web.json_response({"banks": sorted(BANKS)}, status=404)
        world.seen.append(seen)
        call = BankCall(
            request, bank_id, f"/{rest}", seen, world.base(bank_id, request.headers.get("Host", ""))
        )
        try:
            answer = await self._answer(call)
        except Dropped:
            seen.outcome = "dropped"
            return reset(request)
        except (ConnectionError, web.RequestPayloadError):
            # The client left in the middle of its request.
            return reset(request)
        if world.settings.answer_delay_ms or world.settings.delay_jitter_ms:
            await self._delay(seen)
        seen.status, seen.outcome = answer.status, "answered"
        return self._response(call, answer)

    async def _answer(self, call: BankCall) -> BankAnswer:
        try:
            try:
                call.body = await call.request.read()
            except web.HTTPRequestEntityTooLarge:
                raise BankRefused(413) from None
            if call.story.down:
                raise BankRefused(503)
            answer = await self._route(call)
        except BankRefused as refused:
            headers = {"Allow": refused.allow} if refused.allow else {}
            if refused.status == 503:
                headers["Retry-After"] = _RETRY_AFTER_S
            return BankAnswer(refused.status, refused.body(str(uuid.uuid4())), headers=headers)
        except KeysUnavailable:
            return BankAnswer(503, headers={"Retry-After": _RETRY_AFTER_S})
        except OAuthRefused as refused:
            value = {"error": refused.error, "error_description": refused.description}
            return BankAnswer(refused.status, value, headers={"Cache-Control": "no-store", **refused.headers})
        except (Dropped, ConnectionError, web.RequestPayloadError):
            raise
        except Exception:
            logger.exception("%s %s failed", call.request.method, call.seen.path)
            return BankAnswer(500, BankRefused(500, "U000", "Unknown error.").body(str(uuid.uuid4())))
        return await self._spoilt(call, answer)

    async def _route(self, call: BankCall) -> BankAnswer:
        method = call.request.method
        is_api = bool(call.version)
        if self._world.mutual_tls and (is_api or call.path == oauth.TOKEN_PATH) and not call.is_certified:
            raise BankRefused(401)
        if is_api:
            return await self._pisp.answer(call)
        match method, call.path:
            case "GET", oauth.DISCOVERY_PATH:
                return self._oauth.discovery(call.base)
            case "GET", oauth.JWKS_PATH:
                return self._oauth.jwks()
            case "POST", oauth.TOKEN_PATH:
                return await self._oauth.token(call)
            case "GET" | "POST", oauth.AUTHORIZE_PATH:
                return await self._approval.answer(call)
        raise BankRefused(404)

    async def _spoilt(self, call: BankCall, answer: BankAnswer) -> BankAnswer:
        """What the client sees of an answer, as the fault says. The work behind it is done."""
        if call.fault in _LOST:
            raise Dropped
        if call.fault == "hang_paid":
            await hang(call.request, self._world.clock, self._world.settings)
            raise Dropped
        if call.fault == "garbage_paid":
            return BankAnswer(200, text=GARBAGE, content_type="text/html")
        if call.fault == "error_500_paid":
            return BankAnswer(500, BankRefused(500, "U000", "Something went wrong.").body(str(uuid.uuid4())))
        if isinstance(answer.value, dict) and call.fault == "wrong_amount":
            initiation = answer.value["Data"]["Initiation"]
            asked = initiation["InstructedAmount"]
            pounds, _, pence = asked["Amount"].partition(".")
            more = {**asked, "Amount": f"{int(pounds) + 1}.{pence or '00'}"}
            answer.value["Data"]["Initiation"] = {**initiation, "InstructedAmount": more}
        if isinstance(answer.value, dict) and call.fault == "other_consent":
            answer.value["Data"]["ConsentId"] = uuid.uuid4().hex[:24]
        return answer

    def _response(self, call: BankCall, answer: BankAnswer) -> web.Response:
        headers: CIMultiDict[str] = CIMultiDict(answer.headers)
        value = as_told(answer.value, call.version) if call.version else answer.value
        body = answer.text if answer.value is None else msgspec.json.encode(value)
        if body:
            headers["Content-Type"] = answer.content_type
        if call.version:
            headers["x-fapi-interaction-id"] = call.seen.correlator
            if body and call.fault != "no_signature":
                wrong = call.fault.endswith("wrong_signature")
                headers["x-jws-signature"] = self._world.key.sign(body + b" " if wrong else body)
        headers["X-Content-Type-Options"] = "nosniff"
        return web.Response(status=answer.status, body=body or None, headers=headers)

    async def _delay(self, seen: Seen) -> None:
        settings = self._world.settings
        jitter_ms = settings.delay_jitter_ms * draw(
            settings.seed, "delay", seen.reference or str(seen.seq), seen.method, seen.path
        )
        # On the network's time: this delay is neither divided nor shortened by advancing the clock.
        await asyncio.sleep((settings.answer_delay_ms + jitter_ms) / 1000)
