"""Asking for a refund: what is refused and changes nothing, what happens once, and the race at the edge."""

from __future__ import annotations

import os
import signal
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from accounts import holds, ledger
from accounts.models import AuditRecord, LedgerAccount, Player
from deposits import crash_points
from deposits.actions.command import Caller
from deposits.actions.refunds import approve
from deposits.actions.refunds.request import left_minor, needs_second_person, request
from deposits.actions.refusal import IdempotencyConflict, NotPossibleNow, Refusal
from deposits.models import Deposit, Refund
from deposits.refund_states import State
from tests.faults_evidence.staff import clerk
from tests.refunds.conftest import Returning, ask, asking, balance_minor, bookings, events

NOTE = "Charged twice, the player says on the phone."


def by_staff(deposit: Deposit, amount_minor: int | None, name: str = "anna", **changes: Any) -> Refund:
    """Request a refund as a member of staff."""
    by = clerk(name)
    caller = Caller(f"staff:{by.user_id}", "staff", by.name)
    return ask(deposit, amount_minor, **{"note": NOTE, "caller": caller, "by": by, **changes})


def refused(act: Callable[[], object]) -> Refusal:
    """Return why `act` was refused; nothing may have been written."""
    before = (Refund.objects.count(), LedgerAccount.objects.aggregate(total=Sum("balance_minor"))["total"])
    with pytest.raises(Refusal) as raised:
        act()
    assert before == (
        Refund.objects.count(),
        LedgerAccount.objects.aggregate(total=Sum("balance_minor"))["total"],
    )
    return raised.value


def spend(deposit: Deposit, amount_minor: int) -> None:
    """Let the player play with some of the balance."""
    account = ledger.player_account_id(deposit.player_id, "GBP")
    house = ledger.written_off_account_id("GBP")
    with transaction.atomic():
        ledger.post(
            [ledger.Entry("played", uuid.uuid4(), "GBP", ((account, -amount_minor), (house, amount_minor)))]
        )


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Run all `acts` at the same instant; return the names of what was raised, "" for nothing, sorted.

    The last in the queue waits for all before it, however slow the machine is.
    """
    barrier, ends = threading.Barrier(len(acts)), list[str]()

    def run(act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '60s'")
            act()
            ends.append("")
        except (NotPossibleNow, Refusal, IdempotencyConflict) as refusal:
            ends.append(type(refusal).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ends)


def test_the_same_key_gives_the_same_refund_and_takes_once(returning: Returning) -> None:
    deposit = returning.credited()
    wanted = asking(deposit, 500)
    first, again = request(wanted), request(wanted)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.refund.pk == again.refund.pk
    assert balance_minor(deposit) == 1_500
    with pytest.raises(IdempotencyConflict):
        request(
            asking(deposit, 600, caller=wanted.caller, idempotency_key=wanted.idempotency_key),
        )
    assert balance_minor(deposit) == 1_500


def test_ten_of_the_same_at_once_make_one(returning: Returning) -> None:
    deposit = returning.credited()
    wanted = asking(deposit, 500)
    assert at_once(*[lambda: request(wanted)] * 10) == [""] * 10
    assert Refund.objects.filter(deposit=deposit).count() == 1
    assert balance_minor(deposit) == 1_500


def test_f89_never_more_than_was_credited_however_many_ask_at_once(returning: Returning) -> None:
    deposit = returning.credited(amount_minor=2_000)
    ends = at_once(*[lambda: ask(deposit, 600)] * 8)
    assert ends.count("") == 3
    assert Refund.objects.filter(deposit=deposit).aggregate(total=Sum("amount_minor"))["total"] == 1_800
    assert (left_minor(deposit), balance_minor(deposit)) == (200, 200)


def test_f89_the_database_itself_refuses_what_is_above(returning: Returning) -> None:
    """Two that do not see each other meet at the deposit's row, whatever code asks."""
    deposit = returning.credited(amount_minor=2_000)

    def insert() -> None:
        wanted = asking(deposit, 1_500)
        refund = Refund(
            id=uuid.uuid4(),
            reference=f"R-{uuid.uuid4().hex[:4].upper()}-{uuid.uuid4().hex[:4].upper()}",
            deposit_id=deposit.pk,
            carrier=deposit.carrier,
            amount_minor=1_500,
            currency="GBP",
            reason="goodwill",
            client=wanted.caller.client,
            idempotency_key=wanted.idempotency_key,
            idempotency_hash=wanted.digest,
            state=State.APPROVED,
        )
        try:
            with transaction.atomic():
                refund.save(force_insert=True)
                holds.hold(
                    refund.id, deposit.player_id, deposit.carrier, 1_500, "GBP", "", beyond_balance=True
                )
        except DatabaseError as error:
            sqlstate = getattr(error.__cause__, "sqlstate", "")
            raise NotPossibleNow(sqlstate) from None

    assert at_once(*[insert] * 4) == ["", *["NotPossibleNow"] * 3]
    assert Refund.objects.filter(deposit=deposit).count() == 1


