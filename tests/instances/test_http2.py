"""More tabs than a browser opens connections: over HTTP/2, as the balancer serves it to the internet."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from playwright.sync_api import Page, expect, sync_playwright
from pytest_django.plugin import DjangoDbBlocker

from deposits import links, transitions
from deposits.models import Deposit
from deposits.states import Event
from paysite.local_stack import programs
from paysite.local_stack.ports import HOST
from paysite.local_stack.processes import Program
from tests.carriers.sandbox.bank.test_bank_tls import certified
from tests.conftest import database_url
from tests.deposits.making import accepted
from tests.journeys.conftest import launched
from tests.local_servers import other_ports, servers
from tests.stack import Stack, await_condition, http

pytestmark = pytest.mark.browser

TABS = 12
PATIENCE_MS = 60_000


class Encrypted(Stack):
    """Web and live behind the balancer with a certificate, at one address, and nothing that takes up deposits."""

    @property
    def address(self) -> str:
        """Where browsers go."""
        return f"https://{HOST}:{self.site.ports.web()}"

    def start(self) -> None:
        """Start the three; return when the balancer sees the two behind it."""
        addresses = {"BASE_URL": self.address, "LIVE_URL": self.address}
        # What start-up insists on where the address is public.
        self.environment |= addresses | {"DEMO": "0", "SIGN_IN_URL": "/nowhere/", "TIME_DIVISOR": "1"}
        kinds = ("web", "live")
        wanted = [one for one in programs.instance(self.site, self.environment, 0) if one.name in kinds]
        for program in wanted:
            self._supervisor.start(program)
        self._supervisor.start(self._balancer())
        self._supervisor.await_ready()

    def _balancer(self) -> Program:
        plain = programs.balancer(self.site)
        configuration = Path(plain.command[-1])
        certificate = configuration.with_name("site.pem")
        certified(HOST, certificate)
        port = self.site.ports.web()
        text = configuration.read_text()
        bind = f"    bind {HOST}:{port}\n"
        assert bind in text
        encrypted = f"{bind.rstrip()} ssl crt {certificate} alpn h2,http/1.1\n"
        configuration.write_text(text.replace(bind, encrypted))
        return plain


@pytest.fixture
def encrypted(committed: None, django_db_blocker: DjangoDbBlocker, tmp_path: Path) -> Iterator[Encrypted]:
    """The pages and their streams over HTTP/2."""
    running = Encrypted(
        tmp_path, database_url(django_db_blocker), servers().redis_url, balanced=True, ports=other_ports()
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()


@contextmanager
def tabs(addresses: list[str]) -> Iterator[list[Page]]:
    """One browser with a tab on each address, all of them loaded."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        context = browser.new_context(ignore_https_errors=True, service_workers="block")
        pages = [context.new_page() for _ in addresses]
        for page, address in zip(pages, addresses, strict=True):
            page.goto(address, timeout=PATIENCE_MS)
        yield pages
        browser.close()


def cancel(deposits: list[Deposit]) -> None:
    """End them all, in a thread that has no event loop; every page that shows one is told."""

    def end() -> None:
        for deposit in deposits:
            transitions.move(deposit, Event.CANCELLED, actor_kind="player", actor="test")
        connection.close()

    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(end).result()


def test_twelve_tabs_are_all_live_and_leave_no_stream_behind(encrypted: Encrypted) -> None:
    waiting, deposits = [accepted() for _ in range(TABS)], [accepted() for _ in range(TABS)]
    live = f"http://{HOST}:{encrypted.site.live_port(0)}/health/live"

    def address(deposit: Deposit) -> str:
        return links.page_url(deposit.reference).replace(settings.BASE_URL, encrypted.address)

    def streams(number: int) -> None:
        said = f"alive, {number} streams open"
        await_condition(lambda: http("GET", live).body.strip() == said, what=said)

    with tabs([address(one) for one in deposits]) as pages:
        streams(TABS)
        cancel(deposits)
        for page in pages:
            expect(page.locator("[data-screen='S16']")).to_be_visible(timeout=PATIENCE_MS)
            assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
        streams(0)  # each has told its last
        for page, deposit in zip(pages, waiting, strict=True):
            page.goto(address(deposit))
        streams(TABS)
        for page in pages:
            page.close()
        streams(0)
