"""All twenty sandbox numbers through the API: each ends as its story says, and the books agree with the carrier's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import Posting
from tests.stack import Stack, await_condition

AMOUNT = 2_000
TAKEN, NOTHING = [("charge", AMOUNT)], list[tuple[str, int]]()


@dataclass(frozen=True)
class Ending:
    """How a story ends: status, money, reason, and what the carrier has recorded."""

    status: str
    money: str
    reason: str | None
    charges: list[tuple[str, int]]


CREDITED = Ending("succeeded", "credited", None, TAKEN)


def declined(reason: str) -> Ending:
    return Ending("failed", "none", reason, NOTHING)


ENDINGS = {
    "001": CREDITED,
    "002": declined("carrier_declined"),
    "003": declined("carrier_monthly_limit"),
    "004": declined("carrier_payment_limit"),
    "005": declined("carrier_number_unknown"),
    "006": declined("carrier_not_supported"),
    "007": CREDITED,
    "008": declined("carrier_declined"),
    "010": CREDITED,
    "011": CREDITED,
    "012": CREDITED,
    "013": CREDITED,
    "014": CREDITED,
    "015": Ending("processing", "taken", "under_review", [("charge", AMOUNT + 100)]),
    "016": Ending("processing", "unknown", None, NOTHING),
    "017": CREDITED,
    "018": Ending("succeeded", "returned", None, [("charge", AMOUNT), ("reversal", AMOUNT)]),
    "019": CREDITED,
    "020": CREDITED,
}


@pytest.fixture(scope="module")
def deposits(stack: Stack) -> dict[str, dict[str, Any]]:
    """One deposit on each number, all begun at once."""
    begun = {}
    for number in (*ENDINGS, "009"):
        answer = stack.deposit(number, amount=AMOUNT)
        assert answer.status == 201, answer.body
        begun[number] = answer.body
    return begun


def ending(stack: Stack, deposit: dict[str, Any]) -> Ending:
    shown = stack.api("GET", f"/deposits/{deposit['id']}").body
    charges = [(line["kind"], abs(line["amount_minor"])) for line in stack.charges(deposit["reference"])]
    return Ending(shown["status"], shown["money"], shown["reason"] and shown["reason"]["code"], charges)


@pytest.mark.parametrize("number", ENDINGS)
def test_the_story_ends_as_it_is_told(stack: Stack, deposits: dict[str, Any], number: str) -> None:
    expected = ENDINGS[number]

    def ended() -> bool:
        return ending(stack, deposits[number]) == expected

    await_condition(ended, what=f"{number} ending as {expected}, not {ending(stack, deposits[number])}")


def test_009_asks_for_a_code_and_takes_the_right_one(stack: Stack, deposits: dict[str, Any]) -> None:
    deposit = deposits["009"]
    asked = stack.await_status(deposit["id"], "action_required")
    assert asked["next_action"]["type"] == "one_time_code"
    assert asked["money"] == "none"
    stack.api("POST", f"/deposits/{deposit['id']}/confirm", {"code": "000000"})

    def told_wrong() -> bool:
        shown = stack.api("GET", f"/deposits/{deposit['id']}").body
        return shown["status"] == "action_required" and (shown["reason"] or {}).get("code") == "code_wrong"

    await_condition(told_wrong, what="the wrong code being refused")
    assert stack.charges(deposit["reference"]) == []
    stack.api("POST", f"/deposits/{deposit['id']}/confirm", {"code": "123 456"})
    assert stack.await_status(deposit["id"], "succeeded")["money"] == "credited"
    assert len(stack.charges(deposit["reference"])) == 1


def test_the_ledger_agrees_with_the_carrier_to_the_penny(
    stack: Stack, deposits: dict[str, Any], django_db_blocker: DjangoDbBlocker
) -> None:
    """Runs after the stories in this module, so that each has ended."""
    taken = {number: _net(stack.charges(deposit["reference"])) for number, deposit in deposits.items()}
    with django_db_blocker.unblock():
        booked = {number: _booked(deposit["id"]) for number, deposit in deposits.items()}
        connection.close()
    assert booked == taken


def _net(lines: list[dict[str, Any]]) -> int:
    """What the carrier took and has not given back, in minor units."""
    return sum(abs(line["amount_minor"]) * (1 if line["kind"] == "charge" else -1) for line in lines)


def _booked(deposit_id: str) -> int:
    """What our ledger says that the carrier owes us for the deposit, in minor units."""
    clearing = Posting.objects.filter(
        account__kind="carrier_clearing", entry__source=deposit_id.removeprefix("dep_")
    )
    return -sum(posting.amount_minor for posting in clearing)


def test_016_says_that_it_does_not_know(stack: Stack, deposits: dict[str, Any]) -> None:
    shown = stack.api("GET", f"/deposits/{deposits['016']['id']}").body
    assert (shown["status"], shown["money"]) == ("processing", "unknown")
    timeline = stack.api("GET", f"/deposits/{deposits['016']['id']}/timeline").body
    assert "pending" in str(timeline)
