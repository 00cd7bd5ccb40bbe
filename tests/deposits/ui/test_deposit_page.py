"""The page of one deposit: every reason in its own words, the code, the cancel, and the headers."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from carriers import reasons
from carriers.adapters import camara
from carriers.reasons import CHARGE_STATEMENTS, REASONS
from deposits.models import Deposit
from deposits.states import Event, State
from deposits.ui import held_post
from tests.deposits.making import accepted
from tests.deposits.ui.visiting import (
    HARMLESS,
    deposit_of,
    key_of,
    links_of,
    player,
    put,
    tap,
    text_of,
    title_of,
    visitor,
)

pytestmark = pytest.mark.django_db

BANNED = re.compile(r"\b(please|sorry|oops|valid|invalid|errors?|unknown)\b|_", re.IGNORECASE)
#: What a deposit can end with: the adapter's own reasons, and those that we give ourselves.
ENDINGS = sorted(
    {*camara._DECLINES.values(), *camara._CONFIRM_DECLINES.values()}
    | {"carrier_reply_timeout", "carrier_unavailable", "code_too_many", "carrier_insufficient_credit"}
    | {code for code in REASONS if code.startswith("carrier_") and REASONS[code].charge == "not_charged"}
)


def of_player(state: State, **fields: Any) -> tuple[Client, Deposit]:
    """A deposit in this state, and its player's browser."""
    client = visitor(player())
    return client, put(deposit_of(tap(client)), state, **fields)


def see(client: Client, deposit: Deposit, query: str = "") -> Any:
    """Open the deposit's page."""
    return client.get(f"/deposit/{deposit.reference}/{query}")


def awaiting_code(**fields: Any) -> tuple[Client, Deposit]:
    """A deposit whose code was just sent."""
    until = timezone.now() + timedelta(minutes=5)
    values: dict[str, Any] = {"action_expires_at": until, "next_step": Deposit.Next.CANCEL, **fields}
    return of_player(State.ACTION_REQUIRED, **values)


@pytest.mark.parametrize("code", ENDINGS)
def test_every_reason_is_told_in_plain_words_with_one_primary_step(code: str) -> None:
    client, deposit = of_player(State.DECLINED, reason_code=code)
    page = see(client, deposit)
    words = text_of(page).replace(deposit.reference, "")
    shown = reasons.render(code, network="Sandbox Mobile", amount="£20", exact_amount="£20.00")
    assert title_of(page) == f"{shown.title} – £20"
    assert CHARGE_STATEMENTS["not_charged"] in words
    assert not BANNED.search(words), BANNED.search(words)
    assert len(re.findall(r'class="button"', page.content.decode())) == 1
    assert ("Pay from bank" in words) == (REASONS[code].primary.method == "bank" or _offers_bank_second(code))


def _offers_bank_second(code: str) -> bool:
    second = REASONS[code].secondary
    return second is not None and second.method == "bank"


@pytest.mark.parametrize("code", [code for code in REASONS if "B" in REASONS[code].klass])
def test_a_reason_that_protects_offers_no_other_way(code: str) -> None:
    client, deposit = of_player(State.DECLINED, reason_code=code)
    page = see(client, deposit)
    assert b"<form" not in page.content
    assert b"<button" not in page.content
    back_to_the_amount = {"/deposit/?amount=20&method=phone#amount"}
    assert links_of(page) - HARMLESS == (back_to_the_amount if code == "limit_would_exceed" else set())


def test_a_reason_that_is_not_in_the_table_is_still_a_plain_no() -> None:
    client, deposit = of_player(State.DECLINED, reason_code="something_new")
    page = see(client, deposit)
    assert "Sandbox Mobile said no to this deposit" in text_of(page)
    assert "something_new" not in page.content.decode()


def test_retry_keeps_the_amount() -> None:
    client, deposit = of_player(State.EXPIRED, reason_code="carrier_reply_timeout")
    assert (
        'href="/deposit/?amount=20&amp;method=phone">Deposit £20</a>' in see(client, deposit).content.decode()
    )


def test_a_deposit_made_needs_no_script() -> None:
    client, deposit = of_player(State.CREDITED)
    page = see(client, deposit)
    words = text_of(page)
    assert title_of(page) == "Deposited – £20"
    assert "£20.00 deposited" in words
    assert "It will be on your Sandbox Mobile bill as PAYSITE*CASINO." in words
    assert deposit.reference in words
    assert "<script" not in page.content.decode()


def test_waiting_shows_a_way_to_look_again() -> None:
    client, deposit = of_player(State.SUBMITTING)
    page = see(client, deposit)
    assert f'<a href="/deposit/{deposit.reference}/">Check again</a>' in page.content.decode()
    assert page.content.decode().count('role="status"') == 1
    assert "http-equiv" not in page.content.decode()


def test_the_streams_connection_is_begun_with_the_page(settings: Any) -> None:
    client, deposit = of_player(State.SUBMITTING)
    assert see(client, deposit)["Link"] == f"<{settings.LIVE_URL}>; rel=preconnect; crossorigin"
    settings.LIVE_URL = settings.BASE_URL
    assert "Link" not in see(client, deposit)
    assert "Link" not in see(*of_player(State.CREDITED))


