"""The `live` process: one event stream per open page, each event the whole state of its deposit.

`GET /live/<reference>?t=<token>[&lang=<language>][&page=<link's token>][&note=<note>]` answers with server-sent events,
whose data is a JSON object {"title", "html", "status", "final", "version"}. A missed event costs nothing: the next one,
or a reload, says it all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs

import structlog
from django.conf import settings
from django.db import Error, connection

from deposits import links, stopping
from deposits.crash_points import reach
from deposits.ui import language, panel
from deposits.ui.headers import origin
from deposits.ui.panel import Frame
from deposits.ui.wakeups import Wakeups

log = structlog.get_logger("deposits.live")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: Proxies and browsers give up on what is silent for longer. The state is read again as well, for safety.
HEARTBEAT_S = 15.0
#: After a failed reading of the database.
_RETRY_S = 1.0
#: While the listening connection is down the state is looked at this often instead.
_UNHEARD_S = 2.0
#: Whether the process is to stop is looked at this often.
_STOP_CHECK_S = 0.1
_PATH = re.compile(r"/live/(D-[0-9A-Z]{4}-[0-9A-Z]{4})\Z")


@dataclass(frozen=True, slots=True)
class View:
    """What one stream shows: a deposit, as its page was opened."""

    reference: str
    page_token: str
    note: str
    language: str


class LiveApplication:
    """The ASGI application. One of it per process."""

    def __init__(self) -> None:
        self._wakeups = Wakeups()
        self._readers = ThreadPoolExecutor(settings.LIVE_READERS, thread_name_prefix="reader")
        self._tasks: list[asyncio.Task[None]] = []
        self._open = 0
        self._ending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            self._start()
            await self._answer(scope, receive, send)

    def _start(self) -> None:
        """Begin to listen; also for servers that know no lifespan."""
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(self._wakeups.listen()), loop.create_task(self._end_when_told())]

    async def _end_when_told(self) -> None:
        """Once the process is to stop and the balancer has seen it, end every stream: its page connects elsewhere."""
        while not stopping.asked():
            await asyncio.sleep(_STOP_CHECK_S)
        await asyncio.sleep(settings.DRAIN_S)
        self._ending = True
        self._wakeups.wake_all()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def close(self) -> None:
        """Stop to listen, and close the readers' connections once what they read is read."""
        for task in self._tasks:
            task.cancel()
        # Each thread closes its own: none takes a second job before all have taken their first.
        together = Barrier(settings.LIVE_READERS)
        for _ in range(settings.LIVE_READERS):
            self._readers.submit(_close_connection, together)
        self._readers.shutdown()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            return await _say(send, 405, "GET is right here.", {"Allow": "GET"})
        if path == "/health/live":
            return await _say(send, 200, f"alive, {self._open} streams open")
        if path == "/health/ready":
            if stopping.asked():
                return await _say(send, 503, "stopping")
            if self._wakeups.listening:
                return await _say(send, 200, "ready")
            return await _say(send, 503, "not listening to the database")
        match = _PATH.match(path)
        if not match:
            return await _say(send, 404, "There is nothing at this address.")
        return await self._answer_live(match[1], scope, receive, send)

    async def _answer_live(self, reference: str, scope: Scope, receive: Receive, send: Send) -> None:
        query = parse_qs(scope["query_string"].decode("ascii", "replace"))
        token, page_token = query.get("t", [""])[0], query.get("page", [""])[0]
        ours = origin(settings.BASE_URL)
        if _header(scope, b"origin") not in ("", ours):
            return await _say(send, 403, "This stream is for our own pages.")
        allowed = {"Access-Control-Allow-Origin": ours, "Vary": "Origin"}
        if not links.opens_stream(reference, token):
            return await _say(send, 403, "The address has run out. Reload the page.", allowed)
        if self._open >= settings.LIVE_STREAMS_PER_PROCESS:
            return await _say(send, 503, "Too many streams are open.", {**allowed, "Retry-After": "2"})
        if page_token and not links.opens_page(reference, page_token):
            page_token = ""
        self._open += 1
        try:
            view = View(
                reference, page_token, query.get("note", [""])[0], query.get(language.CHOSEN, [""])[0]
            )
            await self._stream(view, allowed, receive, send)
        finally:
            self._open -= 1

    async def _stream(self, view: View, allowed: dict[str, str], receive: Receive, send: Send) -> None:
        await _begin(send, 200, {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", **allowed})
        gone = asyncio.get_running_loop().create_task(_disconnected(receive))
        try:
            # Subscribed before the state is read: what happens in between is not lost.
            with self._wakeups.subscribed(view.reference) as woken:
                await self._send_states(view, woken, gone, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (OSError, RuntimeError):
            log.debug("stream_cut", reference=view.reference)
        finally:
            gone.cancel()

    async def _send_states(
        self, view: View, woken: asyncio.Event, gone: asyncio.Task[None], send: Send
    ) -> None:
        """Send the state now and whenever it changes, until it is final, the page is closed or the process ends."""
        version = ""
        while not gone.done() and not self._ending:
            woken.clear()
            frame, wait_s = await self._read(view)
            if frame and frame.version != version:
                version = frame.version
                reach("live.before_send")
                await _send_body(send, f"data: {json.dumps(frame.state)}\n\n")
                log.info("state_shown", reference=view.reference, status=frame.state["status"])
                if frame.screen.final:
                    return
            if not await _first_of(woken, gone, wait_s):
                await _send_body(send, ": still here\n\n")

    async def _read(self, view: View) -> tuple[Frame | None, float]:
        """Return the state and for how many seconds it can be waited for news, or None when it cannot be read now."""
        try:
            frame = await asyncio.get_running_loop().run_in_executor(self._readers, _frame, view)
        except Error as error:
            log.warning("state_not_read", reference=view.reference, error=type(error).__name__)
            return None, _RETRY_S
        longest_s = HEARTBEAT_S if self._wakeups.listening else _UNHEARD_S
        # Streams that were opened together, after a restart say, are not to read together for ever.
        longest_s *= random.uniform(0.5, 1)  # noqa: S311
        changes_at = frame.screen.changes_at if frame else None
        if frame is None or changes_at is None or changes_at <= frame.now:
            return frame, longest_s
        # A little later than that, so that the new words are surely due.
        return frame, min((changes_at - frame.now).total_seconds() + 0.05, longest_s)


def _frame(view: View) -> Frame | None:
    """Read and render, in a reader's thread with its own lasting connection."""
    try:
        deposit = panel.read(view.reference)
        with language.speaking(view.language):
            return panel.render(deposit, view.page_token, view.note) if deposit is not None else None
    except Error:
        connection.close()
        raise


def _close_connection(together: Barrier) -> None:
    together.wait()
    connection.close()


async def _first_of(woken: asyncio.Event, gone: asyncio.Task[None], wait_s: float) -> bool:
    """Wait for news, for the page to be closed, or for `wait_s` seconds; return whether it was one of the first two."""
    news = asyncio.ensure_future(woken.wait())
    try:
        done, _ = await asyncio.wait((news, gone), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        news.cancel()
    return bool(done)


async def _disconnected(receive: Receive) -> None:
    """Return when the browser has closed the connection."""
    with contextlib.suppress(OSError, RuntimeError):
        while (await receive())["type"] != "http.disconnect":
            pass


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), "")


async def _begin(send: Send, status: int, headers: dict[str, str]) -> None:
    fixed = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **headers}
    pairs = [(name.lower().encode(), value.encode()) for name, value in fixed.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _send_body(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _say(send: Send, status: int, text: str, headers: dict[str, str] | None = None) -> None:
    """Answer with one line of plain text."""
    await _begin(send, status, {"Content-Type": "text/plain; charset=utf-8", **(headers or {})})
    await send({"type": "http.response.body", "body": f"{text}\n".encode()})
