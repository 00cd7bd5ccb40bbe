"""The live process: who may listen, what is sent and when, and that nothing stays open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as configured
from django.db import connection
from pytest_django.fixtures import Settings

from deposits import links, transitions
from deposits.models import Deposit
from deposits.states import Event
from deposits.ui import live, panel
from deposits.ui.live import LiveApplication
from tests.deposits.making import accepted

pytestmark = pytest.mark.usefixtures("committed")

WITHIN_S = 20.0


@pytest.fixture(autouse=True)
def nothing_moves_on_by_itself(settings: Settings) -> None:
    """The words of one wait are not over before a busy machine has shown them, or has gone on."""
    settings.TIME_DIVISOR = 0.1


class Listener:
    """One browser's connection to the application."""

    def __init__(self, application: LiveApplication, url: str, origin: str | None = None) -> None:
        parts = urlsplit(url)
        headers = [] if origin is None else [(b"origin", origin.encode())]
        scope = {
            "type": "http",
            "method": "GET",
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": headers,
        }
        self.closed = asyncio.Event()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.sent: asyncio.Queue[str] = asyncio.Queue()
        self.task = asyncio.create_task(application(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self.closed.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif message["body"]:
            self.sent.put_nowait(message["body"].decode())

    async def event(self) -> Any:
        """The next state that is sent; comments are passed over, and lengthen nobody's patience."""
        async with asyncio.timeout(WITHIN_S):
            while not (text := await self.sent.get()).startswith("data: "):
                pass
        return json.loads(text.removeprefix("data: "))

    async def end(self) -> str:
        """What is left of the answer once it has ended."""
        await asyncio.wait_for(self.task, WITHIN_S)
        return "".join(self.sent.get_nowait() for _ in range(self.sent.qsize()))


@asynccontextmanager
async def running() -> AsyncIterator[LiveApplication]:
    """The application, listening to the database."""
    application = LiveApplication()
    application._start()
    try:
        async with asyncio.timeout(WITHIN_S):
            while not application._wakeups.listening:
                await asyncio.sleep(0.01)
        yield application
    finally:
        application.close()


def play(scene: Callable[[LiveApplication], Coroutine[Any, Any, None]]) -> None:
    """Run a scene against the application."""

    async def all_of_it() -> None:
        async with running() as application:
            await scene(application)

    asyncio.run(all_of_it())


def cancelled(deposit: Deposit) -> None:
    """End a deposit in another thread, as another process would."""
    transitions.move(deposit, Event.CANCELLED, actor_kind="player", actor="test")
    connection.close()


def test_the_state_is_sent_at_once_and_at_each_change_and_the_stream_ends_with_a_final_one() -> None:
    deposit = accepted()

    async def scene(application: LiveApplication) -> None:
        listener = Listener(application, links.stream_url(deposit.reference), configured.BASE_URL)
        first = await listener.event()
        assert first["title"] == "Waiting for Sandbox Mobile – £20"
        assert first["final"] is False
        await asyncio.to_thread(cancelled, deposit)
        last = await listener.event()
        assert (last["title"], last["final"]) == ("Cancelled – £20", True)
        assert last["status"] == "Cancelled. You have not been charged."
        assert "Back to deposit" in last["html"]
        await listener.end()
        assert listener.headers["access-control-allow-origin"] == configured.BASE_URL
        assert listener.headers["cache-control"] == "no-store"
        assert listener.headers["x-accel-buffering"] == "no"
        assert (application._open, len(application._wakeups)) == (0, 0)

    play(scene)


def test_a_closed_page_leaves_nothing_open() -> None:
    deposit = accepted()

    async def scene(application: LiveApplication) -> None:
        listeners = [Listener(application, links.stream_url(deposit.reference)) for _ in range(12)]
        for listener in listeners:
            await listener.event()
        assert (application._open, len(application._wakeups)) == (12, 12)
        for listener in listeners:
            listener.closed.set()
            await listener.end()
        assert (application._open, len(application._wakeups)) == (0, 0)

    play(scene)


@pytest.fixture
def wait_begins_when_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The player begins to wait when the stream first reads the deposit, however long the application took to start."""
    read, first_seen = panel.read, dict[str, datetime]()

    def seen(reference: str) -> Any:
        deposit: Any = read(reference)
        deposit.waiting_since = first_seen.setdefault(reference, deposit.read_at)
        return deposit

    monkeypatch.setattr(panel, "read", seen)


@pytest.mark.usefixtures("wait_begins_when_seen")
def test_passing_time_alone_moves_the_words_on(settings: Settings) -> None:
    settings.TIME_DIVISOR = 20.0
    deposit = accepted()

    async def scene(application: LiveApplication) -> None:
        listener = Listener(application, links.stream_url(deposit.reference))
        headings = [(await listener.event())["title"] for _ in range(3)]
        assert headings == [
            "Waiting for Sandbox Mobile – £20",
            "Still waiting for Sandbox Mobile – £20",
            "Sandbox Mobile has not answered yet – £20",
        ]
        listener.closed.set()
        await listener.end()

    play(scene)


def test_silence_is_filled_so_that_proxies_keep_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.05)
    deposit = accepted()

    async def scene(application: LiveApplication) -> None:
        listener = Listener(application, links.stream_url(deposit.reference))
        await listener.event()
        assert (await asyncio.wait_for(listener.sent.get(), WITHIN_S)).startswith(":")
        listener.closed.set()
        await listener.end()

    play(scene)


def test_a_lost_listening_connection_comes_back_and_nothing_is_missed() -> None:
    deposit = accepted()

    def cut() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'paysite-live' AND datname = current_database()"
            )
        cancelled(deposit)

    async def scene(application: LiveApplication) -> None:
        listener = Listener(application, links.stream_url(deposit.reference))
        await listener.event()
        await asyncio.to_thread(cut)
        assert (await listener.event())["final"] is True

    play(scene)


def test_a_stream_speaks_the_language_of_its_page() -> None:
    deposit = accepted()

    async def scene(application: LiveApplication) -> None:
        for language, title in (("de", "Warten auf Sandbox Mobile"), ("fr", "Waiting for Sandbox Mobile")):
            listener = Listener(application, f"{links.stream_url(deposit.reference)}&lang={language}")
            assert (await listener.event())["title"].startswith(title)
            listener.closed.set()
            await listener.end()

    play(scene)


@pytest.mark.parametrize("token", ["", "?t=", "?t=made-up", "?t=1abcde:AAAA"])
def test_without_the_right_token_there_is_no_stream(token: str) -> None:
    deposit = accepted()

    async def scene(application: LiveApplication) -> None:
        listener = Listener(application, f"/live/{deposit.reference}{token}")
        text = await listener.end()
        assert listener.status == 403
        assert deposit.reference not in text

    play(scene)


def test_a_token_opens_one_stream_only_and_a_pages_token_opens_none() -> None:
    deposit, other = accepted(), accepted()

    async def scene(application: LiveApplication) -> None:
        query = urlsplit(links.stream_url(deposit.reference)).query
        for address in (
            f"/live/{other.reference}?{query}",
            links.page_url(deposit.reference).replace("deposit", "live"),
        ):
            listener = Listener(application, address)
            await listener.end()
            assert listener.status in (403, 404)

    play(scene)


def test_another_sites_page_gets_nothing() -> None:
    deposit = accepted()

    async def scene(application: LiveApplication) -> None:
        for origin in ("https://evil.example", "null", f"{configured.BASE_URL}.evil.example"):
            listener = Listener(application, links.stream_url(deposit.reference), origin)
            await listener.end()
            assert listener.status == 403
            assert "access-control-allow-origin" not in listener.headers

    play(scene)


def test_more_streams_than_set_are_sent_away_with_a_time_to_come_back(settings: Settings) -> None:
    settings.LIVE_STREAMS_PER_PROCESS = 1
    deposit = accepted()

    async def scene(application: LiveApplication) -> None:
        first = Listener(application, links.stream_url(deposit.reference))
        await first.event()
        second = Listener(application, links.stream_url(deposit.reference))
        await second.end()
        assert (second.status, second.headers["retry-after"]) == (503, "2")
        first.closed.set()
        await first.end()

    play(scene)


def test_it_serves_streams_and_health_and_nothing_else() -> None:
    async def scene(application: LiveApplication) -> None:
        for path, status in (
            ("/health/live", 200),
            ("/health/ready", 200),
            ("/deposit/", 404),
            ("/live/D-1", 404),
        ):
            listener = Listener(application, path)
            await listener.end()
            assert (path, listener.status) == (path, status)

    play(scene)


def test_it_is_not_ready_while_it_hears_nothing() -> None:
    async def scene(application: LiveApplication) -> None:
        application._wakeups.listening = False
        listener = Listener(application, "/health/ready")
        await listener.end()
        assert listener.status == 503

    play(scene)


def test_a_link_holders_stream_keeps_his_token() -> None:
    deposit = accepted()
    page_token = urlsplit(links.page_url(deposit.reference)).query.removeprefix("t=")

    async def scene(application: LiveApplication) -> None:
        base = links.stream_url(deposit.reference)
        for given, expected in ((page_token, True), ("made-up", False)):
            listener = Listener(application, f"{base}&page={given}")
            html = (await listener.event())["html"]
            assert (page_token.replace(":", "%3A") in html) is expected
            listener.closed.set()
            await listener.end()

    play(scene)
