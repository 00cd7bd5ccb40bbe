"""What can be looked up after a deposit: how it came, a receipt, the list, and help."""

from __future__ import annotations

import csv
import io

import pytest

from deposits.models import DepositEvent
from deposits.states import Event, State
from tests.deposits.ui.visiting import deposit_of, player, put, tap, text_of, visitor

pytestmark = pytest.mark.django_db


def test_each_hop_is_told_in_the_players_words() -> None:
    client = visitor(player())
    deposit = put(deposit_of(tap(client)), State.CREDITED)
    states = State.RECEIVED, State.SUBMITTING, State.UNKNOWN, State.UNKNOWN, State.CREDITED
    events = Event.SENDING, Event.SILENCE, Event.SILENCE, Event.APPROVED
    for event, before, after in zip(events, states[:-1], states[1:], strict=True):
        DepositEvent.objects.create(
            deposit=deposit, event=event, from_state=before, to_state=after, actor_kind="worker"
        )
    words = text_of(client.get(f"/deposit/{deposit.reference}/"))
    told = [
        "You asked for it",
        "Sent to Sandbox Mobile",
        "Sandbox Mobile did not answer, so we asked again",
        "Sandbox Mobile said yes: it is in your balance",
    ]
    assert all(one in words for one in told)
    assert [words.index(one) for one in told] == sorted(words.index(one) for one in told)
    assert words.count("did not answer") == 1


def test_a_neutral_reason_stays_neutral_in_the_hops() -> None:
    client = visitor(player())
    deposit = put(deposit_of(tap(client)), State.DECLINED, reason_code="not_accepted")
    DepositEvent.objects.create(
        deposit=deposit,
        event=Event.DECLINED,
        from_state=State.SUBMITTING,
        to_state=State.DECLINED,
        actor_kind="worker",
    )
    words = text_of(client.get(f"/deposit/{deposit.reference}/"))
    assert "Not deposited" in words
    assert "said no" not in words


@pytest.mark.parametrize("event", sorted(Event.values))
def test_no_hop_shows_a_code(event: str) -> None:
    client = visitor(player())
    deposit = put(deposit_of(tap(client)), State.CREDITED)
    DepositEvent.objects.create(
        deposit=deposit, event=event, from_state="", to_state=State.CREDITED, actor_kind="worker"
    )
    hops = text_of(client.get(f"/deposit/{deposit.reference}/")).partition("What happened")[2]
    assert "_" not in hops


def test_a_receipt_can_be_kept() -> None:
    client = visitor(player())
    deposit = put(deposit_of(tap(client)), State.CREDITED)
    address = f"/deposit/{deposit.reference}/receipt/"
    assert address in client.get(f"/deposit/{deposit.reference}/").content.decode()
    answer = client.get(address)
    assert answer["Content-Disposition"] == f'attachment; filename="receipt-{deposit.reference}.txt"'
    assert "no-store" in answer["Cache-Control"]
    body = answer.content.decode()
    for told in (deposit.reference, "£20.00", "Phone bill, ending 001", "PAYSITE*CASINO"):
        assert told in body


def test_there_is_a_receipt_of_ones_own_deposits_that_were_made_and_of_no_others() -> None:
    client = visitor(player())
    deposit = deposit_of(tap(client))
    address = f"/deposit/{deposit.reference}/receipt/"
    assert client.get(address).status_code == 404
    put(deposit, State.CREDITED)
    assert client.get(address).status_code == 200
    assert visitor(player()).get(address).status_code == 404


def test_the_list_offers_help_with_each_and_a_file() -> None:
    client = visitor(player())
    deposit = put(deposit_of(tap(client)), State.CREDITED)
    page = client.get("/deposit/history/").content.decode()
    assert f"subject=Deposit%20{deposit.reference}" in page
    rows = list(csv.reader(io.StringIO(client.get("/deposit/history/deposits.csv").content.decode())))
    assert rows[0] == ["reference", "time", "amount", "currency", "method", "state"]
    assert [rows[1][at] for at in (0, 2, 3, 4, 5)] == [
        deposit.reference,
        "20.00",
        "GBP",
        "Phone bill",
        "Deposited",
    ]
