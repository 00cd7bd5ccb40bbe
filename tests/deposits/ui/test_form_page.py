"""The deposit page: what it offers, what it says is wrong, and that one form is one deposit."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Player
from deposits.states import State
from tests.deposits.ui.visiting import (
    HARMLESS,
    deposit_of,
    key_of,
    links_of,
    made_in,
    player,
    put,
    tap,
    text_of,
    title_of,
    visitor,
)

pytestmark = pytest.mark.django_db


def test_a_first_visit_offers_the_chips_and_the_phone() -> None:
    page = visitor(player("123", weekly_limit_minor=8_000)).get("/deposit/")
    text = text_of(page)
    assert title_of(page) == "Deposit"
    assert "Choose an amount and how to pay. You can deposit £80.00 more this week." in text
    assert "Sandbox Mobile, ending 123" in text
    for amount in ("£10", "£20", "£30", "£40"):
        assert f"Deposit {amount}" in text
    assert " by phone bill" in text
    assert b'value="10" data-n="1" checked' in page.content
    assert "+44" not in page.content.decode()


def test_the_last_successful_amount_is_chosen_and_chips_go_one_step_above_it() -> None:
    someone = player()
    client = visitor(someone)
    put(deposit_of(tap(client, "20")), State.CREDITED)
    page = client.get("/deposit/")
    assert b'value="20" data-n="2" checked' in page.content
    assert b'value="30"' in page.content
    assert b'value="40"' not in page.content
    assert "Balance £0.00." in text_of(page)


def test_without_a_limit_nothing_is_said_about_one() -> None:
    assert "more this" not in text_of(visitor(player()).get("/deposit/"))


def test_a_waiting_deposit_is_on_its_way_and_in_the_banner() -> None:
    client = visitor(player())
    deposit = deposit_of(tap(client))
    page = client.get("/deposit/")
    assert "Balance £0.00, and £20.00 on its way." in text_of(page)
    assert "£20 by phone bill is still waiting. See it" in text_of(page)
    assert f'href="/deposit/{deposit.reference}/"' in page.content.decode()


def test_a_tap_makes_one_deposit_and_shows_it(settings: Settings) -> None:
    settings.TIME_DIVISOR = 0.1  # the first words last, however busy the machine
    someone = player()
    client = visitor(someone)
    answer = tap(client, "20")
    deposit = deposit_of(answer)
    assert answer.status_code == 303
    assert (deposit.amount_minor, deposit.player_id, deposit.state) == (2_000, someone.pk, State.RECEIVED)
    assert deposit.client == f"player:{someone.pk}"
    assert title_of(client.get(answer["Location"])) == "Waiting for Sandbox Mobile – £20"


@pytest.mark.parametrize("amount", ["", "abc", "4.99", "40.01", "0", "-20", "20.001"])
def test_an_amount_that_is_none_is_told_at_the_field_and_kept(amount: str) -> None:
    client = visitor(player())
    answer = tap(client, "other", other=amount)
    assert answer.status_code == 303
    page = client.get(answer["Location"])
    assert title_of(page) == "Problem: Deposit"
    assert text_of(page).count("Enter an amount from £5 to £40") == 2
    assert '<a href="#other">' in page.content.decode()
    assert (
        f'id="other" name="other" inputmode="decimal" autocomplete="off" value="{amount}"'
        in page.content.decode()
    )
    assert made_in(client) == 0


@pytest.mark.parametrize("amount", ["25", "25.00", "£25", " 2 5 "])
def test_another_amount_is_taken_as_people_write_it(amount: str) -> None:
    assert deposit_of(tap(visitor(player()), "other", other=amount)).amount_minor == 2_500


def test_an_amount_in_the_address_is_chosen() -> None:
    client = visitor(player())
    assert b'value="30" data-n="3" checked' in client.get("/deposit/?amount=30").content
    page = client.get("/deposit/?amount=12.50").content
    assert b'value="other" data-n="other" checked' in page
    assert b'value="12.50"' in page
    assert title_of(client.get("/deposit/?amount=9999")) == "Deposit"


def test_without_a_phone_on_file_a_number_is_asked_for() -> None:
    someone = player()
    someone.phones.all().delete()
    client = visitor(someone)
    assert b'autocomplete="tel"' in client.get("/deposit/").content
    wrong = client.get(tap(client, number="hello", method="new")["Location"])
    assert "Enter a mobile number, like 07700 900123" in text_of(wrong)
    assert b'value="hello"' in wrong.content
    deposit = deposit_of(tap(client, number="07700 900001", method="new"))
    assert (deposit.phone_number, deposit.proof_needed) == ("+447700900001", True)


def test_a_number_typed_is_kept_out_of_addresses() -> None:
    client = visitor(player())
    assert "900" not in tap(client, "3", number="07700 900001", method="new")["Location"]


def test_a_number_that_no_network_serves_is_refused_in_words() -> None:
    client = visitor(player())
    page = client.get(tap(client, number="07911 123456", method="new")["Location"])
    assert "Your network does not offer phone bill here" in text_of(page)
    assert made_in(client) == 0


def test_more_than_the_limit_is_refused_with_what_is_left_and_the_amount_kept() -> None:
    client = visitor(player(weekly_limit_minor=1_500))
    page = client.get(tap(client, "20")["Location"])
    assert (
        "This is above your deposit limit You have £15 left this week. You have not been charged."
        in text_of(page)
    )
    assert b'value="20" data-n="2" checked' in page.content
    assert "£15" not in "".join(
        part.split("</button>")[0] for part in page.content.decode().split("<button")[1:]
    )
    assert made_in(client) == 0


def test_nothing_left_is_told_without_a_form() -> None:
    client = visitor(player(weekly_limit_minor=2_000))
    put(deposit_of(tap(client, "20")), State.CREDITED)
    page = client.get("/deposit/")
    assert "You have reached your deposit limit £20 of £20 this week. You can deposit again on" in text_of(
        page
    )
    assert b"<form" not in page.content
    assert links_of(page) <= HARMLESS


def test_a_refusal_that_no_longer_holds_is_not_shown() -> None:
    client = visitor(player(weekly_limit_minor=50_000))
    for code in ("limit_reached", "limit_would_exceed", "not_accepted", "carrier_monthly_limit", "rubbish"):
        assert b"summary" not in client.get(f"/deposit/?amount=20&refused={code}").content


def test_a_blocked_player_is_told_neutrally() -> None:
    someone = player()
    client = visitor(someone)
    key = key_of(client.get("/deposit/"))
    Player.objects.filter(pk=someone.pk).update(blocked_at=timezone.now())
    page = client.get(tap(client, key=key)["Location"])
    assert "We cannot take this deposit" in text_of(page)
    assert b'<form method="post"' not in page.content


def test_the_same_form_twice_is_one_deposit_and_a_double_click_shows_it() -> None:
    client = visitor(player())
    key = key_of(client.get("/deposit/"))
    first, second = tap(client, key=key), tap(client, key=key)
    assert first["Location"] == second["Location"]
    assert made_in(client) == 1


def test_a_spent_key_asks_before_anything_new_is_sent() -> None:
    client = visitor(player())
    key = key_of(client.get("/deposit/"))
    deposit = put(deposit_of(tap(client, key=key)), State.CREDITED)
    answer = tap(client, key=key)
    assert answer["Location"] == f"/deposit/{deposit.reference}/?again=20"
    page = client.get(answer["Location"])
    at = timezone.localtime(deposit.created_at)
    assert (
        f"You already deposited £20 at {at:%H:%M} Reference {deposit.reference}. Nothing new was sent."
        in text_of(page)
    )
    assert made_in(client) == 1
    assert key_of(page) != key
    again = tap(client, key=key_of(page))
    assert deposit_of(again).pk != deposit.pk
    assert made_in(client) == 2


def test_a_spent_key_with_another_amount_offers_that_amount() -> None:
    client = visitor(player())
    key = key_of(client.get("/deposit/"))
    put(deposit_of(tap(client, "20", key=key)), State.CREDITED)
    page = client.get(tap(client, "30", key=key)["Location"])
    assert "You already deposited £20" in text_of(page)
    assert "Deposit £30" in text_of(page)
    assert made_in(client) == 1


def test_a_spent_key_of_a_declined_deposit_claims_no_success() -> None:
    client = visitor(player())
    key = key_of(client.get("/deposit/"))
    put(deposit_of(tap(client, key=key)), State.DECLINED, reason_code="carrier_declined")
    page = client.get(tap(client, key=key)["Location"])
    assert "You already sent this deposit of £20" in text_of(page)


def test_f60_the_same_amount_again_while_one_waits_is_asked_about() -> None:
    client = visitor(player())
    first = deposit_of(tap(client))
    answer = tap(client)
    assert answer["Location"] == f"/deposit/{first.reference}/?another=20"
    page = client.get(answer["Location"])
    assert "£20 by phone bill is still waiting" in text_of(page)
    assert made_in(client) == 1
    tap(client, key=key_of(page), asked="1")
    assert made_in(client) == 2


def test_another_amount_while_one_waits_is_not_asked_about() -> None:
    client = visitor(player())
    tap(client, "20")
    tap(client, "30")
    assert made_in(client) == 2


def test_an_old_waiting_deposit_does_not_ask() -> None:
    client = visitor(player())
    first = deposit_of(tap(client))
    put(first, State.PENDING, created_at=F("created_at") - timedelta(minutes=3))
    tap(client)
    assert made_in(client) == 2


def test_a_key_of_another_player_or_of_nobody_deposits_nothing() -> None:
    foreign = key_of(visitor(player()).get("/deposit/"))
    client = visitor(player())
    for key in (foreign, "made-up", "a.b", "é.ü", "\x00.\x00", "."):
        answer = tap(client, key=key)
        assert answer["Location"] == "/deposit/?amount=20"
    assert made_in(client) == 0


def test_limits_and_history_are_told_in_figures() -> None:
    client = visitor(player(weekly_limit_minor=8_000))
    deposit = deposit_of(tap(client, "20"))
    assert "You can deposit £60.00 more this week. You have used £20.00 of £80.00." in text_of(
        client.get("/deposit/limits/")
    )
    assert "£20.00 Waiting Phone bill" in text_of(client.get("/deposit/history/"))
    assert deposit.reference in text_of(client.get("/deposit/history/"))


def test_a_greyed_amount_says_why() -> None:
    page = visitor(player(weekly_limit_minor=2_500)).get("/deposit/").content.decode()
    off = re.findall(r'value="([^"]+)" data-n="\d"[^>]* disabled', page)
    assert off == ["30", "40"]
    assert "£30, £40: This is above your deposit limit. You have £25 left this week." in page
    free = visitor(player()).get("/deposit/").content.decode()
    assert " disabled" not in free
