"""The door through which browsers come back from the bank: where each is led, and what is refused there."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from pytest_django.fixtures import Settings
from structlog.testing import capture_logs

from accounts.models import Partner
from deposits import links
from deposits.models import Deposit, DepositEvent
from deposits.references import public_id
from deposits.states import Event, State
from tests.deposits.making import partner
from tests.deposits.ui.banks import APPROVAL, BANK, awaiting_approval, door, from_bank, return_of
from tests.deposits.ui.visiting import deposit_of, player, put, tap, text_of, title_of, visitor

pytestmark = pytest.mark.django_db

BACK = "https://casino.example/back?lang=en#cashier"


@pytest.fixture(autouse=True)
def no_demo(settings: Settings) -> None:
    settings.DEMO = False


def players_own() -> tuple[Client, Deposit]:
    """A deposit made on the page and awaiting approval, and its player's browser."""
    client = visitor(player())
    return client, awaiting_approval(deposit_of(tap(client, method=f"bank:{BANK}")))


def partners(return_url: str = BACK, mode: str = "live") -> Deposit:
    """A deposit made over the API and awaiting approval."""
    owner = partner()
    made = from_bank(partner_id=owner.pk, client=f"partner:{owner.pk}:{mode}", return_url=return_url)
    return awaiting_approval(made)


def come_back(client: Client, deposit: Deposit, **changes: str) -> Any:
    """Come back from the bank in this browser."""
    return client.get(door(), return_of(deposit, **changes))


def approvals(deposit: Deposit) -> int:
    """How often an approval of the deposit was taken in."""
    return deposit.events.filter(event=Event.APPROVAL_RETURNED).count()


def test_the_player_is_led_to_the_deposit_which_goes_on(settings: Settings) -> None:
    settings.TIME_DIVISOR = 0.1  # the first words last, however busy the machine
    client, deposit = players_own()
    answer = come_back(client, deposit)
    assert (answer.status_code, answer["Location"]) == (303, f"/deposit/{deposit.reference}/")
    deposit.refresh_from_db()
    assert (deposit.approval_code, deposit.next_step) == ("an-approval", Deposit.Next.CONFIRM)
    page = client.get(answer["Location"])
    assert title_of(page) == "Waiting for Sandbox Bank – £20"
    assert "an-approval" not in page.content.decode()


def test_twice_and_late_changes_nothing_and_shows_the_deposit_as_it_is() -> None:
    client, deposit = players_own()
    come_back(client, deposit)
    assert come_back(client, deposit)["Location"] == f"/deposit/{deposit.reference}/"
    put(deposit, State.CREDITED, approval_code="")
    late = come_back(client, deposit, code="another")
    assert title_of(client.get(late["Location"])) == "Deposited – £20"
    assert approvals(deposit) == 1
    deposit.refresh_from_db()
    assert (deposit.state, deposit.approval_code) == (State.CREDITED, "")


def test_f78_another_browser_is_told_nothing_and_the_deposit_goes_on_all_the_same() -> None:
    _, deposit = players_own()
    for other in (Client(), visitor(player())):
        page = come_back(other, deposit)
        assert (page.status_code, title_of(page)) == (200, "Back from your bank")
        assert "£" not in text_of(page)
        assert deposit.reference not in page.content.decode()
    assert approvals(deposit) == 1


def test_the_partners_player_is_led_to_the_registered_address_with_the_id_and_nothing_else() -> None:
    deposit = partners()
    answer = come_back(Client(), deposit)
    assert answer.status_code == 303
    assert (
        answer["Location"] == f"https://casino.example/back?lang=en&deposit={public_id(deposit.pk)}#cashier"
    )
    assert approvals(deposit) == 1
    # Without an approval it leads there too: what became of it is told by the API.
    refused = partners()
    refusal = Client().get(door(), {"state": return_of(refused)["state"], "error": "access_denied"})
    assert refusal["Location"].startswith("https://casino.example/back?")
    assert approvals(refused) == 0