@pytest.mark.parametrize(
    ("amount_minor", "code"), [(2_001, "above_refundable"), (0, "above_refundable"), (-5, "above_refundable")]
)
def test_an_amount_that_cannot_be_is_refused(returning: Returning, amount_minor: int, code: str) -> None:
    deposit = returning.credited()
    refusal = refused(lambda: ask(deposit, amount_minor))
    assert (refusal.code, refusal.field_name, refusal.facts) == (code, "amount", {"maximum_minor": 2_000})


def test_what_was_not_credited_cannot_be_refunded(returning: Returning) -> None:
    deposit = returning.carrier.deposit("+447700900002")
    returning.carrier.work(deposit)
    with pytest.raises(NotPossibleNow, match=r"Nothing was credited that could be refunded: .* declined"):
        ask(deposit)


def test_what_is_all_on_its_way_cannot_be_refunded_again(returning: Returning) -> None:
    deposit = returning.credited()
    ask(deposit)
    with pytest.raises(NotPossibleNow, match="refunded already, or on its way"):
        ask(deposit)


def test_a_carrier_without_refunds_is_told_so(returning: Returning) -> None:
    deposit = returning.credited()
    returning.carrier.configure()
    assert refused(lambda: ask(deposit)).code == "refund_not_offered"


def test_a_balance_that_does_not_cover_it_is_refused_unless_staff_choose_otherwise(
    returning: Returning,
) -> None:
    deposit = returning.credited()
    spend(deposit, 1_200)
    refusal = refused(lambda: ask(deposit, 1_000))
    assert (refusal.code, refusal.facts) == ("balance_too_low", {"left_minor": 800})
    refund = by_staff(deposit, 1_000, beyond_balance=True)
    # Not by one person, however little it is.
    assert refund.state == State.REQUESTED
    owed = ledger.receivable_account_id(deposit.player_id, "GBP")
    assert balance_minor(deposit) == 0
    assert ledger.balance_minor(LedgerAccount.objects.get(pk=owed)) == -200
    assert Player.objects.get(pk=deposit.player_id).flagged_at is not None
    approve.reject(refund.pk, clerk("bert"), "The player has played with it.")
    assert balance_minor(deposit) == 800
    assert ledger.balance_minor(LedgerAccount.objects.get(pk=owed)) == 0
    returning.ended_true(refund)


def test_the_line_is_forty_pounds(returning: Returning) -> None:
    deposit = returning.credited()
    assert not needs_second_person(deposit, 4_000, beyond_balance=False)
    assert needs_second_person(deposit, 4_001, beyond_balance=False)
    by_staff(deposit, 1_500)
    assert not needs_second_person(deposit, 2_500, beyond_balance=False)
    assert needs_second_person(deposit, 2_501, beyond_balance=False)


