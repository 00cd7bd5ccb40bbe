"""S16, and a success that came late: a player takes back what went through against his will, by himself and once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts import ledger
from deposits import links
from deposits.actions.refunds import take_back
from deposits.models import Deposit, Refund
from deposits.refund_states import State
from tests.deposits.ui.visiting import key_of, player, text_of, visitor
from tests.refunds.conftest import Returning, ask, bookings
from tests.refunds.test_requests import spend

REFUND = "Refund this"
TOO_LATE = "It cannot be refunded here any more. Contact us if you need help."


def page_of(client: Client, deposit: Deposit, note: str = "?note=late-cancel") -> Any:
    return client.get(f"/deposit/{deposit.reference}/{note}")


def send(client: Client, deposit: Deposit, key: str) -> Any:
    return client.post(f"/deposit/{deposit.reference}/take-back/", {"key": key}, follow=True)


def test_what_went_through_before_it_was_cancelled_goes_back_at_a_tap(returning: Returning) -> None:
    deposit = returning.credited()
    client = visitor(deposit.player)
    page = page_of(client, deposit)
    words = text_of(page)
    assert "It went through before you cancelled." in words
    assert words.index("Play") < words.index(REFUND) < words.index("Deposit again")
    answer = send(client, deposit, key_of(page))
    assert "£20.00 is on its way back to your phone bill. It has been taken from your balance." in text_of(
        answer
    )
    assert REFUND not in text_of(page_of(client, deposit))
    refund = Refund.objects.get(deposit=deposit)
    assert (refund.amount_minor, refund.reason, refund.client) == (
        2_000,
        Refund.Reason.PLAYER_REQUEST,
        f"player:{deposit.player_id}",
    )
    assert ledger.player_balance_minor(deposit.player_id, "GBP") == 0
    returning.work(refund)
    refund.refresh_from_db()
    assert (refund.state, bookings(refund)) == (State.RETURNED, ["refund_held", "refund_returned"])


def test_two_taps_are_one_refund(returning: Returning) -> None:
    deposit = returning.credited()
    client = visitor(deposit.player)
    key = key_of(page_of(client, deposit))
    for _ in range(2):
        assert TOO_LATE not in text_of(send(client, deposit, key))
    assert Refund.objects.filter(deposit=deposit).count() == 1


def test_it_is_not_offered_where_nothing_went_against_the_players_will(returning: Returning) -> None:
    deposit = returning.credited()
    assert REFUND not in text_of(page_of(visitor(deposit.player), deposit, ""))


def test_what_came_late_is_offered_to_be_taken_back(returning: Returning) -> None:
    deposit = returning.credited()
    Deposit.objects.filter(pk=deposit.pk).update(credited_late=True)
    assert REFUND in text_of(page_of(visitor(deposit.player), deposit, ""))


@pytest.mark.parametrize("hindrance", ["old", "spent", "refunded before"])
def test_what_is_old_spent_or_refunded_before_is_for_staff(
    returning: Returning, monkeypatch: pytest.MonkeyPatch, hindrance: str
) -> None:
    deposit = returning.credited()
    client = visitor(deposit.player)
    key = key_of(page_of(client, deposit))
    match hindrance:
        case "old":
            monkeypatch.setattr(take_back, "TAKE_BACK_WITHIN_S", 0)
        case "spent":
            spend(deposit, 1)
        case _:
            ask(deposit, 500)
    refunds = Refund.objects.filter(deposit=deposit).count()
    assert TOO_LATE in text_of(send(client, deposit, key))
    assert REFUND not in text_of(page_of(client, deposit))
    assert Refund.objects.filter(deposit=deposit).count() == refunds


def test_a_link_and_a_stranger_take_nothing_back(returning: Returning) -> None:
    deposit = returning.credited()
    key = key_of(page_of(visitor(deposit.player), deposit))
    stranger, anybody = visitor(player("002")), visitor(None)
    assert send(stranger, deposit, key).status_code == 404
    link = links.page_url(deposit.reference).partition("?t=")[2]
    address = f"/deposit/{deposit.reference}/"
    assert REFUND not in text_of(anybody.get(f"{address}?t={link}&note=late-cancel"))
    anybody.post(f"{address}take-back/?t={link}", {"key": key})
    assert not Refund.objects.filter(deposit=deposit).exists()
