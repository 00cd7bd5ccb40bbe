"""The back office in a real browser: by keyboard alone, and with nothing executed that others wrote."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Dialog, Page, sync_playwright

from accounts.models import User
from tests.deposits.admin.conftest import PASSWORD
from tests.journeys.conftest import launched
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed")]

ATTACK = "<img src=x onerror=alert(1)>"


@pytest.fixture
def page(stack: Stack) -> Iterator[Page]:
    """The first page of the admin, signed in by keyboard."""
    name = f"staff-{uuid.uuid4().hex[:8]}"
    User.objects.create_superuser(name, password=PASSWORD)
    with sync_playwright() as playwright:
        browser = launched(playwright)
        opened = browser.new_page()
        opened.goto(f"{stack.base_url}/admin/")
        opened.wait_for_function("document.activeElement.id === 'id_username'")
        opened.keyboard.type(name)
        opened.keyboard.press("Tab")
        opened.keyboard.type(PASSWORD)
        opened.keyboard.press("Enter")
        opened.wait_for_selector("h1:has-text('Today')")
        yield opened
        browser.close()


def test_a_reference_is_pasted_and_opened_without_a_mouse(page: Page, stack: Stack) -> None:
    made = stack.deposit("001").body
    stack.await_status(made["id"], "succeeded")
    for looks, named in enumerate((made["reference"], made["id"]), start=1):
        page.keyboard.press("/")
        page.keyboard.insert_text(named)
        page.keyboard.press("Enter")
        page.wait_for_url("**/change/")
        page.wait_for_selector(f"h1:has-text('{made['reference']}')")
        assert "Booked: deposit" in page.inner_text("main")
        assert page.inner_text("main").count("deposit.viewed") == looks
        page.goto(f"{stack.base_url}/admin/deposits/deposit/")


def test_what_others_wrote_is_not_executed(page: Page, stack: Stack) -> None:
    alerts: list[str] = []

    def note(dialog: Dialog) -> None:
        alerts.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    body = {
        "player": f"p-{uuid.uuid4().hex[:8]}",
        "amount": 2_000,
        "currency": "GBP",
        "partner_reference": ATTACK,
        "method": {"type": "carrier_billing", "phone_number": "+447700900002"},
    }
    made = stack.api("POST", "/deposits", body).body
    for address in ("", f"{made['reference']}/change/"):
        page.goto(f"{stack.base_url}/admin/deposits/deposit/{address}")
        page.wait_for_selector(f"text={made['reference']}")
    assert ATTACK in page.inner_text("main")
    assert alerts == []
