"""Failed attempts with evidence cool a player, a phone number or a device down; our own faults never do."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts import api_keys, ledger
from accounts.models import ApiKey, Player, PlayerPhone
from deposits import velocity
from deposits.actions.accept import accept
from deposits.actions.refusal import Refusal
from deposits.models import Deposit, FailedAttempts, Rule
from deposits.presentation import refusal_reason
from deposits.states import State
from tests.deposits.api.calling import Api, body, check_problem
from tests.deposits.making import own_number, request, rule_changed
from tests.deposits.ui.visiting import player
from tests.faults_evidence.conftest import Carrier

pytestmark = pytest.mark.usefixtures("alone")

MOST = 3
DENIED = json.dumps({"status": 403, "code": "CARRIER_BILLING.PAYMENT_DENIED", "message": "No."})


@pytest.fixture(autouse=True)
def rules(alone: None) -> Iterator[dict[str, Rule]]:
    """Three failures within an hour, and half an hour's wait, for each kind of subject."""
    with ExitStack() as stack:
        changed = [
            stack.enter_context(rule_changed(f"velocity-{kind}", amount=MOST, lasts="30 minutes"))
            for kind in ("player", "phone-number", "device")
        ]
        yield {rule.subject: rule for rule in changed}


def of(someone: Player, phone_number: str, **changes: Any) -> dict[str, Any]:
    """The fields of a request of a real player with a number that is shown to be theirs."""
    phone, _ = PlayerPhone.objects.get_or_create(player=someone, number=phone_number)
    PlayerPhone.objects.filter(pk=phone.pk).update(verified_at=phone.created_at)
    ledger.player_account_id(someone.pk, "GBP")
    return {
        "phone_number": phone_number,
        "partner_id": someone.partner_id,
        "player": someone.external_id,
        "test_mode": False,
        **changes,
    }


def fail(carrier: Carrier, times: int, someone: Player, phone_number: str = "", **changes: Any) -> None:
    """Let the carrier say no to this player so often, each time from another number unless one is given."""
    for _ in range(times):
        to = phone_number or own_number()
        carrier.script(to, {"status": 403, "body": DENIED})
        deposit = Deposit.objects.get(pk=accept(request(**of(someone, to, **changes))).deposit.pk)
        carrier.work(deposit)
        deposit.refresh_from_db()
        assert (deposit.state, deposit.reason_code) == (State.DECLINED, "carrier_declined")


def refused(someone: Player, phone_number: str = "", **changes: Any) -> Refusal:
    """Assert that a deposit is refused for its velocity, and return the refusal."""
    with pytest.raises(Refusal) as refusal:
        accept(request(**of(someone, phone_number or own_number(), **changes)))
    assert refusal.value.code == "too_many_requests"
    return refusal.value


def let_pass(someone: Player, time: timedelta) -> None:
    """Let so much time pass for what is counted against a player."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE deposits_failedattempts SET began_at = began_at - %(time)s::interval, "
            "cooling_until = cooling_until - %(time)s::interval WHERE subject = %(player)s",
            {"time": str(time), "player": str(someone.pk)},
        )


def test_a_player_cools_down_and_is_told_until_when(carrier: Carrier) -> None:
    someone = player()
    fail(carrier, MOST - 1, someone)
    fail(carrier, 1, someone)
    refusal = refused(someone)
    reason = refusal_reason(refusal, "GBP")
    assert reason is not None
    assert reason.text == "You can try again in 30 minutes."
    let_pass(someone, timedelta(minutes=29))
    refused(someone)
    let_pass(someone, timedelta(minutes=1, seconds=1))
    assert accept(request(**of(someone, own_number()))).deposit.state == State.RECEIVED


def test_the_rule_that_cools_down_is_kept_with_it_and_a_new_one_holds_from_then_on(
    carrier: Carrier, rules: dict[str, Rule]
) -> None:
    someone = player()
    fail(carrier, 1, someone)
    row = FailedAttempts.objects.get(subject=str(someone.pk))
    assert (row.failures, row.rule_id) == (1, rules["player"].pk)
    with rule_changed("velocity-player", amount=2) as stricter:
        fail(carrier, 1, someone)
        row.refresh_from_db()
        assert (row.failures, row.rule_id) == (2, stricter.pk)
        refused(someone)


def test_failures_that_are_long_past_do_not_count(carrier: Carrier) -> None:
    someone = player()
    fail(carrier, MOST - 1, someone)
    let_pass(someone, timedelta(hours=1, seconds=1))
    fail(carrier, MOST - 1, someone)
    assert accept(request(**of(someone, own_number()))).deposit.state == State.RECEIVED


def test_a_phone_number_cools_down_whoever_pays_with_it(carrier: Carrier) -> None:
    shared = own_number()
    for _ in range(MOST):
        fail(carrier, 1, player(), shared)
    refused(player(), shared)
    assert accept(request(**of(player(), own_number()))).deposit.state == State.RECEIVED


def test_a_device_cools_down_whoever_holds_it(carrier: Carrier) -> None:
    device = uuid.uuid4().hex
    for _ in range(MOST):
        fail(carrier, 1, player(), device=device)
    refused(player(), device=device)
    assert accept(request(**of(player(), own_number(), device="another"))).deposit.state == State.RECEIVED


def test_our_own_faults_never_count(carrier: Carrier) -> None:
    someone = player()
    for fault in ("error_503_not_charged", "drop_before_charge"):
        to = own_number()
        carrier.force(to, fault)
        deposit = carrier.work_until(
            Deposit.objects.get(pk=accept(request(**of(someone, to))).deposit.pk), State.CREDITED
        )
        assert deposit.attempts.count() > 1
    assert not FailedAttempts.objects.filter(subject=str(someone.pk)).exists()


@pytest.mark.parametrize(
    ("event", "reason", "counts"),
    [
        ("declined", "carrier_declined", True),
        ("code_rejected", "code_wrong", True),
        ("declined", "carrier_unavailable", False),
        ("declined", "bank_unavailable", False),
        ("barred", "time_out_active", False),
        ("expired", "carrier_reply_timeout", False),
        ("overdue", "carrier_unavailable", False),
        ("not_sent", "", False),
        ("refused", "", False),
        ("silence", "", False),
    ],
)
def test_only_what_says_something_about_the_player_counts(event: str, reason: str, counts: bool) -> None:
    assert velocity.is_evidence(event, reason) is counts


def test_test_players_fail_as_they_like(carrier: Carrier) -> None:
    someone = player(is_test=True)
    fail(carrier, MOST + 1, someone, own_number())
    assert not FailedAttempts.objects.filter(subject=str(someone.pk)).exists()


def test_the_api_says_when_to_come_back(carrier: Carrier) -> None:
    someone = player()
    fail(carrier, MOST, someone)
    key = api_keys.issue(someone.partner, "tests", ApiKey.Mode.LIVE)
    answer = Api(key).create(body(player=someone.external_id))
    problem = check_problem(answer, 429, "too_many_requests")
    assert 1_700 < int(answer["Retry-After"]) <= 1_800
    assert problem["ends_at"]
    assert problem["reason"]["code"] == "too_many_requests"
