"""A member of staff at work in the back office, in a browser, for the screens that only staff bring about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import Locator, Page

#: Where the site's clock is; the form asks for its time.
ZONE = ZoneInfo("Europe/London")


class Staff:
    """Signed in on `page` as `username`."""

    def __init__(self, page: Page, base_url: str, username: str, password: str) -> None:
        self._page, self._admin = page, f"{base_url}/admin"
        page.goto(f"{self._admin}/")
        page.fill("#id_username", username)
        page.fill("#id_password", password)
        page.press("#id_password", "Enter")
        page.wait_for_selector("h1:has-text('Today')")

    @contextmanager
    def hold(self, *carriers: str) -> Iterator[None]:
        """Hold the breakers of these carriers (codes), or of all, open for as long as the context lasts."""
        addresses = self._breakers(carriers)
        back_at = datetime.now(ZONE) + timedelta(hours=1)
        for address in addresses:
            self._page.goto(f"{address}../open/")
            self._page.fill("#act-back_at", f"{back_at:%Y-%m-%dT%H:00}")
            self._say_why("Planned work, agreed with the carrier.")
        try:
            yield
        finally:
            for address in addresses:
                self._page.goto(f"{address}../close/")
                self._say_why("The work is done.")

    def _breakers(self, carriers: tuple[str, ...]) -> list[str]:
        """The addresses of those breakers that hold up deposits, from all pages of the list."""
        found: dict[str, str] = {}
        address: str | None = f"{self._admin}/deposits/breaker/"
        while address:
            self._page.goto(address)
            links = self._page.locator("a[href*='/deposits/breaker/']:has-text(': authorise')")
            found |= {link.inner_text(): _address(link) for link in links.all()}
            further = self._page.locator("a[rel=next]")
            address = _address(further) if further.count() else None
        return [
            address
            for name, address in found.items()
            if not carriers or name.partition(":")[0].strip() in carriers
        ]

    def _say_why(self, reason: str) -> None:
        self._page.fill("#act-reason", reason)
        self._page.click(".ps-act button[type=submit]")
        self._page.wait_for_url("**/change/")


def _address(link: Locator) -> str:
    return str(link.evaluate("one => one.href"))
