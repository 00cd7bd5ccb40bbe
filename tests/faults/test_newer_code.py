"""F55: old and new code run side by side, and a row is in a state that only the new code knows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from deposits.models import Deposit, DepositEvent
from deposits.states import State
from tests.faults.rig import Rig, owner_of_the_table
from tests.stack import http

#: What a later version might call a deposit that waits for the player's papers.
PARKED = "parked"


@pytest.fixture
def parked(rig: Rig) -> Iterator[Deposit]:
    """A deposit that is due and in a state of a newer version."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'deposit_state'")
        (states,) = cursor.fetchone()
        cursor.execute("ALTER TABLE deposits_deposit DROP CONSTRAINT deposit_state")
    # The sweeper stands in for workers that do not come.
    with rig.without("worker", "sweeper"):
        deposit = rig.deposit()
        set_state(deposit, PARKED, next_action_at="now()")
    DepositEvent.objects.create(
        deposit=deposit, event=PARKED, from_state="received", to_state=PARKED, actor_kind="worker"
    )
    yield deposit
    set_state(deposit, State.FAILED, next_action_at="NULL")
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE deposits_deposit ADD CONSTRAINT deposit_state {states}")


def set_state(deposit: Deposit, state: str, *, next_action_at: str) -> None:
    owner_of_the_table(
        f"UPDATE deposits_deposit SET state = %s, next_action_at = {next_action_at} WHERE id = %s",
        state,
        str(deposit.pk),
    )


def test_f55_a_state_of_newer_code_is_not_claimed_and_not_told_as_something_else(
    rig: Rig, parked: Deposit
) -> None:
    # What this code knows goes on beside it.
    rig.ended_true(rig.deposit(), rig.deposit("+447700900010"), charged=True)
    row = rig.row(parked.reference)
    assert (row.state, row.lease_epoch, row.lease_owner) == (PARKED, 0, "")
    assert rig.attempts(parked) == []
    assert rig.stack.charges(parked.reference) == []

    shown = rig.stack.api("GET", f"/deposits/{parked.reference}")
    assert shown.status == 200
    assert (shown.body["status"], shown.body["money"]) == ("processing", "unknown")
    assert (shown.body["reason"], shown.body["next_action"]) == (None, None)
    events = rig.stack.api("GET", f"/deposits/{parked.reference}/timeline").body["events"]
    assert [event["type"] for event in events] == ["accepted", PARKED]
    assert rig.stack.api("POST", f"/deposits/{parked.reference}/cancel").status == 409
    assert rig.stack.api("GET", "/deposits?limit=5").status == 200
    page = http("GET", shown.body["page_url"])
    assert page.status == 200
    assert "You have not been charged." not in page.body


def test_f55_staff_see_a_state_of_newer_code_by_its_name(rig: Rig, parked: Deposit) -> None:
    staff = Client()
    staff.force_login(User.objects.create_superuser(f"staff-{uuid.uuid4().hex[:8]}", password="x" * 20))
    for name, args in (("change", [parked.pk]), ("changelist", [])):
        page = staff.get(reverse(f"admin:deposits_deposit_{name}", args=args))
        assert page.status_code == 200
        assert PARKED in page.content.decode()
    assert (
        "A newer version of Paysite"
        in staff.get(reverse("admin:deposits_deposit_change", args=[parked.pk])).content.decode()
    )
    assert staff.get(reverse("admin:index")).status_code == 200
