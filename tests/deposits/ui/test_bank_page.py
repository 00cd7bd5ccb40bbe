"""The page of a deposit from a bank: the approval, each reason in its words, and that no link leads on by accident."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from carriers import reasons
from carriers.reasons import CHARGE_STATEMENTS, REASONS
from deposits.models import Deposit
from deposits.states import State
from deposits.ui.deposit_page import GO_ON
from tests.deposits.ui.banks import APPROVAL, BANK, awaiting_approval
from tests.deposits.ui.test_deposit_page import BANNED
from tests.deposits.ui.visiting import deposit_of, key_of, player, put, tap, text_of, title_of, visitor

pytestmark = pytest.mark.django_db

ENDINGS = sorted(
    code for code in REASONS if code.startswith("bank_") and REASONS[code].charge == "not_charged"
)


def of_player(state: State, **fields: Any) -> tuple[Client, Deposit]:
    """A deposit from the sandbox's bank in this state, and its player's browser."""
    client = visitor(player())
    return client, put(deposit_of(tap(client, method=f"bank:{BANK}")), state, **fields)


def awaited(**fields: Any) -> tuple[Client, Deposit]:
    """A deposit that its player has to approve."""
    client = visitor(player())
    return client, awaiting_approval(deposit_of(tap(client, method=f"bank:{BANK}")), **fields)


def see(client: Client, deposit: Deposit, query: str = "") -> Any:
    return client.get(f"/deposit/{deposit.reference}/{query}")


def panel_of(page: Any) -> str:
    return str(page.content.decode().split('id="panel"')[1].split("</main>")[0])


def test_the_player_is_asked_to_approve_at_the_bank() -> None:
    client, deposit = awaited()
    page = see(client, deposit)
    assert title_of(page) == "Approve in your bank's app – £20".replace("'", "&#x27;")
    assert "Amount £20.00 to Paysite Casino. It can be approved until" in text_of(page)
    panel = panel_of(page)
    assert 'data-screen="S12"' in panel
    link = f'<a class="button" href="/deposit/{deposit.reference}/approve/" data-go>Open Sandbox Bank</a>'
    assert link in panel
    assert "Cancel" in panel
    # The bank's address is behind our own door, and not in the page.
    assert APPROVAL not in page.content.decode()
    assert "data-on=" not in page.content.decode()
    assert f'data-on="{GO_ON}"' in see(client, deposit, f"?{GO_ON}=1").content.decode()


def test_an_approval_can_be_cancelled() -> None:
    client, deposit = awaited()
    client.post(f"/deposit/{deposit.reference}/cancel/", {"key": key_of(see(client, deposit)), "live": "1"})
    assert title_of(see(client, deposit)) == "Cancelling – £20"
    deposit.refresh_from_db()
    assert deposit.next_step == Deposit.Next.CANCEL


def test_who_comes_back_without_an_approval_can_open_the_bank_again() -> None:
    client, deposit = awaited(reason_code="bank_not_approved")
    page = see(client, deposit)
    assert "You came back without approving it." in text_of(page)
    assert CHARGE_STATEMENTS["not_charged"] in text_of(page)
    assert "Open Sandbox Bank again" in text_of(page)


def test_an_approval_that_ran_out_leads_nowhere() -> None:
    client, deposit = awaited(action_expires_at=timezone.now() - timedelta(seconds=1))
    assert "The approval ran out" in text_of(see(client, deposit))
    assert "/approve/" not in panel_of(see(client, deposit))


@pytest.mark.parametrize("code", ENDINGS)
def test_every_reason_is_told_in_plain_words_with_one_primary_step(code: str) -> None:
    client, deposit = of_player(State.DECLINED, reason_code=code)
    page = see(client, deposit)
    words = text_of(page).replace(deposit.reference, "")
    shown = reasons.render(code, bank="Sandbox Bank", methods=frozenset({"bank", "carrier_billing"}))
    assert f"<h1>{shown.title}</h1>" in page.content.decode().replace("&#x27;", "'")
    assert shown.text in words
    assert CHARGE_STATEMENTS["not_charged"] in words
    assert not BANNED.search(words), BANNED.search(words)
    assert len(re.findall(r'class="button"', page.content.decode())) == 1
    assert shown.next[0].label in panel_of(page)


def test_each_step_leads_where_it_says_with_the_amount_kept() -> None:
    client, deposit = of_player(State.DECLINED, reason_code="bank_insufficient_funds")
    panel = panel_of(see(client, deposit))
    assert f'href="/deposit/?amount=20&amp;method=bank:{BANK}#amount">Choose a smaller amount' in panel
    assert 'href="/deposit/?amount=20&amp;method=another-bank#bank">Use another account' in panel
    put(deposit, State.DECLINED, reason_code="bank_unavailable")
    panel = panel_of(see(client, deposit))
    assert f'href="/deposit/?amount=20&amp;method=bank:{BANK}">Try in a few minutes' in panel
    assert 'href="/deposit/?amount=20&amp;method=phone">Use another method' in panel


def test_a_gambling_block_offers_no_other_way_to_pay_and_no_second_try(settings: Settings) -> None:
    settings.DEMO = False
    client, deposit = of_player(State.DECLINED, reason_code="bank_gambling_block")
    page = see(client, deposit)
    body = page.content.decode().split("<main>")[1]
    addresses = set(re.findall(r'href="(/[^"]*)"', body.split("<nav")[0]))
    assert addresses == {"/deposit/limits/", "/deposit/history/"}
    assert "<form" not in body
    assert "Support and tools" in text_of(page)


def test_what_the_bank_has_accepted_is_still_being_sent() -> None:
    client, deposit = of_player(
        State.PENDING, next_step=Deposit.Next.INQUIRE, consent_id="c", carrier_payment_id="p"
    )
    text = text_of(see(client, deposit))
    assert title_of(see(client, deposit)) == "Your bank is still sending it – £20"
    assert "We do not know yet if you were charged. It can take up to 2 hours." in text
    assert CHARGE_STATEMENTS["not_charged"] not in text
    put(deposit, State.PENDING, created_at=F("created_at") - timedelta(hours=3))
    assert "We are checking this deposit with Sandbox Bank" in text_of(see(client, deposit))


@pytest.mark.parametrize("state", [State.SUBMITTING, State.UNKNOWN])
def test_before_there_is_an_approval_nothing_can_have_been_charged(state: State) -> None:
    client, deposit = of_player(state, created_at=F("created_at") - timedelta(seconds=30))
    assert CHARGE_STATEMENTS["not_charged"] in text_of(see(client, deposit))
    put(deposit, state, credential="sealed")
    assert CHARGE_STATEMENTS["unknown"] in text_of(see(client, deposit))


def test_a_deposit_made_names_the_bank_and_the_statement() -> None:
    client, deposit = of_player(State.CREDITED)
    text = text_of(see(client, deposit))
    assert "It will be on your Sandbox Bank statement as PAYSITE CASINO." in text
    assert "Method Sandbox Bank" in text


def test_the_question_before_a_second_deposit_is_about_the_same_bank() -> None:
    client, deposit = of_player(State.CREDITED)
    page = see(client, deposit, "?again=20")
    assert f'name="method" value="bank:{BANK}"' in page.content.decode()
    again = tap(client, method=f"bank:{BANK}", key=key_of(page))
    assert deposit_of(again).carrier == BANK


def test_a_phone_that_said_no_offers_the_bank() -> None:
    client = visitor(player())
    deposit = put(deposit_of(tap(client)), State.DECLINED, reason_code="carrier_declined")
    assert 'href="/deposit/?amount=20&amp;method=bank">Pay from bank' in panel_of(see(client, deposit))
