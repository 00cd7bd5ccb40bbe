"""A break begun between the acceptance and the charge stops the charge; what was sent is still found out."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone

from accounts.models import Player
from accounts.protections import breaks
from deposits.actions.command import Caller, confirm
from deposits.models import Accumulator, Deposit
from deposits.presentation import money, reason, status
from deposits.states import State
from tests.accounts.protecting import PLAYER
from tests.faults_evidence.conftest import Carrier

pytestmark = pytest.mark.usefixtures("alone")


def used_minor(deposit: Deposit) -> int:
    """What counts towards the limits of the deposit's phone number."""
    row = Accumulator.objects.get(subject_kind="phone_number", subject=deposit.phone_number)
    return sum(row.reserved) + sum(row.settled)


def lost(carrier: Carrier, number: str) -> Deposit:
    """A deposit whose connection broke, at a carrier that answers no inquiry until its faults are taken away."""
    carrier.set(faults={"inquiry_error": 1.0})
    return carrier.work_until(carrier.deposit(number), State.UNKNOWN)


def test_a_break_begun_after_the_acceptance_stops_the_charge(carrier: Carrier) -> None:
    deposit = carrier.deposit()
    assert used_minor(deposit) == deposit.amount_minor
    breaks.take_time_out(deposit.player, 24, PLAYER)
    carrier.work(deposit)
    deposit.refresh_from_db()
    assert (deposit.state, deposit.reason_code) == (State.DECLINED, "time_out_active")
    assert (status(deposit), money(deposit)) == ("failed", "none")
    why = reason(deposit)
    assert why is not None
    assert [step.action for step in why.next] == ["support_tools"]
    assert carrier.posts(deposit) == []
    assert carrier.charges(deposit) == []
    assert used_minor(deposit) == 0
    assert deposit.events.order_by("-id")[0].actor_kind == "worker"


def test_so_does_a_block_by_staff(carrier: Carrier) -> None:
    deposit = carrier.deposit()
    Player.objects.filter(pk=deposit.player_id).update(blocked_at=timezone.now())
    carrier.work(deposit)
    deposit.refresh_from_db()
    assert (deposit.state, deposit.reason_code) == (State.DECLINED, "not_accepted")
    assert carrier.posts(deposit) == []


def test_the_others_of_a_batch_are_charged(carrier: Carrier) -> None:
    barred, free = carrier.deposit(), carrier.deposit()
    breaks.exclude(barred.player, 6, PLAYER)
    carrier.work(barred, free)
    barred.refresh_from_db()
    free.refresh_from_db()
    assert (barred.state, free.state) == (State.DECLINED, State.CREDITED)


def test_a_code_entered_during_a_break_voids_the_payment(carrier: Carrier) -> None:
    deposit = carrier.work_until(carrier.deposit("+447700900009"), State.ACTION_REQUIRED)
    breaks.take_time_out(deposit.player, 24, PLAYER)
    confirm(deposit.pk, "123456", Caller("test", "player", "p-1"), str(uuid.uuid4()))
    deposit = carrier.work_until(deposit, State.CANCELLED)
    assert deposit.reason_code == "time_out_active"
    assert carrier.charges(deposit) == []


def test_what_was_charged_before_the_break_is_credited(carrier: Carrier) -> None:
    deposit = lost(carrier, "+447700900010")
    breaks.take_time_out(deposit.player, 24, PLAYER)
    carrier.set(faults={})
    deposit = carrier.work_until(deposit, State.CREDITED)
    assert len(carrier.charges(deposit)) == 1


def test_what_was_lost_on_its_way_is_voided_and_not_sent_again(carrier: Carrier) -> None:
    deposit = lost(carrier, "+447700900011")
    breaks.take_time_out(deposit.player, 24, PLAYER)
    carrier.set(faults={})
    deposit = carrier.work_until(deposit, State.CANCELLED)
    assert deposit.reason_code == "time_out_active"
    assert carrier.charges(deposit) == []
