"""S11: a carrier that texts the player a question says so itself; the page says what to reply, and moves on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from deposits.models import Deposit
from deposits.states import State
from tests.deposits.ui.visiting import deposit_of, player, put, tap, text_of, title_of, visitor

pytestmark = pytest.mark.django_db

SEND = "Send YES to 84433 to confirm £20. This page moves on by itself."


@pytest.fixture(autouse=True)
def _the_carrier_asks_by_text(settings: Any) -> None:
    settings.CARRIERS = [
        {**one, "reply_text": "YES", "reply_to": "84433"} if one["adapter"] == "camara" else one
        for one in settings.CARRIERS
    ]


def waiting(state: State, **fields: Any) -> tuple[Client, Deposit]:
    client = visitor(player())
    return client, put(deposit_of(tap(client)), state, **fields)


def see(client: Client, deposit: Deposit) -> Any:
    return client.get(f"/deposit/{deposit.reference}/")


def test_what_to_reply_is_told_once_the_carrier_has_the_order() -> None:
    client, deposit = waiting(State.PENDING)
    page = see(client, deposit)
    assert title_of(page) == "Reply to the text from Sandbox Mobile – £20"
    assert SEND in text_of(page)
    assert b'data-screen="S11"' in page.content
    assert b'data-live="http' in page.content
    assert "Nothing arrived?" in text_of(page)
    assert "Check again" in text_of(page)
    assert "charged" not in text_of(page)


@pytest.mark.parametrize("state", [State.RECEIVED, State.SUBMITTING, State.UNKNOWN])
def test_while_it_may_not_have_the_order_no_text_is_promised(state: State) -> None:
    assert "84433" not in text_of(see(*waiting(state)))


def test_when_it_takes_longer_than_an_answer_may_the_outcome_is_unknown() -> None:
    client, deposit = waiting(State.PENDING, created_at=timezone.now() - timedelta(hours=1))
    assert b'data-screen="S9"' in see(client, deposit).content


def test_a_reply_that_never_came_is_told_as_what_it_was() -> None:
    client, deposit = waiting(State.EXPIRED, reason_code="carrier_reply_timeout")
    assert "The confirmation ran out" in text_of(see(client, deposit))


def test_a_carrier_that_asks_nothing_is_waited_for_as_before(settings: Any) -> None:
    settings.CARRIERS = [{**one, "reply_text": "", "reply_to": ""} for one in settings.CARRIERS]
    assert b'data-screen="S11"' not in see(*waiting(State.PENDING)).content
