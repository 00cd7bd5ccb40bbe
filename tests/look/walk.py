"""A walk through every screen that players see, as players get there: by the sandbox's stories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from playwright.sync_api import Page, expect

#: Some screens come when a carrier has been silent for minutes, divided by TIME_DIVISOR.
PATIENCE_MS = 60_000
_WAITING = {"S6": "s06-waiting", "S7": "s07-slow", "S8": "s08-very-slow", "S9": "s09-unknown"}
TAP = "form[data-once] button.button"
#: Staff hold the breakers of these carriers open for as long as the context lasts; of all, where none is named.
Hold = Callable[..., AbstractContextManager[None]]


def walk(page: Page, base_url: str) -> Iterator[str]:
    """Lead `page` from screen to screen; yields each one's name while it is shown. By no words: in any language."""
    yield from _form(page, base_url)
    yield from _lists(page, base_url)
    yield from _limits(page, base_url)
    yield from _answers(page, base_url)
    yield from _bank(page, base_url)
    yield from _connections(page, base_url)
    yield from _signing_in(page, base_url)
    yield from _silence(page, base_url)


def walk_closed(page: Page, base_url: str, hold: Hold) -> Iterator[str]:
    """The screens of what staff have closed: one way to pay, then all of them."""
    with hold("sandbox-mobile"):
        open_story(page, base_url, "001")
        yield "s24-method-down"
    with hold():
        page.goto(f"{base_url}/deposit/")
        see(page, "S25")
        yield "s25-all-down"


def walk_to_the_text_reply(page: Page, base_url: str) -> Iterator[str]:
    """The screen of a carrier that asks by text; the stack has to be told that the sandbox's does."""
    _deposit(page, base_url, "016", "S11")
    yield "s11-text-reply"


def walk_in(language: str, page: Page, base_url: str) -> Iterator[str]:
    """The same through the screens that most players see, in a language; yields each one's name while it is shown."""
    open_story(page, base_url, "001")
    page.goto(f"{base_url}/deposit/?lang={language}")
    page.click(TAP)
    see(page, "S13")
    yield "s13-deposited"
    page.goto(f"{base_url}/deposit/")
    yield "s01-deposit"
    for story, screens, name in (
        ("002", ("S14",), "s14-not-deposited"),
        ("code", ("S10",), "s10-code"),
        ("016", _WAITING, "s06-waiting"),
    ):
        _deposit(page, base_url, story, *screens)
        yield name


def open_story(page: Page, base_url: str, story: str, kind: str = "story") -> None:
    """Become a fresh player with the sandbox's phone number or bank `story`, on the deposit page."""
    page.goto(f"{base_url}/demo/")
    page.click(f"button[name='{kind}'][value='{story}']")
    page.wait_for_url("**/deposit/**")


def see(page: Page, *screens: str) -> None:
    """Wait until the page shows this screen, or one of these."""
    shown = ", ".join(f"[data-screen='{screen}']" for screen in screens)
    expect(page.locator(shown)).to_be_visible(timeout=PATIENCE_MS)


def see_waiting(page: Page) -> None:
    """Wait until the page waits for the carrier: on a busy machine its first screen may be over before one looks."""
    see(page, *_WAITING)


def _deposit(page: Page, base_url: str, story: str, *screens: str) -> None:
    """Deposit as a fresh player of this story, and wait for what comes of it."""
    open_story(page, base_url, story)
    page.click(TAP)
    see(page, *screens)


def _form(page: Page, base_url: str) -> Iterator[str]:
    open_story(page, base_url, "001")
    yield "s02-first-deposit"
    page.click(TAP)
    see(page, "S13")
    yield "s13-deposited"
    page.locator("summary").click()
    yield "s13-what-happened"
    page.goto(f"{page.url}?note=late-cancel")
    expect(page.locator("button[formaction$='/take-back/']")).to_be_visible()
    yield "s16-too-late"
    page.goto(f"{base_url}/deposit/")
    yield "s01-deposit"
    # Held back, as by a network that is slow.
    page.evaluate("addEventListener('submit', (event) => event.preventDefault())")
    page.click(TAP)
    expect(page.locator(f"{TAP}[aria-disabled]")).to_be_visible()
    yield "s05-sending"
    page.goto(f"{base_url}/deposit/")
    key = page.locator("[name=key]").first.input_value()
    page.click(TAP)
    see(page, "S13")
    page.goto(f"{base_url}/deposit/")
    # As a tab that was opened twice, or Back, sends it.
    page.evaluate("key => { document.querySelector('[name=key]').value = key }", key)
    page.click(TAP)
    see(page, "S17")
    yield "s17-sent-before"
    page.goto(f"{base_url}/deposit/")
    page.check("[data-n='other']")
    page.fill("#other", "3")
    page.click(TAP)
    expect(page.locator("#other-problem")).to_be_visible()
    yield "s03-other-amount"
    page.fill("#other", "25")
    page.click(TAP)
    see(page, "review")
    yield "review"


