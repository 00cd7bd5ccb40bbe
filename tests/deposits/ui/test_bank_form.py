"""Choosing a bank on the deposit page: by its name, the one of last time first, without script."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from deposits.models import Breaker, Deposit
from deposits.states import State
from tests.deposits.ui.visiting import (
    deposit_of,
    key_of,
    made_in,
    player,
    put,
    tap,
    text_of,
    title_of,
    visitor,
)

pytestmark = pytest.mark.django_db

SANDBOX = "bank:sandbox-bank"


def chosen(page: Any) -> str:
    """The way to pay that is chosen on a page."""
    found = re.findall(r'name="method" value="([^"]+)" data-p="[^"]+" checked', page.content.decode())
    assert len(found) == 1, found
    return str(found[0])


def offered(page: Any) -> list[str]:
    """The ways to pay on a page, in order."""
    return re.findall(r'type="radio" name="method" value="([^"]+)"', page.content.decode())


def test_a_bank_is_offered_beside_the_phone_and_typed_by_name() -> None:
    page = visitor(player()).get("/deposit/")
    phone, bank = offered(page)
    assert (chosen(page), bank) == (phone, "another-bank")
    assert '<label for="bank">Name of your bank</label>' in page.content.decode()
    assert "<option>Sandbox Bank</option>" in page.content.decode()


@pytest.mark.parametrize("name", ["Sandbox Bank", "sandbox bank", " SANDBOX  ", "dbox b"])
def test_a_part_of_a_name_that_fits_one_bank_is_enough(name: str) -> None:
    client = visitor(player())
    deposit = deposit_of(tap(client, method="another-bank", bank=name))
    assert (deposit.method_type, deposit.carrier, deposit.phone_number) == ("bank", "sandbox-bank", "")


def test_a_part_that_fits_several_banks_brings_those_to_choose_from() -> None:
    client = visitor(player())
    answer = tap(client, method="another-bank", bank="ar")
    page = client.get(answer["Location"])
    assert title_of(page) == "Problem: Deposit"
    assert text_of(page).count("Choose one of the banks below") == 2
    assert offered(page)[-2:] == [
        "bank:sandbox-bank-blocks",
        "bank:sandbox-bank-lost",
    ]  # Careful and Faraway Bank
    assert made_in(client) == 0
    chosen_one = tap(client, method="bank:sandbox-bank-lost", key=key_of(page))
    assert deposit_of(chosen_one).carrier == "sandbox-bank-lost"


@pytest.mark.parametrize(
    ("name", "told"),
    [("", "Enter the name of your bank"), ("Bank of Nowhere", "We do not know a bank of that name")],
)
def test_a_name_that_fits_no_bank_is_told_at_the_field_and_kept(name: str, told: str) -> None:
    client = visitor(player())
    page = client.get(tap(client, method="another-bank", bank=name)["Location"])
    assert text_of(page).count(told) == 2
    assert '<a href="#bank">' in page.content.decode()
    assert f'spellcheck="false" value="{name}"' in page.content.decode()
    assert made_in(client) == 0


@pytest.mark.parametrize("method", ["bank:sandbox-mobile", "bank:nowhere", "bank:", "bank"])
def test_what_is_no_bank_deposits_nothing(method: str) -> None:
    client = visitor(player())
    assert tap(client, method=method)["Location"].startswith("/deposit/?")
    assert made_in(client) == 0


def test_the_bank_of_last_time_is_chosen_and_named_on_the_button() -> None:
    client = visitor(player())
    put(deposit_of(tap(client, method=SANDBOX)), State.CREDITED)
    page = client.get("/deposit/")
    assert offered(page)[0] == chosen(page) == SANDBOX
    assert '<span data-l="2">Deposit £20 from Sandbox Bank</span>' in page.content.decode()
    assert b'value="20" data-n="2" checked' in page.content
    assert "Use another bank" in text_of(page)


def test_another_bank_than_last_time_is_typed_and_suggested_the_last_one_first() -> None:
    client = visitor(player())
    put(deposit_of(tap(client, method="bank:sandbox-bank-slow")), State.CREDITED)
    page = client.get("/deposit/?method=another-bank")
    assert chosen(page) == "another-bank"
    assert re.findall(r"<option>([^<]+)", page.content.decode())[:2] == ["Slow Bank", "Careful Bank"]


def test_after_a_phone_the_bank_of_last_time_is_one_tap_away() -> None:
    client = visitor(player())
    put(deposit_of(tap(client, method=SANDBOX)), State.CREDITED)
    by_phone = offered(client.get("/deposit/"))[1]
    put(deposit_of(tap(client, "10", method=by_phone, reviewed="1")), State.CREDITED)
    page = client.get("/deposit/")
    assert chosen(page).isdigit()
    assert offered(page) == [chosen(page), SANDBOX]


def test_an_address_chooses_the_bank_of_last_time_or_a_new_one() -> None:
    client = visitor(player())
    assert chosen(client.get("/deposit/?method=bank")) == "another-bank"
    put(deposit_of(tap(client, method=SANDBOX)), State.CREDITED)
    assert chosen(client.get("/deposit/?method=bank")) == SANDBOX
    assert chosen(client.get("/deposit/?method=phone")).isdigit()


def test_what_a_bank_takes_is_more_than_a_phone_and_is_said() -> None:
    client = visitor(player())
    assert deposit_of(tap(client, "other", other="250", method=SANDBOX)).amount_minor == 25_000
    page = client.get(tap(client, "other", other="501", method=SANDBOX)["Location"])
    assert "Enter an amount from £5 to £500" in text_of(page)
    assert "from £5 to £500 from your bank" in text_of(client.get("/deposit/?method=bank:sandbox-bank-slow"))


def test_a_tap_leads_on_to_the_bank_only_with_script(settings: Settings) -> None:
    settings.TIME_DIVISOR = 0.1  # the first words last, however busy the machine
    client = visitor(player())
    answer = tap(client, method=SANDBOX)
    deposit = deposit_of(answer)
    assert (answer.status_code, answer["Location"]) == (303, f"/deposit/{deposit.reference}/?go=1")
    page = client.get(answer["Location"])
    assert title_of(page) == "Opening Sandbox Bank – £20"
    assert 'data-on="go"' in page.content.decode()
    assert "data-on=" not in client.get(f"/deposit/{deposit.reference}/").content.decode()


def test_the_same_amount_from_the_same_bank_is_asked_about_and_from_another_not() -> None:
    client = visitor(player())
    first = deposit_of(tap(client, method=SANDBOX))
    answer = tap(client, method=SANDBOX)
    assert answer["Location"] == f"/deposit/{first.reference}/?another=20"
    page = client.get(answer["Location"])
    assert "£20 from Sandbox Bank is still waiting" in text_of(page)
    assert f'name="method" value="{SANDBOX}"' in page.content.decode()
    tap(client, method="bank:sandbox-bank-slow")
    assert made_in(client) == 2
    tap(client, method=SANDBOX, key=key_of(page), asked="1")
    assert Deposit.objects.filter(player_id=client.session["player_id"], carrier="sandbox-bank").count() == 2


def test_what_waits_is_named_by_its_bank() -> None:
    client = visitor(player())
    put(deposit_of(tap(client, method=SANDBOX)), State.ACTION_REQUIRED)
    assert "£20 from Sandbox Bank needs your approval. See it" in text_of(client.get("/deposit/"))
    assert "£20.00 Needs your approval Sandbox Bank" in text_of(client.get("/deposit/history/"))


def test_without_banks_nothing_is_said_of_them(settings: Settings) -> None:
    settings.CARRIERS = [one for one in settings.CARRIERS if one["adapter"] == "camara"]
    page = visitor(player()).get("/deposit/?method=bank")
    assert "bank" not in text_of(page).lower()
    assert chosen(page).isdigit()


def test_without_phone_bill_the_bank_is_all_there_is(settings: Settings) -> None:
    settings.CARRIERS = [one for one in settings.CARRIERS if one["adapter"] != "camara"]
    client = visitor(player())
    assert offered(client.get("/deposit/")) == ["another-bank"]
    assert "phone" not in text_of(client.get("/deposit/")).lower()


def shut(carrier: str) -> None:
    """Open the breaker of a carrier or bank, as workers do when it does not answer."""
    Breaker.objects.create(
        carrier=carrier, operation="authorise", state="open", reason="test", changed_at=Now()
    )


def test_a_phone_bill_that_is_down_is_greyed_and_the_bank_is_preselected() -> None:
    client = visitor(player())
    shut("sandbox-mobile")
    page = client.get("/deposit/")
    assert chosen(page) == "another-bank"
    assert re.search(r'name="method" value="\d+" data-p="phone" disabled>', page.content.decode())
    assert "Phone bill Not available right now" in text_of(page)
    # Whoever asks for it all the same is let: the deposit waits until the network is back.
    assert chosen(client.get("/deposit/?method=phone")).isdigit()


def test_a_bank_that_is_down_gives_way_to_the_phone_and_both_down_to_neither() -> None:
    client = visitor(player())
    put(deposit_of(tap(client, method=SANDBOX)), State.CREDITED)
    shut("sandbox-bank")
    page = client.get("/deposit/")
    assert chosen(page).isdigit()
    assert "Sandbox Bank Not available right now" in text_of(page)
    shut("sandbox-mobile")
    assert chosen(client.get("/deposit/")) == SANDBOX
