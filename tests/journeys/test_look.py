"""What every screen has to keep to: room for fingers, small screens, few bytes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect
from pytest_django.plugin import DjangoDbBlocker

from carriers import registry
from deposits import breakers
from deposits.models import Breaker
from tests.journeys.conftest import OpenStory
from tests.look.transfers import recorded
from tests.look.walk import TAP, see, walk
from tests.stack import Stack, await_condition, http

pytestmark = pytest.mark.browser

FINGER_PX, GAP_PX = 44, 8
SMALL: ViewportSize = {"width": 320, "height": 568}
#: Every box that can be tapped: its name, place and size.
BOXES = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), summary, select, textarea")]
    .map((one) => [one.textContent.trim() || one.name, one.getBoundingClientRect()])
    .filter(([, box]) => box.width && box.height)
    .map(([name, box]) => ({ name, x: box.x, y: box.y, width: box.width, height: box.height }))"""


def check(page: Page, name: str) -> None:
    """Every target is as large as a finger and apart from the next, and nothing goes sideways."""
    page.set_viewport_size(SMALL)
    boxes = page.evaluate(BOXES)
    assert boxes, name
    for box in boxes:
        assert box["width"] >= FINGER_PX, (name, box)
        assert box["height"] >= FINGER_PX - 0.5, (name, box)
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            across = max(one["x"], other["x"]) - min(one["x"] + one["width"], other["x"] + other["width"])
            down = max(one["y"], other["y"]) - min(one["y"] + one["height"], other["y"] + other["height"])
            assert max(across, down) >= GAP_PX - 0.5, (name, one, other)
    for zoom in ("100%", "200%"):
        page.evaluate("zoom => { document.documentElement.style.fontSize = zoom }", zoom)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= SMALL["width"], (name, zoom, wide)
    page.evaluate("() => { document.documentElement.style.fontSize = '' }")


#: What is asked of axe: WCAG 2.2 AA, and its own best practices.
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
}
#: On phones each theme and each width once: the pages differ by nothing else between them. Desktops in both.
VIEWS: tuple[tuple[Literal["light", "dark"], int], ...] = (
    ("light", 412),
    ("dark", 320),
    ("dark", 1_280),
    ("light", 1_280),
)


def found(page: Page, name: str) -> list[tuple[str, str, int, str, str]]:
    """Look at a screen in every view; return what axe finds there."""
    check(page, name)
    violations: list[tuple[str, str, int, str, str]] = []
    for theme, width in VIEWS:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 800})
        violations += [
            (name, theme, width, one["id"], node["html"])
            for one in Axe().run(page, options=RULES).response["violations"]
            for node in one["nodes"]
        ]
    return violations


def test_every_screen_has_room_for_fingers_and_nothing_for_axe_to_find(
    stack: Stack, context: BrowserContext
) -> None:
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")
    assert [one for name in walk(page, stack.base_url) for one in found(page, name)] == []


def hold_every_breaker() -> None:
    """As staff do before planned work everywhere."""
    codes = list(registry.registry().profiles)
    breakers.make_known(codes)
    for breaker in Breaker.objects.filter(carrier__in=codes, operation="authorise"):
        breakers.hold_open(breaker, "planned work", timezone.now() + timedelta(hours=1))
    connection.close()


def close_every_breaker() -> None:
    """And after it."""
    for breaker in Breaker.objects.filter(held=True):
        breakers.close(breaker, "done")
    connection.close()


def test_so_has_the_screen_of_deposits_that_are_off(
    stack: Stack, context: BrowserContext, django_db_blocker: DjangoDbBlocker
) -> None:
    page = context.new_page()
    # Django's connections are not for a thread in which Playwright's loop runs.
    with django_db_blocker.unblock(), ThreadPoolExecutor(1) as staff:
        staff.submit(hold_every_breaker).result()
        try:
            page.goto(f"{stack.base_url}/deposit/")
            see(page, "S25")
            assert found(page, "S25") == []
            page.get_by_role("button", name="Tell me when it is back").click()
            expect(page.locator("[data-screen='S25']")).to_contain_text("We will text the phone ending 001")
        finally:
            staff.submit(close_every_breaker).result()
    inbox = f"{stack.sandbox_url}/sandbox/messages.json?to=%2B447700900001"
    told = "Paysite Casino: deposits are back."
    await_condition(lambda: told in str(http("GET", inbox).body), what="the text that they are back")


def test_the_limits_link_is_seen_without_scrolling(open_story: OpenStory) -> None:
    page = open_story("001")
    page.set_viewport_size(SMALL)
    box = page.get_by_role("link", name="Change your deposit limit").bounding_box()
    assert box
    assert box["y"] + box["height"] <= SMALL["height"]


def test_the_deposit_page_is_small_and_asks_no_other_host(stack: Stack, context: BrowserContext) -> None:
    """Cold, and with files that nobody has compressed: `make lighthouse` holds it to less (docs/pages.md)."""
    page = context.new_page()
    with recorded(page) as found:
        page.goto(f"{stack.base_url}/deposit/", wait_until="networkidle")
    assert page.get_by_role("button", name="Deposit £").is_visible()
    assert found.total <= 30 * 1024, found.sizes
    assert 0 < found.script <= 10 * 1024, found.sizes
    assert found.hosts == {"127.0.0.1"}


#: What moves before the answer changes the page; the page that has another thing to say may look different.
SHIFTS = """window.shift = 0;
let changed = Infinity;
addEventListener("DOMContentLoaded", () => {
    const panel = document.getElementById("panel");
    if (panel) new MutationObserver(() => { changed = Math.min(changed, performance.now()) })
        .observe(panel, { childList: true });
});
new PerformanceObserver((list) => { for (const one of list.getEntries())
    if (!one.hadRecentInput && one.startTime < changed) window.shift += one.value;
}).observe({ type: "layout-shift", buffered: true });"""


def test_nothing_jumps(stack: Stack, open_story: OpenStory) -> None:
    page = open_story("007")
    page.add_init_script(SHIFTS)
    page.reload()
    assert page.evaluate("window.shift") == 0
    page.click("form[data-once] button")
    expect(page.locator("#panel [data-screen]")).to_be_visible()
    assert page.evaluate("window.shift") < 0.01


def test_an_answer_is_heard_once_and_leaves_the_focus_alone(
    open_story: OpenStory, context: BrowserContext
) -> None:
    page = open_story("code")
    page.click(TAP)
    see(page, "S10")
    title = page.title()
    page.evaluate(
        """() => {
            const line = document.querySelector("[role=status]");
            window.heard = [];
            new MutationObserver(() => window.heard.push(line.textContent)).observe(line, { childList: true });
            document.querySelector("footer a").focus();
        }"""
    )
    elsewhere = context.new_page()
    elsewhere.goto(page.url)
    elsewhere.get_by_label("Code from the text").fill("123456")
    elsewhere.get_by_role("button", name="Confirm £10").click()
    see(elsewhere, "S13")
    see(page, "S13")
    heard = [text for text in page.evaluate("window.heard") if text]
    assert heard[-1].startswith("£10.00 deposited.")
    assert len(heard) == len(set(heard))
    assert page.title() == "Deposited – £10" != title
    assert page.evaluate("document.activeElement === document.querySelector('footer a')")
