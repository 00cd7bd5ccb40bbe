"""However often it is tapped, from wherever: one intended deposit is one charge, by the sandbox's record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.conftest import OpenStory, nothing_sent
from tests.journeys.test_phone_bill import BUTTON, charged, go_back, reference, see, tap
from tests.look.walk import see_waiting
from tests.stack import Stack

pytestmark = pytest.mark.browser


def click_five_times(page: Page) -> None:
    """As fast as a script can."""
    page.evaluate(f"for (let i = 0; i < 5; i++) document.querySelector('{BUTTON}').click()")


def hold_enter(page: Page) -> None:
    """The key repeats for as long as it is down."""
    page.locator(BUTTON).focus()
    for _ in range(5):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")


@pytest.mark.parametrize("impatiently", [click_five_times, hold_enter])
def test_five_fast_clicks_are_one_charge(
    stack: Stack, open_story: OpenStory, impatiently: Callable[[Page], None]
) -> None:
    page = open_story("020")
    impatiently(page)
    page.wait_for_url("**/D-*/")
    see(page, "S13")
    assert charged(stack, page) == [1_000]
    page.goto(f"{stack.base_url}/deposit/history/")
    assert page.locator(".list li").count() == 1


def test_f59_the_same_form_in_two_tabs_is_one_charge(
    stack: Stack, open_story: OpenStory, context: BrowserContext
) -> None:
    page = open_story("001")
    other = context.new_page()
    other.goto(page.url)
    key = page.locator("[name=key]").first.input_value()
    other.evaluate("key => { document.querySelector('[name=key]').value = key }", key)
    tap(page)
    see(page, "S13")
    tap(other)
    see(other, "S17")
    assert reference(other) == reference(page)
    assert charged(stack, page) == [1_000]


def test_f62_back_after_success_asks_before_a_second_deposit(stack: Stack, open_story: OpenStory) -> None:
    page = open_story("001")
    tap(page)
    see(page, "S13")
    first = reference(page)
    go_back(page)
    expect(page.locator(BUTTON)).to_have_accessible_name("Deposit £10 by phone bill")
    tap(page)
    see(page, "S17")
    assert reference(page) == first
    expect(page.locator("h1")).to_contain_text("You already deposited £10 at")
    assert len(stack.charges(first)) == 1
    page.get_by_role("button", name="Deposit £10 again").click()
    see(page, "S13")
    assert reference(page) != first
    assert charged(stack, page) == [1_000]


def test_f60_a_second_tab_with_a_key_of_its_own_asks_before_the_same_amount_again(
    stack: Stack, open_story: OpenStory, context: BrowserContext
) -> None:
    page = open_story("007")
    other = context.new_page()
    other.goto(page.url)
    keys = {tab.locator("[name=key]").first.input_value() for tab in (page, other)}
    assert len(keys) == 2
    with nothing_sent(stack):
        tap(page)
        see_waiting(page)
        tap(other)
        other.wait_for_url("**/D-*/?another=10")
        expect(other.locator("h1")).to_contain_text("£10 by phone bill is still waiting")
    assert reference(other) == reference(page)
    see(page, "S13")
    page.goto(f"{stack.base_url}/deposit/history/")
    assert page.locator(".list li").count() == 1
