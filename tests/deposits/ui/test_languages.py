"""The pages in the visitor's language: how it is chosen, that all is said in it, and that nothing else changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Player
from carriers.reasons import REASONS
from deposits.models import Consent, Deposit
from deposits.states import State
from deposits.ui.language import LANGUAGES, LanguageMiddleware
from tests.deposits.ui.banks import BANK, awaiting_approval, door
from tests.deposits.ui.languages import left_in_english, spoken
from tests.deposits.ui.test_hosted_links import link_for, path
from tests.deposits.ui.visiting import deposit_of, player, put, tap, text_of, title_of, visitor

pytestmark = pytest.mark.django_db

#: The words for what is told, by language: the heading of the deposit page.
DEPOSIT = {"en": "Deposit", "cy": "Adneuo", "de": "Einzahlung", "es": "Depósito", "ar": "الإيداع"}


def in_language(code: str) -> Client:
    """The browser of a new player who has chosen a language."""
    client = visitor(player())
    client.cookies["language"] = code
    return client


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_is_chosen_by_a_link_and_kept(code: str) -> None:
    client = visitor(player())
    answer = client.get(f"/deposit/?amount=20&lang={code}")
    assert (answer.status_code, answer["Location"]) == (303, "/deposit/?amount=20")
    cookie = answer.cookies["language"]
    assert (cookie["httponly"], cookie["samesite"], cookie["domain"]) == (True, "Lax", "")
    page = client.get(answer["Location"])
    assert title_of(page) == DEPOSIT[code]
    direction = "rtl" if code == "ar" else "ltr"
    assert f'<html lang="{code}" dir="{direction}">' in page.content.decode()
    assert page["Content-Language"] == code
    assert {"Accept-Language", "Cookie"} <= {one.strip() for one in page["Vary"].split(",")}


def test_every_page_offers_the_others_by_their_own_names() -> None:
    page = in_language("de").get("/deposit/history/?page=2").content.decode()
    nav = page.split("<nav")[1]
    for code, name in LANGUAGES.items():
        link = (
            f'<a href="/deposit/history/?page=2&amp;lang={code}" lang="{code}" hreflang="{code}">{name}</a>'
        )
        assert (link in nav) == (code != "de")
    assert "<b>Deutsch</b>" in nav


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("fr-FR,fr;q=0.9,cy;q=0.8,en;q=0.7", "cy"),
        ("ar-EG", "ar"),
        ("ja,*;q=0.1", "en"),
        ("de;q=0,es", "es"),
        ("nonsense;;;q=q", "en"),
    ],
)
def test_until_one_is_chosen_it_is_what_the_browser_asks_for(asked: str, code: str) -> None:
    page = visitor(player()).get("/deposit/", HTTP_ACCEPT_LANGUAGE=asked)
    assert page["Content-Language"] == code
    assert "language" not in page.cookies


def test_a_partners_link_may_say_which() -> None:
    link = path(link_for(player()))
    client = Client()
    assert client.get(f"{link}&lang=cy")["Location"] == link
    assert title_of(client.get(link)) == "Adneuo gyda Paysite Casino"


def test_what_was_chosen_counts_more_than_what_the_browser_asks_for() -> None:
    assert in_language("cy").get("/deposit/", HTTP_ACCEPT_LANGUAGE="de")["Content-Language"] == "cy"


@pytest.mark.parametrize("strange", ["fr", "../de", "xx", ""])
def test_a_language_that_is_not_offered_is_not_chosen(strange: str) -> None:
    client = in_language(strange)
    page = client.get(f"/deposit/?lang={strange}")
    assert (page.status_code, page["Content-Language"], "language" in page.cookies) == (200, "en", False)


def test_the_operator_says_which_are_offered(settings: Settings) -> None:
    settings.PAGE_LANGUAGES = ["cy", "en"]
    page = visitor(player()).get("/deposit/", HTTP_ACCEPT_LANGUAGE="de")
    assert page["Content-Language"] == "cy"
    assert page.content.decode().count("hreflang") == 1
    settings.PAGE_LANGUAGES = ["de"]
    assert b"<nav" not in visitor(player()).get("/deposit/").content


def test_choosing_leads_to_no_other_site() -> None:
    request = RequestFactory().get("/deposit/", {"lang": "de"})
    # As a server passes on what begins with two slashes; Django's own client does not.
    request.path = "//elsewhere.example/deposit/"
    answer = LanguageMiddleware(lambda _: HttpResponse())(request)
    assert answer["Location"] == "/%2Felsewhere.example/deposit/"


def test_machines_are_answered_in_english_whatever_they_ask_for_and_whoever_came_before() -> None:
    assert "غير موجود" in text_of(in_language("ar").get("/deposit/nothing"))
    answer = Client().get("/api/v1/nothing", HTTP_ACCEPT_LANGUAGE="de")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not found")
    assert "Content-Language" not in answer.headers
    assert "Content-Language" not in Client().get("/admin/login/", HTTP_ACCEPT_LANGUAGE="de").headers
    assert title_of(visitor(player()).get("/deposit/")) == "Deposit"


def test_the_words_of_the_button_are_kept_in_the_language_that_was_shown() -> None:
    deposit = deposit_of(tap(in_language("de")))
    kept = Consent.objects.get(pk=deposit.pk)
    assert (kept.words, kept.language) == ("20\xa0£ per Handyrechnung einzahlen", "de")


def test_an_amount_is_taken_as_people_write_it_there() -> None:
    client = in_language("de")
    assert deposit_of(tap(client, "other", other="12,50 £")).amount_minor == 1_250
    assert deposit_of(tap(in_language("ar"), "other", other="١٢٫٥٠")).amount_minor == 1_250


#: What no page says, in any form of the word (ux.md's list, in each language).
BANNED = {
    "en": r"please|sorry|oops|valid|invalid|errors?|unknown",
    "cy": r"os gwelwch yn dda|mae'n ddrwg|sori|wps|dilys|annilys|gwall\w*",
    "de": r"bitte|leider|entschuldig\w*|verzeih\w*|hoppla|ups|(?:un)?gültig\w*|fehler\w*|unbekannt\w*",
    "es": r"por favor|lo siento|lo sentimos|vaya|ups|(?:in)?válid[oa]s?|errores|error|desconocid[oa]s?",
    "ar": r"من فضلك|يرجى|الرجاء|رجاءً?|عذرًا|آسف\w*|نأسف|صالحة?|خطأ|أخطاء|مجهول",
}
NOT_CHARGED = {
    "en": "You have not been charged.",
    "cy": "Nid oes tâl wedi'i godi arnoch.",
    "de": "Ihnen wurde nichts abgebucht.",
    "es": "No se le ha cobrado nada.",
    "ar": "لم يُخصم منك أي مبلغ.",
}
UNKNOWN = {
    "en": "We do not know yet if you were charged.",
    "cy": "Nid ydym yn gwybod eto a godwyd tâl arnoch.",
    "de": "Wir wissen noch nicht, ob Ihnen etwas abgebucht wurde.",
    "es": "Todavía no sabemos si se le ha cobrado.",
    "ar": "لا نعرف بعد إن كان قد خُصم منك مبلغ.",
}


def as_read(response: Any) -> str:
    """The page's words without the characters that only turn them."""
    return re.sub("[\u2066-\u2069\u200e\u200f]", "", text_of(response)).replace("&#x27;", "'")


