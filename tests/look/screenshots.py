"""`make screenshots`: every screen that players see, light and dark, as a phone shows it, into docs/screens."""

from __future__ import annotations

import sys
from typing import Literal

from playwright.sync_api import Page, sync_playwright

from paysite.local_stack.chromium import launch_arguments, require_chromium
from tests.look.standing import ROOT, standing
from tests.look.walk import walk, walk_in

FOLDER = ROOT / "docs" / "screens"
PHONE = {"width": 390, "height": 844}
#: The language whose usual screens are shown as well.
RIGHT_TO_LEFT = "ar"
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main() -> int:
    """Take the pictures; what was there of the same name is replaced."""
    taken = 0
    with standing(TIME_DIVISOR="2") as base_url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_chromium(), args=launch_arguments())
        page = browser.new_page(viewport={"width": PHONE["width"], "height": PHONE["height"]})
        page.emulate_media(reduced_motion="reduce")
        for name in walk(page, base_url):
            taken += _pictures(page, name)
        for name in walk_in(RIGHT_TO_LEFT, page, base_url):
            taken += _pictures(page, f"{name}-{RIGHT_TO_LEFT}")
        browser.close()
    sys.stdout.write(f"{taken} pictures in {FOLDER.relative_to(ROOT)}\n")
    return 0


def _pictures(page: Page, name: str) -> int:
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=FOLDER / f"{name}-{theme}.png", full_page=True)
    return len(THEMES)


if __name__ == "__main__":
    sys.exit(main())
