"""What every screen has to keep to: room for fingers, small screens, few bytes."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect

from deposits.ui.language import LANGUAGES
from tests.journeys.conftest import OpenStory
from tests.look.transfers import recorded
from tests.look.walk import TAP, see, walk, walk_in
from tests.stack import Stack

pytestmark = pytest.mark.browser

Theme = Literal["light", "dark"]
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
VIEWS: tuple[tuple[Theme, int], ...] = (
    ("light", 412),
    ("dark", 320),
    ("dark", 1_280),
    ("light", 1_280),
)


def test_every_screen_has_room_for_fingers_and_nothing_for_axe_to_find(
    stack: Stack, context: BrowserContext
) -> None:
    axe, page = Axe(), context.new_page()
    page.emulate_media(reduced_motion="reduce")
    found = []
    for name in walk(page, stack.base_url):
        check(page, name)
        for theme, width in VIEWS:
            found += [(name, *one) for one in violations(axe, page, theme, width)]
    assert found == []


def violations(axe: Axe, page: Page, theme: Theme, width: int) -> list[tuple[str, int, str, str]]:
    """What axe finds wrong with the page as it is shown so."""
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 800})
    return [
        (theme, width, one["id"], node["html"])
        for one in axe.run(page, options=RULES).response["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("language", ["ar", "de"])
def test_so_have_the_usual_screens_from_right_to_left_and_in_long_words(
    stack: Stack, context: BrowserContext, language: str
) -> None:
    axe, page = Axe(), context.new_page()
    page.emulate_media(reduced_motion="reduce")
    found = []
    for name in walk_in(language, page, stack.base_url):
        check(page, name)
        # Long words show in the boxes; what axe looks at differs where one writes from right to left.
        for theme, width in VIEWS if language == "ar" else ():
            found += [(name, *one) for one in violations(axe, page, theme, width)]
    assert found == []


def test_the_limits_link_is_seen_without_scrolling_in_every_language(open_story: OpenStory) -> None:
    page = open_story("001")
    page.set_viewport_size(SMALL)
    for language in LANGUAGES:
        page.goto(f"{page.url.partition('?')[0]}?lang={language}")
        box = page.locator(".card .links a").bounding_box()
        assert box
        assert box["y"] + box["height"] <= SMALL["height"], language


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
