"""The approval page in a browser: it fits a small phone, and its buttons lead back to the client."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, sync_playwright

from paysite.local_stack.chromium import launch_arguments, require_chromium
from tests.carriers.sandbox.bank.client import CONSENTS, REDIRECT_URI, Bank

pytestmark = pytest.mark.browser
PHONE = {"width": 320, "height": 568}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A small phone. The client's own site is not there, so it is answered here."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(require_chromium()), args=launch_arguments())
        opened = browser.new_page(viewport={"width": PHONE["width"], "height": PHONE["height"]})
        opened.route(f"{REDIRECT_URI}**", lambda route: route.fulfill(body="back"))
        yield opened
        browser.close()


def open_page(page: Page, bank: Bank, reference: str) -> str:
    """Show the approval page of a new consent; its id."""
    _, data = bank.stage(reference)
    page.goto(bank.issuer + bank.authorize_path(data["ConsentId"]))
    consent_id: str = data["ConsentId"]
    return consent_id


def test_amount_and_buttons_are_on_a_small_screen_together(page: Page, bank: Bank, ref: str) -> None:
    open_page(page, bank, ref[:35])

    for text in ("£20.00", "Approve £20.00", "Do not approve"):
        box = page.get_by_text(text, exact=True).first.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= PHONE["height"]
    page.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    heights = [one.bounding_box() for one in page.get_by_role("button").all()]
    assert all(box and box["height"] >= 44 for box in heights)


@pytest.mark.parametrize(
    ("button", "brings", "status"),
    [
        ("Approve £20.00", "code", "AUTH"),
        ("Do not approve", "error", "RJCT"),
        ("Block gambling payments", "error", "RJCT"),
        ("Approve without enough money", "code", "AUTH"),
    ],
)
def test_a_tap_decides_and_leads_back(
    page: Page, bank: Bank, ref: str, button: str, brings: str, status: str
) -> None:
    consent_id = open_page(page, bank, ref[:35])
    page.locator("summary").click()

    page.get_by_role("button", name=button).click()

    page.wait_for_url(f"{REDIRECT_URI}**")
    assert brings in parse_qs(urlsplit(page.url).query)
    assert bank.get(f"{CONSENTS}/{consent_id}").json["Data"]["Status"] == status


def test_approving_twice_offers_two_ways_back(page: Page, bank: Bank, ref: str) -> None:
    open_page(page, bank, ref[:35])
    page.locator("summary").click()
    page.get_by_role("button", name="Approve twice").click()

    page.get_by_role("link", name="Go back once more").click()
    page.wait_for_url(f"{REDIRECT_URI}**")
    page.go_back()
    page.get_by_role("link", name="Go back", exact=True).click()

    page.wait_for_url(f"{REDIRECT_URI}**")
    assert "code" in parse_qs(urlsplit(page.url).query)
