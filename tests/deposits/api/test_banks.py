"""Deposits from banks over the API: the bank, the redirect, the way back, and the list of ways to pay."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Partner
from deposits.api import examples
from deposits.models import Breaker, Deposit
from deposits.states import State
from tests.deposits.api.calling import DEPOSITS, Api, body, check_problem, new_key, stored
from tests.deposits.api.conftest import MakeApi
from tests.deposits.ui.banks import APPROVAL, awaiting_approval
from tests.deposits.ui.visiting import put

pytestmark = pytest.mark.django_db

METHODS = "/api/v1/methods"
FROM_BANK = {"type": "bank", "bank_id": "sandbox-bank"}


def deposit_of(answer: Any) -> Deposit:
    """The row of a deposit as it was answered."""
    return Deposit.objects.get(reference=answer.json()["reference"])


def test_a_deposit_from_a_bank_is_accepted_once_per_key(api: Api) -> None:
    sent, key = body(method=FROM_BANK), new_key()
    first, again = api.create(sent, key), api.create(sent, key)
    assert (first.status_code, again.status_code) == (201, 200)
    shown = first.json()
    assert shown["method"] == {"type": "bank", "bank_id": "sandbox-bank", "bank": "Sandbox Bank"}
    assert (shown["status"], shown["money"], shown["next_action"]) == ("processing", "none", None)
    deposit = deposit_of(first)
    assert (deposit.method_type, deposit.carrier, deposit.phone_number) == ("bank", "sandbox-bank", "")
    assert again.json()["id"] == shown["id"]
    other = {**FROM_BANK, "bank_id": "sandbox-bank-slow"}
    check_problem(api.create({**sent, "method": other}, key), 422, "idempotency_key_reused")


def test_the_next_action_is_the_banks_address_until_it_was_approved(api: Api) -> None:
    deposit = awaiting_approval(deposit_of(api.create(body(method=FROM_BANK))))
    shown = api.get(f"{DEPOSITS}/{deposit.reference}").json()
    assert (shown["status"], shown["money"]) == ("action_required", "none")
    assert shown["next_action"] == {
        "type": "redirect",
        "url": APPROVAL,
        "expires_at": deposit.action_expires_at.isoformat().replace("+00:00", "Z"),  # type: ignore[union-attr]
    }
    put(deposit, State.ACTION_REQUIRED, next_step=Deposit.Next.CONFIRM, approval_code="an-approval")
    moved_on = api.get(f"{DEPOSITS}/{deposit.reference}")
    assert moved_on.json()["next_action"] is None
    assert b"an-approval" not in moved_on.content


def test_what_the_bank_is_still_sending_has_a_reason_and_offers_no_second_deposit(api: Api) -> None:
    deposit = deposit_of(api.create(body(method=FROM_BANK)))
    put(deposit, State.PENDING, next_step=Deposit.Next.INQUIRE, consent_id="c", carrier_payment_id="p")
    shown = api.get(f"{DEPOSITS}/{deposit.reference}").json()
    assert (shown["status"], shown["money"]) == ("processing", "unknown")
    assert shown["reason"]["code"] == "bank_pending"
    assert [step["action"] for step in shown["reason"]["next"]] == ["my_deposits"]


def test_a_gambling_block_offers_no_other_way_to_pay(api: Api) -> None:
    deposit = deposit_of(api.create(body(method=FROM_BANK)))
    put(deposit, State.DECLINED, reason_code="bank_gambling_block")
    reason = api.get(f"{DEPOSITS}/{deposit.reference}").json()["reason"]
    assert [step["action"] for step in reason["next"]] == ["support_tools", "my_limits"]
    assert reason["text"].endswith("do not offer another way to pay. You have not been charged.")


@pytest.mark.parametrize(
    ("method", "code", "field", "field_code"),
    [
        ({"type": "bank", "bank_id": "no-bank"}, "bank_unknown", "method.bank_id", "bank_unknown"),
        ({"type": "bank", "bank_id": "sandbox-mobile"}, "bank_unknown", "method.bank_id", "bank_unknown"),
        ({"type": "bank", "bank_id": ""}, "bank_unknown", "method.bank_id", "bank_unknown"),
        ({"type": "bank", "bank_id": 1}, "validation_failed", "method.bank_id", "wrong_type"),
        ({"type": "bank"}, "validation_failed", "method.bank_id", "missing"),
        (
            {**FROM_BANK, "phone_number": "+447700900001"},
            "validation_failed",
            "method.phone_number",
            "unknown_field",
        ),
        (
            {"type": "carrier_billing", "phone_number": "+447700900001", "bank_id": "sandbox-bank"},
            "validation_failed",
            "method.bank_id",
            "unknown_field",
        ),
        ({"type": "card"}, "method_not_supported", "method.type", "method_not_supported"),
    ],
)
def test_a_method_that_will_not_do_is_named(
    api: Api, method: dict[str, Any], code: str, field: str, field_code: str
) -> None:
    before = stored()
    check_problem(api.create(body(method=method)), 422, code, field, field_code)
    assert stored() == before


def test_the_error_lists_what_would_be_right(api: Api) -> None:
    unknown = api.create(body(method={"type": "bank", "bank_id": "no-bank"})).json()["errors"][0]["detail"]
    assert unknown.startswith("Send the id of one of our banks: sandbox-bank, sandbox-bank-slow, ")
    card = api.create(body(method={"type": "card"})).json()["errors"][0]["detail"]
    assert card == "Send one of: bank, carrier_billing."


def test_more_than_the_bank_takes_is_refused_with_the_range(api: Api) -> None:
    problem = check_problem(api.create(body(method=FROM_BANK, amount=50_001)), 422, "amount_out_of_range")
    assert problem["reason"]["title"] == "Choose from £5 to £500"


def test_f81_an_address_that_is_not_registered_is_refused_with_those_that_are(make_api: MakeApi) -> None:
    api = make_api("live")
    before = stored()
    for url in (
        "https://evil.example/back",
        "https://casino.example.evil.example/",
        "https://casino.example:1/",
    ):
        answer = api.create(body(return_url=url))
        code = "return_url_not_registered"
        problem = check_problem(answer, 422, code, "return_url", code)
        assert "https://casino.example/, https://casino.example:8443/" in problem["errors"][0]["detail"]
    assert stored() == before


def test_what_was_accepted_is_repeated_after_its_address_was_taken_off_the_list(api: Api) -> None:
    sent, key = body(return_url="https://casino.example/back"), new_key()
    made = api.create(sent, key).json()
    Partner.objects.filter(pk=Deposit.objects.get(reference=made["reference"]).partner_id).update(
        return_addresses=["https://new.example/"]
    )
    assert api.create(sent, key).json()["id"] == made["id"]
    assert api.create({**sent, "return_url": "https://new.example/back"}).status_code == 201


def test_the_ways_to_pay_are_listed_with_what_they_take(api: Api) -> None:
    Breaker.objects.create(
        carrier="sandbox-bank-slow",
        operation="authorise",
        state="open",
        reason="test",
        changed_at=timezone.now(),
    )
    answer = api.get(METHODS)
    assert answer.status_code == 200
    listed = answer.json()["data"]
    assert listed[:2] == examples.METHODS["data"]
    by_bank = {one["bank_id"]: one for one in listed if one["type"] == "bank"}
    assert by_bank["sandbox-bank-slow"]["available"] is False
    assert by_bank["sandbox-bank"]["available"] is True
    for one in by_bank:
        assert api.create(body(method={"type": "bank", "bank_id": one})).status_code == 201


def test_listing_them_needs_a_key_that_may_read(make_api: MakeApi) -> None:
    assert make_api(scopes=("deposits:write",)).get(METHODS).status_code == 403
    assert Api("ps_test_nothing").get(METHODS).status_code == 401


def test_the_timeline_calls_the_bank_a_bank(api: Api) -> None:
    made = api.create(body(method=FROM_BANK)).json()
    put(Deposit.objects.get(reference=made["reference"]), State.DECLINED)
    Deposit.objects.get(reference=made["reference"]).events.create(
        event="declined", from_state="received", to_state="declined", actor_kind="carrier"
    )
    texts = [event["text"] for event in api.get(f"{DEPOSITS}/{made['id']}/timeline").json()["events"]]
    assert texts == ["The deposit was accepted.", "The bank declined. Nothing was taken."]
