"""A deposit is found by whatever somebody holds of it, exactly."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from django.test import Client

from deposits.models import Deposit
from deposits.references import public_id
from tests.deposits.admin.staging import LIST, page_of
from tests.deposits.making import accepted


def search(staff: Client, text: str) -> str:
    """Search for `text`; return where it leads, or "" when it shows a list."""
    response = staff.get(f"{LIST}?{urlencode({'q': text})}")
    return str(response["Location"]) if response.status_code == 302 else ""


@pytest.mark.parametrize(
    "name",
    [
        lambda d: d.reference,
        lambda d: d.reference.lower(),
        lambda d: d.reference.replace("-", ""),
        lambda d: d.reference.replace("-", " "),
        lambda d: f"  {d.reference}\n",
        # Read over the phone: the alphabet has neither I nor O.
        lambda d: d.reference.replace("0", "O").replace("1", "I"),
        lambda d: public_id(d.pk),
        lambda d: str(d.pk),
        lambda d: d.pk.hex.upper(),
        lambda d: d.partner_reference,
        lambda d: d.carrier_payment_id,
        lambda d: d.idempotency_key,
        lambda d: d.player.external_id,
    ],
)
def test_one_deposit_is_opened_at_once(
    staff: Client, deposit: Deposit, name: Callable[[Deposit], str]
) -> None:
    assert search(staff, name(deposit)) == page_of(deposit)


@pytest.mark.parametrize("written", ["+447700900987", "+44 7700 900987", "00447700900987", "447700900987"])
def test_a_phone_number_is_found_as_it_is_written(staff: Client, written: str) -> None:
    deposit = accepted("987")
    assert search(staff, written) == page_of(deposit)


def test_several_are_listed_and_a_part_of_a_name_finds_nothing(staff: Client, deposit: Deposit) -> None:
    player = deposit.player.external_id
    other = accepted("002", partner_id=deposit.partner_id, player=player)
    response = staff.get(f"{LIST}?q={player}").content.decode()
    assert deposit.reference in response
    assert other.reference in response
    assert "Nothing found" in staff.get(f"{LIST}?q={deposit.reference[:6]}").content.decode()
    assert "Nothing found" in staff.get(f"{LIST}?q=order-7").content.decode()


@pytest.mark.parametrize("text", ["%", "' OR 1=1 --", "\x00", "D-", "+", "dep_", "🙂", "a" * 400])
def test_nonsense_finds_nothing_and_breaks_nothing(staff: Client, deposit: Deposit, text: str) -> None:
    response = staff.get(f"{LIST}?{urlencode({'q': text})}")
    assert response.status_code == 200
    assert deposit.reference not in response.content.decode()


def test_a_page_can_be_addressed_by_reference(staff: Client, deposit: Deposit) -> None:
    response = staff.get(f"{LIST}{deposit.reference.lower()}/change/")
    assert deposit.reference in response.content.decode()
