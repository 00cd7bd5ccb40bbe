"""Depositing by phone bill in a real browser, against the running product."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from tests.journeys.conftest import OpenStory, launched, nothing_sent
from tests.look.walk import see_waiting
from tests.stack import Stack, await_condition

pytestmark = pytest.mark.browser

BUTTON = "form[data-once] button.button"
PATIENCE_MS = 30_000


def tap(page: Page) -> None:
    """Tap the one primary button of the deposit page."""
    page.click(BUTTON)


def see(page: Page, *screens: str) -> None:
    """Wait until the page shows this screen, or one of these."""
    shown = ", ".join(f"[data-screen='{screen}']" for screen in screens)
    expect(page.locator(shown)).to_be_visible(timeout=PATIENCE_MS)


def reference(page: Page) -> str:
    """The reference of the deposit whose page this is."""
    found = re.search(r"D-[0-9A-Z]{4}-[0-9A-Z]{4}", page.url)
    assert found, page.url
    return found[0]


def charged(stack: Stack, page: Page) -> list[int]:
    """What the carrier has charged for the deposit on the page, in minor units."""
    return [line["amount_minor"] for line in stack.charges(reference(page))]


def go_back(page: Page) -> None:
    """The Back button. A page out of the back/forward cache loads nothing, so only the address is waited for."""
    page.go_back(wait_until="commit")


def test_one_tap_ends_in_the_balance_without_a_refresh(stack: Stack, open_story: OpenStory) -> None:
    page = open_story("020")  # approved after a while, inside the call
    page.check("[data-n='2']")
    expect(page.locator(BUTTON)).to_have_accessible_name("Deposit £20 by phone bill")
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    with nothing_sent(stack):
        with page.expect_request("**/live/**"):
            tap(page)
        see_waiting(page)
        page.wait_for_load_state()
        page.evaluate("document.body.dataset.same = '1'")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
    see(page, "S13")
    # The answer came over the stream that was open: nothing was asked for it.
    assert asked == []
    expect(page).to_have_title("Deposited – £20")
    expect(page.locator("h1")).to_have_text("£20.00 deposited")
    expect(page.locator("#panel")).to_contain_text("Balance £20.00.")
    assert page.evaluate("document.body.dataset.same") == "1"
    assert len(loads) == 1
    assert charged(stack, page) == [2_000]
    expect(page.get_by_role("status")).to_contain_text("£20.00 deposited")


def test_the_amount_of_last_time_is_one_tap_away(stack: Stack, open_story: OpenStory) -> None:
    page = open_story("001")
    page.check("[data-n='2']")
    tap(page)
    see(page, "S13")
    page.goto(f"{stack.base_url}/deposit/")
    tap(page)
    see(page, "S13")
    expect(page.locator("#panel")).to_contain_text("Balance £40.00.")


@pytest.mark.parametrize("how", ["context", "engine"])
def test_it_works_with_script_off(
    stack: Stack, open_story: OpenStory, browser: Browser, playwright: Playwright, how: str
) -> None:
    engine = launched(playwright, "--blink-settings=scriptEnabled=false") if how == "engine" else browser
    without = engine.new_context(java_script_enabled=False) if how == "context" else engine.new_context()
    try:
        page = open_story("007", without)
        page.check("[data-n='2']")
        expect(page.get_by_role("button", name="Deposit £20 by phone bill")).to_be_visible()
        tap(page)  # held until the carrier has answered
        see(page, "S13")
        assert charged(stack, page) == [2_000]
        code_is_asked_for_and_taken(open_story("code", without))
        declined = open_story("002", without)
        tap(declined)
        see(declined, "S14")
        slow = open_story("016", without)
        tap(slow)
        slow.get_by_role("link", name="Check again").click()
        expect(slow.locator("#panel")).to_contain_text("We do not know yet if you were charged.")
    finally:
        without.close()
        if engine is not browser:
            engine.close()


def test_it_works_when_the_script_does_not_come(
    stack: Stack, open_story: OpenStory, context: BrowserContext
) -> None:
    context.route("**/*.js", lambda route: route.fulfill(status=404))
    page = open_story("007")
    tap(page)
    see(page, "S13")
    assert charged(stack, page) == [1_000]


def code_is_asked_for_and_taken(page: Page) -> None:
    """Go through a first use of a number: a wrong code, then the right one with a space in it."""
    tap(page)
    see(page, "S10")
    page.fill("#code", "111111")
    page.get_by_role("button", name="Confirm £10").click()
    expect(page.locator("#code-problem")).to_contain_text("That is not the code we sent. 2 tries left.")
    expect(page).to_have_title("Problem: Enter the code – £10")
    page.fill("#code", "123 456")
    page.get_by_role("button", name="Confirm £10").click()
    see(page, "S13")


@pytest.mark.parametrize("story", ["code", "009"])
def test_a_code_is_asked_for_and_taken(stack: Stack, open_story: OpenStory, story: str) -> None:
    page = open_story(story)
    code_is_asked_for_and_taken(page)
    assert charged(stack, page) == [1_000]


def test_the_code_comes_out_of_the_text_message(
    stack: Stack, open_story: OpenStory, context: BrowserContext
) -> None:
    context.add_init_script(
        "navigator.credentials.get = (asked) => asked.otp ? Promise.resolve({ code: '123456' }) : Promise.resolve(null)"
    )
    page = open_story("code")
    tap(page)
    see(page, "S13")  # one tap, nothing typed
    assert charged(stack, page) == [1_000]


def test_an_awaited_code_can_be_cancelled(stack: Stack, open_story: OpenStory) -> None:
    page = open_story("code")
    tap(page)
    see(page, "S10")
    page.get_by_role("button", name="Cancel").click()
    see(page, "S16")
    assert charged(stack, page) == []


def test_a_refusal_says_why_and_what_next(stack: Stack, open_story: OpenStory) -> None:
    page = open_story("002")
    tap(page)
    see(page, "S14")
    expect(page.locator("h1")).to_have_text("Sandbox Mobile said no to this deposit")
    expect(page.locator("#panel")).to_contain_text("You have not been charged.")
    assert charged(stack, page) == []
    page.get_by_role("link", name="Pay from bank").click()
    expect(page).to_have_url(f"{stack.base_url}/deposit/?amount=10&method=bank")
    expect(page.get_by_label("Name of your bank")).to_be_visible()


def test_f62_a_reload_and_a_closed_tab_show_the_same_deposit_as_it_is_now(
    stack: Stack, open_story: OpenStory, context: BrowserContext, browser: Browser
) -> None:
    page = open_story("007")
    tap(page)
    page.wait_for_url("**/D-*/")
    number, address = reference(page), page.url
    page.reload()
    assert reference(page) == number
    page.close()
    await_condition(lambda: stack.charges(number), what="the charge")
    await_condition(
        lambda: "deposited</h1>" in context.request.get(address).text(), what="the answer recorded"
    )
    without = browser.new_context(java_script_enabled=False, storage_state=context.storage_state())
    again = without.new_page()
    again.goto(address)
    # As the server sent it: there is no script that could change it.
    assert again.locator("[data-screen='S13']").is_visible()
    assert charged(stack, again) == [1_000]
    again.goto(f"{stack.base_url}/deposit/history/")
    assert again.locator(".list li").count() == 1
    without.close()


def test_the_button_answers_within_the_tap_itself(open_story: OpenStory) -> None:
    """Its words change while the click is handled: whatever the network does, the next frame shows them."""
    page = open_story("001")
    said = page.evaluate(
        "selector => { const button = document.querySelector(selector); button.click(); return button.textContent }",
        BUTTON,
    )
    assert said == "Sending…"
    see(page, "S13")


def test_a_lost_connection_is_said_and_made_good(
    stack: Stack, open_story: OpenStory, context: BrowserContext
) -> None:
    page = open_story("007")
    with nothing_sent(stack):
        tap(page)
        # These words stay until it is sent: a browser that is told to be offline goes on hearing its open stream.
        see(page, "S8")
        context.set_offline(True)
        expect(page.locator("#line")).to_have_text("No connection. Sandbox Mobile is still working on it.")
    number = reference(page)
    await_condition(lambda: stack.charges(number), what="the charge")
    context.set_offline(False)
    see(page, "S13")
    assert len(stack.charges(number)) == 1


def test_offline_before_the_tap_is_said(open_story: OpenStory, context: BrowserContext) -> None:
    page = open_story("001")
    context.set_offline(True)
    expect(page.locator("#line")).to_have_text("You are offline")
    context.set_offline(False)
    expect(page.locator("#line")).to_have_text("")


def test_a_tap_while_offline_is_sent_once_when_the_network_is_back(
    stack: Stack, open_story: OpenStory, context: BrowserContext
) -> None:
    page = open_story("001")
    context.set_offline(True)
    expect(page.locator("#line")).to_have_text("You are offline")
    tap(page)
    expect(page.locator("#line")).to_contain_text("We will try again for one minute")
    page.get_by_role("button", name="Try now").click()
    context.set_offline(False)
    see(page, "S13")
    assert charged(stack, page) == [1_000]


def test_a_tap_while_offline_for_longer_is_not_sent(
    stack: Stack, open_story: OpenStory, context: BrowserContext
) -> None:
    page = open_story("001")
    page.clock.install()
    context.set_offline(True)
    tap(page)
    expect(page.get_by_role("button", name="Try now")).to_be_visible()
    page.clock.run_for(61_000)
    expect(page.locator("#line")).to_have_text("Not sent. Tap Deposit when you are ready.")
    expect(page.locator(BUTTON)).to_have_accessible_name("Deposit £10 by phone bill")
    context.set_offline(False)
    page.goto(f"{stack.base_url}/deposit/history/")
    assert page.locator(".list > li").count() == 0


def test_f62_leaving_while_waiting_and_coming_back_shows_the_state_of_now(
    stack: Stack, open_story: OpenStory
) -> None:
    page = open_story("007")
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    with nothing_sent(stack):
        tap(page)
        see_waiting(page)
        number = reference(page)
        page.goto(f"{stack.base_url}/deposit/limits/")
    await_condition(lambda: stack.charges(number), what="the charge")
    go_back(page)
    see(page, "S13")
    assert problems == []


def test_a_killed_live_process_is_made_good(stack: Stack, open_story: OpenStory) -> None:
    page = open_story("007")
    with nothing_sent(stack):
        tap(page)
        see_waiting(page)
        stack.kill("live")
    see(page, "S13")


def test_the_words_move_on_while_the_carrier_is_silent(open_story: OpenStory) -> None:
    page = open_story("016")
    tap(page)
    see_waiting(page)
    for screen in ("S7", "S8", "S9"):
        see(page, screen)
        assert "You have not been charged." not in page.content()
    page.goto(page.url.split("/deposit/")[0] + "/deposit/")
    expect(page.locator(".banner")).to_contain_text("£10 by phone bill is still waiting.")


def test_no_stream_is_left_open_by_closed_tabs(stack: Stack, open_story: OpenStory, browser: Browser) -> None:
    tabs = browser.new_context()
    page = open_story("016", tabs)
    tap(page)
    see_waiting(page)
    for _ in range(4):
        tabs.new_page().goto(page.url)
    live = stack.environment["LIVE_URL"]

    def streams() -> str:
        answer = tabs.request.get(f"{live}/health/live").text()
        return answer.strip()

    await_condition(lambda: streams() == "alive, 5 streams open", what="five streams")
    for tab in tabs.pages:
        tab.close()
    await_condition(lambda: streams() == "alive, 0 streams open", within_s=15, what="no stream")
    tabs.close()


def test_a_page_links_token_shows_the_deposit_to_nobody_in_particular(
    stack: Stack, context: BrowserContext
) -> None:
    made = stack.deposit("007").body
    page = context.new_page()
    page.goto(made["page_url"])
    see(page, "S13")
    assert [cookie["name"] for cookie in context.cookies()] in ([], ["csrf"])


def test_what_was_shown_can_be_looked_at(open_story: OpenStory, tmp_path: Path) -> None:
    """Nothing on the way complains in the console, and no other host is asked for anything."""
    page = open_story("code")
    complaints: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: hosts.add(request.url.split("/")[2].split(":")[0]))
    page.reload()
    code_is_asked_for_and_taken(page)
    assert complaints == []
    assert hosts == {"127.0.0.1"}