def _lists(page: Page, base_url: str) -> Iterator[str]:
    for path, name in (
        ("/deposit/history/", "s26-my-deposits"),
        ("/deposit/limits/", "limits"),
        ("/deposit/limits/change/", "limits-and-breaks"),
        ("/deposit/phone-bill/", "how-phone-bill-works"),
        ("/deposit/nothing", "not-found"),
        ("/demo/", "demo"),
    ):
        page.goto(f"{base_url}{path}")
        yield name


def _limits(page: Page, base_url: str) -> Iterator[str]:
    page.goto(f"{base_url}/deposit/limits/first/?amount=20")
    yield "s04-first-limit"
    page.click("a[href*='without=1']")
    yield "s04-without-a-limit"
    page.goto(f"{base_url}/deposit/limits/change/")
    page.click("form:has([name='break']) button >> nth=0")
    yield "take-a-break"
    page.click("form:has([name='sure']) button")
    page.wait_for_url("**/deposit/")
    yield "taking-a-break"
    open_story(page, base_url, "limit")
    page.check("[data-n='other']")
    page.fill("#other", "20")
    page.click(TAP)
    yield "above-the-limit"


def _answers(page: Page, base_url: str) -> Iterator[str]:
    _deposit(page, base_url, "002", "S14")
    yield "s14-not-deposited"
    _deposit(page, base_url, "015", "S15")
    yield "s15-being-reviewed"
    _deposit(page, base_url, "code", "S10")
    yield "s10-code"
    page.fill("#code", "999999")
    page.click("button[form=act]:not([formaction])")
    expect(page.locator(".summary")).to_be_visible(timeout=PATIENCE_MS)
    yield "s10-wrong-code"
    page.click("button[formaction*='/cancel/']")
    see(page, "S16")
    yield "s16-cancelled"


def _bank(page: Page, base_url: str) -> Iterator[str]:
    open_story(page, base_url, "sandbox-bank", "bank")
    yield "s12-bank-chosen"
    page.click(TAP)
    page.get_by_role("button", name="Approve").first.wait_for(timeout=PATIENCE_MS)
    page.go_back()
    see(page, "S12")
    yield "s12-approve"


def _connections(page: Page, base_url: str) -> Iterator[str]:
    open_story(page, base_url, "016")
    with _without_network(page):
        yield "s20-offline"
        page.click(TAP)
        expect(page.locator("#stop")).to_be_visible()
        yield "s21-kept-for-a-minute"
        page.click("#stop")
    page.click(TAP)
    see_waiting(page)
    with _without_network(page):
        yield "s22-connection-lost"
    page.goto(f"{base_url}/deposit/no-network/")
    yield "no-network"


@contextmanager
def _without_network(page: Page) -> Iterator[None]:
    """The page is offline, and has said so."""
    page.context.set_offline(True)
    try:
        expect(page.locator("#line")).not_to_be_empty()
        yield
    finally:
        page.context.set_offline(False)


def _signing_in(page: Page, base_url: str) -> Iterator[str]:
    _deposit(page, base_url, "001", "S13")
    address = page.url
    page.goto(f"{base_url}/sign-out/")
    yield "sign-out"
    page.click("form.steps button >> nth=0")
    page.goto(address)
    see(page, "S23")
    yield "s23-signed-out"
    page.goto(f"{base_url}/sign-in/")
    yield "sign-in"
    page.fill("#number", "07700 900001")
    page.click(TAP)
    page.wait_for_selector("#code")
    yield "sign-in-code"


def _silence(page: Page, base_url: str) -> Iterator[str]:
    open_story(page, base_url, "016")
    page.click(TAP)
    page.wait_for_url("**/deposit/D-*/")
    screen = ""
    # By passing time alone; on a busy machine one may be over before it is looked at.
    while screen != "S9":
        page.wait_for_selector(f"[data-screen]:not([data-screen='{screen}'])", timeout=2 * PATIENCE_MS)
        screen = page.locator("[data-screen]").get_attribute("data-screen") or ""
        yield _WAITING[screen]
    page.goto(f"{base_url}/deposit/")
    yield "s18-still-waiting"
