"""`make screenshots`: every screen that players see, light and dark, as a phone shows it, into docs/screens."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Page, sync_playwright

from paysite.local_stack.chromium import launch_arguments, require_chromium
from tests.look.staff import Staff
from tests.look.standing import ROOT, facts, standing
from tests.look.walk import walk, walk_closed, walk_in, walk_to_the_text_reply

FOLDER = ROOT / "docs" / "screens"
PHONE = {"width": 390, "height": 844}
#: The language whose usual screens are shown as well.
RIGHT_TO_LEFT = "ar"
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


#: Sooner than in life, and slow enough to be photographed.
TIMES = {"TIME_DIVISOR": "2"}
ASKS_BY_TEXT = {"SANDBOX_REPLY_TEXT": "YES", "SANDBOX_REPLY_TO": "84433"}


def main() -> int:
    """Take the pictures; what was there of the same name is replaced."""
    taken = 0
    with standing(**TIMES) as base_url, _browser_pages() as (page, back_office):
        for name in walk(page, base_url):
            taken += _pictures(page, name)
        for name in walk_in(RIGHT_TO_LEFT, page, base_url):
            taken += _pictures(page, f"{name}-{RIGHT_TO_LEFT}")
        staff = Staff(back_office, base_url, **facts()["staff"])
        for name in walk_closed(page, base_url, staff.hold):
            taken += _pictures(page, name)
    with standing(**TIMES, **ASKS_BY_TEXT) as base_url, _browser_pages() as (page, _):
        for name in walk_to_the_text_reply(page, base_url):
            taken += _pictures(page, name)
    sys.stdout.write(f"{taken} pictures in {FOLDER.relative_to(ROOT)}\n")
    return 0


@contextmanager
def _browser_pages() -> Iterator[tuple[Page, Page]]:
    """A phone, and the desk of a member of staff."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_chromium(), args=launch_arguments())
        phone = browser.new_page(viewport={"width": PHONE["width"], "height": PHONE["height"]})
        phone.emulate_media(reduced_motion="reduce")
        yield phone, browser.new_page()
        browser.close()


def _pictures(page: Page, name: str) -> int:
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=FOLDER / f"{name}-{theme}.png", full_page=True)
    return len(THEMES)


if __name__ == "__main__":
    sys.exit(main())
