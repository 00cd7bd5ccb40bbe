"""Deposits that staff have closed: the screen that says so, and the text that they are back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from django.utils import timezone
from playwright.sync_api import BrowserContext, expect
from pytest_django.plugin import DjangoDbBlocker

from carriers import registry
from deposits import breakers
from deposits.models import Breaker
from tests.journeys.test_look import VIEWS, check, violations
from tests.look.walk import walk_closed
from tests.stack import Stack, await_condition, http

pytestmark = pytest.mark.browser


def hold_breakers(*carriers: str) -> None:
    """As staff do before planned work, everywhere if no carrier is named."""
    codes = carriers or tuple(registry.registry().profiles)
    breakers.make_known(codes)
    for breaker in Breaker.objects.filter(carrier__in=codes, operation="authorise"):
        breakers.hold_open(breaker, "planned work", timezone.now() + timedelta(hours=1))
    connection.close()


def close_every_breaker() -> None:
    """And after it."""
    for breaker in Breaker.objects.filter(held=True):
        breakers.close(breaker, "done")
    connection.close()


def test_what_staff_have_closed_is_said_with_room_and_who_asks_is_texted_when_all_is_back(
    stack: Stack, context: BrowserContext, django_db_blocker: DjangoDbBlocker
) -> None:
    axe, page = Axe(), context.new_page()
    page.emulate_media(reduced_motion="reduce")
    found = []
    # Django's connections are not for a thread in which Playwright's loop runs.
    with django_db_blocker.unblock(), ThreadPoolExecutor(1) as staff:

        @contextmanager
        def hold(*carriers: str) -> Iterator[None]:
            staff.submit(hold_breakers, *carriers).result()
            try:
                yield
            finally:
                staff.submit(close_every_breaker).result()

        for name in walk_closed(page, stack.base_url, hold):
            check(page, name)
            found += [(name, *one) for theme, width in VIEWS for one in violations(axe, page, theme, width)]
            if name == "s24-method-down":
                expect(page.locator("main")).to_contain_text("Not available right now")
            else:
                page.get_by_role("button", name="Tell me when it is back").click()
                told = page.locator("[data-screen='S25']")
                expect(told).to_contain_text("We will text the phone ending 001")
    assert found == []
    inbox = f"{stack.sandbox_url}/sandbox/messages.json?to=%2B447700900001"
    told_back = "Paysite Casino: deposits are back."
    await_condition(lambda: told_back in str(http("GET", inbox).body), what="the text that they are back")
