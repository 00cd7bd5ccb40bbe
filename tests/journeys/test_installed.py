"""The page as an installed app: one page without a network, and nothing of money kept."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, expect

from tests.stack import Stack

pytestmark = pytest.mark.browser

KEPT = """async () => {
    const all = [];
    for (const name of await caches.keys())
        for (const request of await (await caches.open(name)).keys()) all.push(new URL(request.url).pathname);
    return all.sort();
}"""


def test_without_a_network_one_page_is_shown_and_nothing_of_money_is_kept(
    stack: Stack, browser: Browser
) -> None:
    phone = browser.new_context()
    page = phone.new_page()
    page.goto(f"{stack.base_url}/deposit/")
    page.evaluate("() => navigator.serviceWorker.ready")
    page.click("form[data-once] button.button")
    expect(page.locator("[data-screen='S13']")).to_be_visible(timeout=30_000)
    page.goto(f"{stack.base_url}/deposit/history/")
    phone.set_offline(True)
    page.goto(f"{stack.base_url}/deposit/limits/")
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    phone.set_offline(False)
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("heading", name="Your deposit limits")).to_be_visible()
    assert page.evaluate(KEPT) == ["/deposit/no-network/", "/static/deposit.css"]
    phone.close()


def test_it_can_be_installed(stack: Stack, browser: Browser) -> None:
    phone = browser.new_context()
    page = phone.new_page()
    page.goto(f"{stack.base_url}/deposit/")
    page.evaluate("() => navigator.serviceWorker.ready")
    protocol = phone.new_cdp_session(page)
    problems = protocol.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A window without a history, as tests have them, is refused for that alone.
    assert [one for one in problems if one["errorId"] != "in-incognito"] == []
    manifest = json.loads(protocol.send("Page.getAppManifest")["data"])
    assert manifest["start_url"] == "/deposit/"
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}
    phone.close()