def test_up_to_the_line_one_person_is_enough(returning: Returning, settings: Any) -> None:
    settings.REFUND_ALONE_MINOR = 1_000
    deposit = returning.credited()
    refund = by_staff(deposit, 1_000)
    assert (refund.state, refund.requested_by_id) == (State.APPROVED, clerk("anna").user_id)
    # In parts it is above the line all the same.
    assert by_staff(deposit, 1).state == State.REQUESTED


def test_above_the_line_a_second_person_approves_and_not_the_first(
    returning: Returning, settings: Any
) -> None:
    settings.REFUND_ALONE_MINOR = 1_000
    deposit = returning.credited()
    refund = by_staff(deposit, 1_001)
    assert (refund.state, balance_minor(deposit)) == (State.REQUESTED, 999)
    returning.work(refund)
    assert (refund.state, refund.tries) == (State.REQUESTED, 0)
    assert refused(lambda: approve.approve(refund.pk, clerk("anna"), NOTE)).code == "same_person"
    approve.approve(refund.pk, clerk("bert"), NOTE)
    returning.work(refund)
    returning.ended_true(refund)
    assert (refund.decided_by_id, events(refund)) == (
        clerk("bert").user_id,
        ["requested", "approved", "sending", "returned"],
    )
    acts = AuditRecord.objects.filter(subject=deposit.reference).order_by("id")
    assert list(acts.values_list("action", flat=True)) == ["refund.requested", "refund.approved"]


def test_twenty_approvals_and_rejections_at_once_decide_once(returning: Returning, settings: Any) -> None:
    settings.REFUND_ALONE_MINOR = 0
    deposit = returning.credited()
    refund = by_staff(deposit, 1_000)
    bert, carla = clerk("bert"), clerk("carla")
    ends = at_once(
        *[lambda: approve.approve(refund.pk, bert, NOTE)] * 10,
        *[lambda: approve.reject(refund.pk, carla, NOTE)] * 10,
    )
    assert ends == ["", *["NotPossibleNow"] * 19]
    refund.refresh_from_db()
    assert refund.state in (State.APPROVED, State.REFUSED)
    returning.work(refund)
    returning.ended_true(refund)


def test_one_may_withdraw_what_one_has_requested_oneself(returning: Returning, settings: Any) -> None:
    settings.REFUND_ALONE_MINOR = 0
    deposit = returning.credited()
    refund = by_staff(deposit, 1_000)
    approve.reject(refund.pk, clerk("anna"), "A mistake of mine.")
    refund.refresh_from_db()
    assert (refund.state, refund.decided_by_id, balance_minor(deposit)) == (State.REFUSED, None, 2_000)
    assert bookings(refund) == ["refund_held", "refund_released"]


@pytest.mark.parametrize(("point", "made"), [("refund.before_commit", 0), ("refund.after_request", 1)])
def test_f87_killed_while_it_is_requested_it_is_there_with_its_booking_or_not_at_all(
    returning: Returning, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, point: str, made: int
) -> None:
    deposit = returning.credited()
    wanted = asking(deposit, 500)
    monkeypatch.setattr(crash_points, "_folder", tmp_path)
    (tmp_path / f"{point}.1").touch()
    child = os.fork()
    if child == 0:
        # The parent's connection is the parent's: neither used nor closed here.
        connection.connection = None
        try:
            request(wanted)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert Refund.objects.filter(deposit=deposit).count() == made
    assert balance_minor(deposit) == 2_000 - 500 * made
    again = request(wanted)
    assert again.replayed == bool(made)
    returning.work(again.refund)
    returning.ended_true(again.refund)


def test_staff_give_a_note(returning: Returning) -> None:
    deposit = returning.credited()
    refusal = refused(lambda: by_staff(deposit, 100, note="too short"))
    assert (refusal.field_name, refusal.detail) == ("note", "Say why in at least 10 characters.")


def test_a_request_is_approved_now_by_the_databases_clock(returning: Returning) -> None:
    refund = ask(returning.credited())
    assert refund.approved_at is not None
    assert abs(refund.approved_at - refund.created_at) < timedelta(seconds=1)
