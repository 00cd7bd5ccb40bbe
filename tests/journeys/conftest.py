"""A real browser for the journeys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright
from pytest_django.plugin import DjangoDbBlocker

from paysite.local_stack.chromium import launch_arguments, require_chromium
from tests.conftest import standing_stack
from tests.stack import Stack, http

#: Nothing of this may ask the world outside for anything.
_QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-default-apps",
)

OpenStory = Callable[..., Page]

#: What is expected of a page may take so long on a busy machine; by default a browser is given 5 s.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="package")
def stack(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The whole product, running, for all journeys: each is a player of its own, and starting it takes long."""
    with standing_stack(django_db_blocker, tmp_path_factory.mktemp("stack")) as running:
        yield running


@contextmanager
def nothing_sent(stack: Stack) -> Iterator[None]:
    """What is tapped waits for as long as this lasts, however busy the machine; then it is sent and answered."""
    # After a while the sweeper would stand in for a worker that does not come.
    held = ("sweeper", "worker")
    for name in held:
        stack.freeze(name)
    try:
        yield
    finally:
        for name in held:
            stack.thaw(name)


@contextmanager
def sandbox_set(stack: Stack, **settings: float) -> Iterator[None]:
    """What the sandbox begins meanwhile goes by these settings."""
    address = f"{stack.sandbox_url}/sandbox/settings"
    assert http("PUT", address, settings).status == 200
    try:
        yield
    finally:
        http("DELETE", address)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright, started."""
    with sync_playwright() as started:
        yield started


def launched(playwright: Playwright, *arguments: str) -> Browser:
    """A browser with its back/forward cache, which Playwright switches off unless told not to."""
    return playwright.chromium.launch(
        executable_path=require_chromium(),
        args=[*launch_arguments(), *_QUIET, *arguments],
        ignore_default_args=["--disable-back-forward-cache"],
    )


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One browser for a module; each test has its own contexts in it."""
    started = launched(playwright)
    yield started
    started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile: no cookies, nothing in the cache. Whatever the console complains about fails the test."""
    # What is offline here is the page, and not the service worker beside it.
    made = browser.new_context(service_workers="block")
    yield made
    made.close()


@pytest.fixture
def open_story(stack: Stack, context: BrowserContext) -> OpenStory:
    """Opens the deposit page as a fresh demo player with one of the stories' numbers."""

    def opened(story: str, within: BrowserContext | None = None) -> Page:
        page = (within or context).new_page()
        page.goto(f"{stack.base_url}/demo/")
        page.click(f"button[value='{story}']")
        page.wait_for_url("**/deposit/")
        return page

    return opened