def test_cancel_is_offered_only_where_it_is_possible() -> None:
    client = visitor(player())
    deposit = deposit_of(tap(client))
    assert "Cancel" in text_of(see(client, deposit))
    assert "Cancel" not in text_of(see(client, put(deposit, State.SUBMITTING)))


def test_cancelling_once_is_enough() -> None:
    client = visitor(player())
    deposit = deposit_of(tap(client))
    key = key_of(see(client, deposit))
    for _ in range(2):
        answer = client.post(f"/deposit/{deposit.reference}/cancel/", {"key": key, "live": "1"})
        assert title_of(client.get(answer["Location"])) == "Cancelled – £20"
    assert deposit.events.filter(event=Event.CANCELLED).count() == 1


def test_a_cancel_that_comes_too_late_says_so() -> None:
    client = visitor(player())
    deposit = deposit_of(tap(client))
    key = key_of(see(client, deposit))
    put(deposit, State.SUBMITTING)
    answer = client.post(f"/deposit/{deposit.reference}/cancel/", {"key": key, "live": "1"})
    assert "It cannot be cancelled any more." in text_of(client.get(answer["Location"]))


def test_a_code_is_handed_on_once(settings: Any) -> None:
    settings.TIME_DIVISOR = 0.1  # the first words last, however busy the machine
    client, deposit = awaiting_code()
    page = see(client, deposit)
    assert 'inputmode="numeric" autocomplete="one-time-code"' in page.content.decode()
    assert "We sent 6 digits to the phone ending 001." in text_of(page)
    address, form = (
        f"/deposit/{deposit.reference}/code/",
        {"key": key_of(page), "live": "1", "code": " 123 456 "},
    )
    for _ in range(2):
        answer = client.post(address, form)
        assert (answer.status_code, answer["Location"]) == (303, f"/deposit/{deposit.reference}/")
    deposit.refresh_from_db()
    assert (deposit.one_time_code, deposit.next_step) == ("123456", Deposit.Next.CONFIRM)
    assert deposit.events.filter(event=Event.CODE_ENTERED).count() == 1
    assert title_of(see(client, deposit)).startswith("Waiting for")


def test_who_has_no_code_at_hand_may_pay_otherwise_where_there_is_another_way(settings: Any) -> None:
    client, deposit = awaiting_code()
    page = see(client, deposit)
    assert "/deposit/?amount=20&method=bank" in links_of(page)
    assert "Use another method" in text_of(page)
    settings.CARRIERS = [one for one in settings.CARRIERS if one["adapter"] == "camara"]
    assert "Use another method" not in text_of(see(client, deposit))


def test_what_cannot_be_a_code_is_a_problem_at_the_field() -> None:
    client, deposit = awaiting_code()
    form = {"key": key_of(see(client, deposit)), "live": "1", "code": "12x"}
    answer = client.post(f"/deposit/{deposit.reference}/code/", form)
    page = client.get(answer["Location"])
    assert title_of(page) == "Problem: Enter the code – £20"
    assert text_of(page).count("Enter the 6 digits from the text") == 2
    deposit.refresh_from_db()
    assert deposit.one_time_code == ""


def test_a_wrong_code_leaves_the_tries_that_are_left() -> None:
    client, deposit = awaiting_code(reason_code="code_wrong", code_tries=1)
    page = see(client, deposit)
    assert title_of(page) == "Problem: Enter the code – £20"
    assert "That is not the code we sent. 2 tries left." in text_of(page)


def test_a_code_form_of_another_deposit_does_nothing() -> None:
    _, other = awaiting_code()
    client, deposit = awaiting_code()
    foreign = key_of(see(client, deposit))
    client2, _ = awaiting_code()
    answer = client2.post(f"/deposit/{other.reference}/code/", {"key": foreign, "code": "123456"})
    assert answer.status_code == 404
    client.post(f"/deposit/{deposit.reference}/code/", {"key": "made-up", "code": "123456", "live": "1"})
    deposit.refresh_from_db()
    assert deposit.one_time_code == ""


def test_without_script_the_answer_is_held_until_there_is_news(monkeypatch: pytest.MonkeyPatch) -> None:
    client = visitor(player())
    looks = iter([True, True, False])
    monkeypatch.setattr(held_post, "is_worked_on", lambda _: next(looks))
    started = time.monotonic()
    client.post("/deposit/", {"amount": "20", "key": key_of(client.get("/deposit/"))})
    assert 0.25 < time.monotonic() - started < 4
    assert next(looks, "all used") == "all used"


def test_no_more_requests_are_held_than_set(monkeypatch: pytest.MonkeyPatch) -> None:
    deposit = accepted()
    monkeypatch.setattr(held_post._held, "acquire", lambda blocking: False)
    started = time.monotonic()
    held_post.hold(deposit.pk)
    assert time.monotonic() - started < 1
