"""Signing in as a player would: by the code in the inbox, and the next time by a passkey with one tap."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Player
from deposits.ui import demo_players
from tests.stack import Stack, await_condition, http

pytestmark = pytest.mark.browser

#: A browser on a busy machine.
PATIENCE_MS = 30_000

#: Nobody else's, so that no account has to be chosen.
NUMBER, E164 = "07700 900799", "+447700900799"


def newest_code(stack: Stack) -> str:
    """The newest code that was texted to the number, "" before there is one."""
    messages = http("GET", f"{stack.sandbox_url}/sandbox/messages.json?to=%2B{E164[1:]}").body["messages"]
    found = re.match(r"\d{6}", messages[0]["text"]) if messages else None
    return found[0] if found else ""


def has_device(page: Page) -> None:
    """Give the browser a device with a finger on it (WebDriver's virtual authenticator)."""
    protocol = page.context.new_cdp_session(page)
    protocol.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    protocol.send("WebAuthn.addVirtualAuthenticator", {"options": options})


@pytest.fixture(scope="module")
def whose(stack: Stack, django_db_blocker: DjangoDbBlocker) -> Player:
    """The player whose number it is. Made before there is a browser: beside one Django takes no query."""
    with django_db_blocker.unblock():
        return demo_players.fresh_player(E164)


def test_a_code_first_and_a_passkey_the_next_time(whose: Player, browser: Browser, stack: Stack) -> None:
    # A bare address has no passkeys.
    site = stack.base_url.replace("127.0.0.1", "localhost")
    page = browser.new_context().new_page()
    has_device(page)
    page.goto(f"{site}/sign-in/?next=/sign-in/passkey/add/")
    page.get_by_label("Mobile number").fill(NUMBER)
    page.get_by_role("button", name="Text me a code").click()
    await_condition(lambda: newest_code(stack) != "", what="the text with the code")
    page.get_by_label("Code from the text").fill(newest_code(stack))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Add a passkey").click()
    expect(page).to_have_url(f"{site}/deposit/", timeout=PATIENCE_MS)
    page.goto(f"{site}/sign-out/")
    page.get_by_role("button", name="Sign out here").click()
    page.goto(f"{site}/sign-in/?next=/deposit/limits/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{site}/deposit/limits/", timeout=PATIENCE_MS)
    expect(page.get_by_role("link", name="Sign out")).to_be_visible()