def faults_of(page: Any, language: str, code: str, reference: str) -> list[str]:
    """What is wrong with how a reason is told."""
    words = as_read(page).replace(reference, "")
    main = page.content.decode().split("<main>")[1].split("</main>")[0]
    charge = REASONS[code].charge
    right = {
        "not charged": words.count(NOT_CHARGED[language]) == (charge == "not_charged"),
        "unknown": words.count(UNKNOWN[language]) == (charge == "unknown"),
        "primary step": len(re.findall(r'class="button"', main)) == 1,
        "raw code": code not in words and not re.search(r"_|[{}]|None", words),
        "banned": not re.search(rf"\b(?:{BANNED[language]})\b", words, re.IGNORECASE),
        "title": len(title_of(page).partition(" – ")[0]) > 3,
    }
    return [f"{code} in {language}: {what}" for what, holds in right.items() if not holds]


def test_every_reason_is_told_in_every_language() -> None:
    """Acceptance check 20: a title, a charge statement, one primary step, no raw code, no banned word."""
    client = visitor(player())
    deposit, found = deposit_of(tap(client)), []
    for code in REASONS:
        put(deposit, State.DECLINED, reason_code=code)
        titles = set()
        for language in LANGUAGES:
            client.cookies["language"] = language
            page = client.get(f"/deposit/{deposit.reference}/")
            found += faults_of(page, language, code, deposit.reference)
            titles.add(title_of(page))
        if len(titles) < len(LANGUAGES):
            found.append(f"{code}: two languages say the same: {titles}")
    assert found == []


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("age_s", [1, 2, 8, 3_600])
def test_what_is_not_known_is_called_that_in_every_language(code: str, age_s: int) -> None:
    client = in_language(code)
    since = timezone.now() - timedelta(seconds=age_s)
    deposit = put(deposit_of(tap(client)), State.UNKNOWN, created_at=since, first_sent_at=since)
    words = as_read(client.get(f"/deposit/{deposit.reference}/"))
    assert NOT_CHARGED[code] not in words
    assert (UNKNOWN[code] in words) == (age_s > 6)


