"""Depositing from a bank in a real browser on a phone's screen, the bank's own page included."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.journeys.conftest import sandbox_set
from tests.journeys.test_look import SMALL, check
from tests.journeys.test_phone_bill import PATIENCE_MS, go_back, reference, see
from tests.stack import Stack, http

pytestmark = pytest.mark.browser

BANK = "sandbox-bank"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Player:
    """Somebody with a phone in hand, whose taps are counted, and whose browser must not complain."""

    def __init__(self, stack: Stack, context: BrowserContext) -> None:
        self.stack, self.context = stack, context
        self.page = context.new_page()
        self.taps = 0
        self.complaints: list[str] = []
        context.on("console", lambda message: self._complain(message.type, message.text))
        context.on("weberror", lambda error: self._complain("error", str(error.error)))

    def start(self, bank: str = BANK) -> Page:
        """Open the deposit page as a fresh demo player, with this bank chosen."""
        self.page.goto(f"{self.stack.base_url}/demo/")
        self.page.click(f"button[value='{bank}']")
        self.page.wait_for_url("**/deposit/?method=*")
        self.taps = 0
        return self.page

    def tap(self, what: Locator) -> None:
        """One tap."""
        self.taps += 1
        what.tap()

    def deposit(self) -> None:
        """Tap the one primary button of the deposit page."""
        self.tap(self.page.locator("form[data-once] button.button"))

    def at_the_bank(self) -> None:
        """Wait until the bank's own page is there."""
        self.page.wait_for_url(f"{self.stack.bank_url}/**", timeout=PATIENCE_MS)

    def decide(self, label: str) -> None:
        """Tap one of the bank's buttons."""
        button = self.page.get_by_role("button", name=label)
        if not button.is_visible():
            self.page.get_by_text("Other endings, for testing").tap()
        self.tap(button)

    def approve(self) -> None:
        """Deposit, go to the bank, and approve there."""
        self.deposit()
        self.at_the_bank()
        self.decide("Approve £")

    def paid(self) -> list[int]:
        """What the bank has paid for the deposit on the page, in minor units."""
        return [line["amount_minor"] for line in self.stack.bank_record(reference(self.page))]

    def _complain(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """A browser on a phone."""
    made = browser.new_context(**PHONE)  # type: ignore[arg-type]
    yield made
    made.close()


@pytest.fixture
def player(stack: Stack, phone: BrowserContext) -> Iterator[Player]:
    """A player with that phone. Whatever the console complains about fails the test."""
    somebody = Player(stack, phone)
    yield somebody
    assert somebody.complaints == []


def test_deposit_approve_done(player: Player) -> None:
    page = player.start()
    expect(page.locator("form[data-once] button.button")).to_have_accessible_name(
        "Deposit £10 from Sandbox Bank"
    )
    player.deposit()
    player.at_the_bank()
    expect(page.locator(".amount")).to_have_text("£10.00")
    player.decide("Approve £10.00")
    see(page, "S13")
    assert player.taps == 2
    assert re.fullmatch(rf"{player.stack.base_url}/deposit/D-\w{{4}}-\w{{4}}/", page.url)
    expect(page.locator("h1")).to_have_text("£10.00 deposited")
    expect(page.locator("#panel")).to_contain_text("on your Sandbox Bank statement as PAYSITE CASINO")
    assert player.paid() == [1_000]
    # Once more, as somebody who returns: nothing to choose, nothing to type.
    page.goto(f"{player.stack.base_url}/deposit/")
    check(page, "S1 with a bank")
    limits = page.get_by_role("link", name="Change your deposit limit").bounding_box()
    assert limits
    assert limits["y"] + limits["height"] <= SMALL["height"]
    player.taps = 0
    expect(page.locator("form[data-once] button.button")).to_have_accessible_name(
        "Deposit £10 from Sandbox Bank"
    )
    player.approve()
    see(page, "S13")
    assert player.taps <= 3
    expect(page.locator("#panel")).to_contain_text("Balance £20.00.")


def test_without_script_the_bank_is_one_link_further(stack: Stack, browser: Browser) -> None:
    without = browser.new_context(**PHONE, java_script_enabled=False)  # type: ignore[arg-type]
    player = Player(stack, without)
    player.start()
    player.deposit()  # held until the bank has said where to approve
    see(player.page, "S12")
    player.tap(player.page.get_by_role("link", name="Open Sandbox Bank"))
    player.at_the_bank()
    player.decide("Approve £10.00")
    expect(player.page.locator("[data-screen='S6'], [data-screen='S13']")).to_be_visible()
    while player.page.locator("[data-screen='S13']").count() == 0:
        player.page.get_by_role("link", name="Check again").click()
    assert (player.taps, player.paid(), player.complaints) == (3, [1_000], [])
    without.close()


def test_a_bank_is_found_by_a_part_of_its_name(player: Player) -> None:
    page = player.start()
    page.goto(f"{player.stack.base_url}/deposit/")
    page.locator("label", has_text="Choose it by name").tap()
    expect(page.locator("form[data-once] button.button")).to_have_accessible_name(
        "Deposit £10 from your bank"
    )
    page.fill("#bank", "slow")
    player.deposit()
    player.at_the_bank()
    assert "/sandbox-bank-slow/" in page.url


@pytest.mark.parametrize(
    ("label", "heading", "step"),
    [
        ("Do not approve", "Not approved in your bank's app", "Open Sandbox Bank again"),
        ("Approve without enough money", "Not enough money in this account", "Choose a smaller amount"),
        ("Block gambling payments", "Your bank blocks gambling payments", "Support and tools"),
    ],
)
def test_what_was_tapped_at_the_bank_is_told(player: Player, label: str, heading: str, step: str) -> None:
    page = player.start()
    player.deposit()
    player.at_the_bank()
    player.decide(label)
    see(page, "S14")
    expect(page.locator("h1")).to_have_text(heading)
    expect(page.locator(".charge")).to_have_text("You have not been charged.")
    expect(page.get_by_role("link", name=step)).to_be_visible()
    assert player.paid() == []


@pytest.mark.parametrize(
    ("bank", "heading"),
    [
        ("sandbox-bank-rejects", "Your bank said no to this deposit"),
        ("sandbox-bank-blocks", "Your bank blocks gambling payments"),
    ],
)
def test_what_the_bank_says_after_the_approval_is_told(player: Player, bank: str, heading: str) -> None:
    page = player.start(bank)
    player.approve()
    see(page, "S14")
    expect(page.locator("h1")).to_have_text(heading)
    if bank == "sandbox-bank-blocks":
        assert page.locator("#panel a[href*='method='], #panel form").count() == 0


@pytest.mark.parametrize("bank", ["sandbox-bank-slow", "sandbox-bank-lost"])
def test_what_is_still_on_its_way_arrives(player: Player, bank: str) -> None:
    page = player.start(bank)
    # So slow that its words are not over before a busy machine has looked.
    with sandbox_set(player.stack, time_divisor=3):
        player.approve()
        if bank == "sandbox-bank-slow":
            expect(page.locator("h1")).to_have_text("Your bank is still sending it", timeout=PATIENCE_MS)
            expect(page.locator(".charge")).to_have_text("We do not know yet if you were charged.")
        see(page, "S13")
    assert player.paid() == [1_000]


def test_a_bank_that_is_down_charges_nobody_and_can_be_left(player: Player) -> None:
    page = player.start("sandbox-bank-down")
    player.deposit()
    see(page, "S7", "S8")
    page.get_by_role("button", name="Cancel").tap()
    see(page, "S16")
    expect(page.locator("#panel")).to_contain_text("You have not been charged.")


def test_back_from_the_bank_waits_and_leads_there_again_when_asked(player: Player) -> None:
    page = player.start()
    player.deposit()
    player.at_the_bank()
    go_back(page)
    see(page, "S12")
    address = page.url
    assert "go=" not in address
    page.reload()
    see(page, "S12")
    check(page, "S12")
    player.tap(page.get_by_role("link", name="Open Sandbox Bank"))
    player.at_the_bank()
    page.goto(address)  # closed without a word
    see(page, "S12")
    page.goto(f"{player.stack.base_url}/deposit/")
    expect(page.locator(".banner")).to_contain_text("£10 from Sandbox Bank needs your approval.")
    page.goto(address)
    page.get_by_role("button", name="Cancel").tap()
    see(page, "S16")


def test_two_tabs_and_two_approvals_are_one_payment(player: Player) -> None:
    page = player.start()
    player.deposit()
    player.at_the_bank()
    at_the_bank = page.url
    second = player.context.new_page()
    second.goto(at_the_bank)
    second.get_by_role("button", name="Approve £10.00").tap()
    see(second, "S13")
    player.decide("Approve £10.00")
    player.tap(page.get_by_role("link", name="Go back"))  # the bank has no more to ask
    see(page, "S13")
    assert page.url == second.url
    assert player.paid() == [1_000]


def test_approved_in_another_browser_the_first_one_moves_on_by_itself(
    player: Player, browser: Browser
) -> None:
    page = player.start()
    player.deposit()
    player.at_the_bank()
    at_the_bank = page.url
    go_back(page)
    see(page, "S12")
    app = browser.new_context()
    other = app.new_page()
    other.goto(at_the_bank)
    other.get_by_role("button", name="Approve £10.00").click()
    expect(other.locator("[data-screen='came-back']")).to_be_visible()
    assert "£" not in other.inner_text("main")
    see(page, "S13")
    assert player.paid() == [1_000]
    app.close()


def test_the_partners_player_comes_back_to_the_partner(stack: Stack, phone: BrowserContext) -> None:
    back = f"{stack.sandbox_url}/sandbox/?lobby=1"
    body = {
        "player": "p-of-partner",
        "amount": 2_000,
        "currency": "GBP",
        "method": {"type": "bank", "bank_id": BANK},
        "return_url": back,
    }
    made = stack.api("POST", "/deposits", body).body
    action = stack.await_status(made["id"], "action_required")["next_action"]
    assert action["type"] == "redirect"
    page = phone.new_page()
    page.goto(action["url"])
    page.get_by_role("button", name="Approve £20.00").tap()
    page.wait_for_url(f"{back}&deposit={made['id']}", timeout=PATIENCE_MS)
    assert stack.await_status(made["id"], "succeeded")["money"] == "credited"
    # As a program would, without a browser: the approval page's form, and the redirect that follows.
    second = stack.api("POST", "/deposits", {**body, "player": "p-of-another"}).body
    address = stack.await_status(second["id"], "action_required")["next_action"]["url"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    landed = http("POST", address, b"decision=approve", form)
    assert landed.status == 200
    assert stack.await_status(second["id"], "succeeded")["reason"] is None


def test_who_holds_the_link_comes_back_to_its_page(stack: Stack, phone: BrowserContext) -> None:
    body = {"player": "p-1", "amount": 2_000, "currency": "GBP", "method": {"type": "bank", "bank_id": BANK}}
    made = stack.api("POST", "/deposits", body).body
    page = phone.new_page()
    page.goto(made["page_url"])
    page.get_by_role("link", name="Open Sandbox Bank").tap()
    page.get_by_role("button", name="Approve £20.00").tap()
    see(page, "S13")
    assert reference(page) == made["reference"]