def test_a_browser_goes_on_by_a_page_that_no_policy_of_the_banks_stops() -> None:
    deposit = partners()
    page = Client().get(door(), return_of(deposit), headers={"Sec-Fetch-Mode": "navigate"})
    assert page.status_code == 200
    address = f"https://casino.example/back?lang=en&deposit={public_id(deposit.pk)}#cashier"
    assert page["Refresh"] == f"0; url={address}"
    assert f'href="{address}"'.replace("&", "&amp;") in page.content.decode()
    assert "£" not in text_of(page)


def test_f81_an_address_off_the_list_is_not_used_any_more() -> None:
    deposit = partners()
    Partner.objects.filter(pk=deposit.partner_id).update(return_addresses=["https://new.example/"])
    assert title_of(come_back(Client(), deposit)) == "Back from your bank"
    local = partners("http://localhost:3000/back")
    assert title_of(come_back(Client(), local)) == "Back from your bank"
    tried = partners("http://localhost:3000/back", mode="test")
    assert come_back(Client(), tried)["Location"].startswith("http://localhost:3000/back?deposit=dep_")


def test_the_holder_of_a_link_comes_back_to_the_page_that_led_to_the_bank(settings: Settings) -> None:
    settings.TIME_DIVISOR = 0.1  # the first words last, however busy the machine
    deposit = partners(return_url="")
    token = urlsplit(links.page_url(deposit.reference)).query
    browser = Client()
    gone = browser.get(f"/deposit/{deposit.reference}/approve/?{token}")
    assert (gone.status_code, gone["Location"]) == (303, APPROVAL)
    back = come_back(browser, deposit)
    assert back["Location"] == f"/deposit/{deposit.reference}/?{token}".replace(":", "%3A")
    assert browser.cookies["approving"].value == ""
    assert title_of(browser.get(back["Location"])) == "Waiting for Sandbox Bank – £20"


def test_an_approval_that_ran_out_or_was_given_leads_to_no_bank() -> None:
    client, deposit = players_own()
    address = f"/deposit/{deposit.reference}/approve/"
    assert client.get(address)["Location"] == APPROVAL
    assert client.head(address)["Location"] == APPROVAL
    come_back(client, deposit)
    assert client.get(address)["Location"] == f"/deposit/{deposit.reference}/"
    put(deposit, State.ACTION_REQUIRED, next_step=Deposit.Next.INQUIRE, action_expires_at=deposit.created_at)
    assert client.get(address)["Location"] == f"/deposit/{deposit.reference}/"
    assert visitor(player()).get(address).status_code == 404
    assert Client().get(address).status_code == 403


def test_f79_what_we_did_not_make_is_refused_logged_and_moves_nothing() -> None:
    client, deposit = players_own()
    other = awaiting_approval(from_bank())
    good = return_of(deposit)
    forged = f"{deposit.reference}.{return_of(other)['state'].partition('.')[2]}"
    before = DepositEvent.objects.count()
    tries: list[tuple[str, Any]] = [
        (door(), {}),
        (door(), {**good, "state": ""}),
        (door(), {**good, "state": good["state"][:-1]}),
        (door(), {**good, "state": forged}),
        (door(), {**good, "state": "é.\x00"}),
        (door(), {**good, "iss": "https://evil.example"}),
        (door(), {**good, "code": "a" * 10_000}),
        (door(), {**good, "state": [good["state"], return_of(other)["state"]]}),
        (door("sandbox-bank-slow"), good),
        ("/deposit/return/sandbox-mobile/", good),
        ("/deposit/return/nowhere/", good),
    ]
    for address, query in tries:
        with capture_logs() as lines:
            page = client.get(address, query)
        assert (page.status_code, title_of(page)) == (400, "This address cannot be used"), query
        assert "return_refused" in [line["event"] for line in lines], query
        assert "an-approval" not in str(lines) + page.content.decode()
        assert "£" not in text_of(page)
    assert DepositEvent.objects.count() == before
    deposit.refresh_from_db()
    assert (deposit.state, deposit.approval_code) == (State.ACTION_REQUIRED, "")


def test_only_a_browser_that_comes_back_is_taken_in() -> None:
    client, deposit = players_own()
    for method in (client.head, client.post, client.put):
        assert method(door(), return_of(deposit)).status_code == 405
    assert approvals(deposit) == 0