def _states(client: Client) -> Iterator[str]:
    """A deposit in everything that its player may see it in; the addresses of its page."""
    soon = timezone.now() + timedelta(minutes=5)
    ask = {"action_expires_at": soon, "next_step": Deposit.Next.CANCEL}
    for state, fields in (
        (State.RECEIVED, {}),
        (State.PENDING, {}),
        (State.UNKNOWN, {"created_at": timezone.now() - timedelta(seconds=4)}),
        (State.UNKNOWN, {"created_at": timezone.now() - timedelta(seconds=8)}),
        (State.UNKNOWN, {"created_at": timezone.now() - timedelta(days=1)}),
        (State.ACTION_REQUIRED, ask),
        (State.ACTION_REQUIRED, {**ask, "reason_code": "code_wrong", "code_tries": 1}),
        (State.ACTION_REQUIRED, {**ask, "action_expires_at": timezone.now()}),
        (State.ACTION_REQUIRED, {**ask, "action_expires_at": None}),
        (State.REVIEW, {}),
        (State.CREDITED, {}),
        (State.CREDITED, {"reversed_at": timezone.now()}),
        (State.CREDITED, {"refunded_minor": 2_000}),
        (State.CANCELLED, {}),
        (State.EXPIRED, {"reason_code": "carrier_reply_timeout"}),
    ):
        deposit = put(deposit_of(tap(client, asked="1", reviewed="1")), state, **fields)
        yield f"/deposit/{deposit.reference}/"
        yield f"/deposit/{deposit.reference}/?again=20"
        yield f"/deposit/{deposit.reference}/?again=30"
        yield f"/deposit/{deposit.reference}/?another=20"
        yield f"/deposit/{deposit.reference}/?note=late-cancel"
        yield f"/deposit/{deposit.reference}/?note=late-refund"
        if state == State.CREDITED:
            yield f"/deposit/{deposit.reference}/receipt/"
    yield from ("/deposit/", "/deposit/history/", "/deposit/history/deposits.csv")


def _pages(whom: Player) -> Iterator[str]:
    """Pages that anybody may open, with their problems."""
    yield from ("/deposit/", "/deposit/?amount=3&sent=1", "/deposit/?method=new&sent=1", "/deposit/history/")
    yield from ("/deposit/?method=another-bank&bank=Nowhere&sent=1", "/deposit/?method=another-bank&sent=1")
    yield from ("/deposit/?method=another-bank&bank=Sandbox&sent=1", f"/deposit/?method=bank:{BANK}")
    yield from (
        f"/deposit/?amount=20&refused={code}" for code in ("carrier_not_supported", "amount_out_of_range")
    )
    yield from ("/deposit/review/?amount=20", f"/deposit/review/?amount=20&method=bank:{BANK}")
    yield from ("/deposit/limits/", "/deposit/limits/first/?amount=20", "/deposit/limits/first/?without=1")
    yield from (f"/deposit/limits/change/?said={said}" for said in ("set", "asked", "early", "amount"))
    yield from ("/deposit/phone-bill/", "/deposit/no-network/", "/deposit/nothing", door())
    yield from ("/sign-in/", "/sign-out/", path(link_for(whom)), path(link_for(whom)) + "x")


def test_nothing_is_left_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    whom = player(weekly_limit_minor=5_000)
    client = visitor(whom)
    bank = awaiting_approval(deposit_of(tap(client, "10", method=f"bank:{BANK}")))
    with spoken(monkeypatch):
        addresses = [*_pages(whom), f"/deposit/{bank.reference}/", *_states(visitor(player()))]
        found = {}
        for address in addresses:
            owner = Deposit.objects.filter(reference=address[9:20]).first()
            page = (visitor(owner.player) if owner else client).get(address)
            if left := left_in_english(page):
                found[address] = left
        sure = client.post("/deposit/limits/change/", {"break": "h24"})
        limit = client.post("/deposit/limits/first/?amount=20", {"limit": "none", "period": "week"})
    assert found == {}
    assert left_in_english(sure) == left_in_english(limit) == []
