"""Claim, lease, epoch and record against a real database with real commits: the safeties of a charge."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from accounts import ledger
from accounts.models import LedgerEntry
from carriers import driver, registry
from carriers import outcomes as carrier
from carriers.interface import Conversation
from deposits import transitions
from deposits.actions import book
from deposits.actions import drain as draining
from deposits.actions.decide import decide
from deposits.actions.record import record
from deposits.models import Attempt, Deposit, DepositEvent
from deposits.states import State
from deposits.transitions import Claimed, Result
from tests.deposits.making import accepted, counted

pytestmark = pytest.mark.usefixtures("committed")


#: Room enough for every deposit at the only carrier.
ROOMS = {"sandbox-mobile": 60}


class Network:
    """Stands in for the conversations with carriers, where a test says what became of each and looks when it began."""

    def __init__(self, outcome: carrier.Outcome, seen: Callable[[Claimed, Conversation], None]) -> None:
        self.outcome, self.seen = outcome, seen
        self.ended: list[tuple[Claimed, driver.Result]] = []

    def start(self, claimed: Claimed, conversation: Conversation, *_: object, **__: object) -> None:
        self.seen(claimed, conversation)
        self.ended.append((claimed, driver.Result(self.outcome, [], moved_money=True)))

    def wait(self, until: float) -> list[tuple[Claimed, driver.Result]]:
        ended, self.ended = self.ended, []
        return ended

    def held_with(self, code: str) -> int:
        return 0

    def __len__(self) -> int:
        return len(self.ended)

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def claim(*deposits: Deposit, owner: str = "worker-1") -> list[Claimed]:
    """Claim until `deposits` are among what was claimed, and return those."""
    wanted, mine = {deposit.pk for deposit in deposits}, []
    while batch := transitions.claim(20, owner, ROOMS):
        mine += [one for one in batch if one.id in wanted]
    return mine


def run_out(deposit: Deposit) -> None:
    """Let the lease of `deposit` run out, as if its worker had died long ago."""
    Deposit.objects.filter(pk=deposit.pk).update(next_action_at=Now() - timedelta(seconds=1))


def answer(claimed: Claimed, outcome: carrier.Outcome) -> None:
    """Record `outcome` as a worker does when its carrier answered that."""
    record([(claimed, decide(claimed, outcome, registry.profile(claimed.carrier), resend_is_safe=True))])


def approved(claimed: Claimed) -> carrier.Approved:
    return carrier.Approved(
        f"pay-{claimed.reference}", claimed.reference, claimed.amount_minor, claimed.currency
    )


def credits(deposit: Deposit) -> int:
    return LedgerEntry.objects.filter(kind="deposit", source=deposit.pk).count()


def state(deposit: Deposit) -> State:
    return State(Deposit.objects.values_list("state", flat=True).get(pk=deposit.pk))


@pytest.fixture
def deposit() -> Deposit:
    return accepted(f"{uuid.uuid4().int % 900 + 100}")


def test_the_row_says_that_it_may_have_happened_before_anything_is_sent(deposit: Deposit) -> None:
    seen: list[tuple[State, int, bool]] = []

    def sends(claimed: Claimed, _: Conversation) -> None:
        if claimed.id != deposit.pk:
            return
        # Another connection sees it, so it is committed; and no transaction is open while the carrier is called.
        thread = threading.Thread(target=lambda: seen.append(look(deposit.pk)))
        thread.start()
        thread.join()
        assert connection.in_atomic_block is False

    with mock.patch.object(
        draining, "Conversations", return_value=Network(carrier.Unknown("cut off"), sends)
    ):
        draining.drain()
    # On a slow machine the same run comes to the inquiry as well.
    assert seen[0] == (State.SUBMITTING, 1, True)


def look(pk: UUID) -> tuple[State, int, bool]:
    try:
        row = Deposit.objects.get(pk=pk)
        unanswered = Attempt.objects.filter(deposit_id=pk, outcome="unknown", finished_at=None)
        return State(row.state), unanswered.count(), row.first_sent_at is not None
    finally:
        connection.close()


def test_a_claim_inside_a_transaction_is_refused(deposit: Deposit) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="must commit before a byte leaves"):
        transitions.claim(1, "worker", ROOMS)


def test_of_those_that_may_kill_their_workers_the_longest_waiting_is_first_whoever_its_carrier() -> None:
    carriers = ("one", "two", "three")
    made = dict(zip(carriers, (accepted(player=name) for name in carriers), strict=True))
    for name, waited_s in (("one", 1), ("two", 3), ("three", 2)):
        Deposit.objects.filter(pk=made[name].pk).update(
            carrier=name,
            state=State.SUBMITTING,
            fruitless=2,
            next_action_at=Now() - timedelta(seconds=waited_s),
        )
    rooms = dict.fromkeys(carriers, 60)
    claimed = [transitions.claim(20, "worker-1", rooms) for _ in carriers]
    assert [[one.carrier for one in batch] for batch in claimed] == [["two"], ["three"], ["one"]]


def test_ten_workers_at_once_claim_a_deposit_once(deposit: Deposit) -> None:
    barrier, claimed = threading.Barrier(10), list[Claimed]()

    def work(number: int) -> None:
        barrier.wait()
        claimed.extend(
            one for one in transitions.claim(20, f"worker-{number}", ROOMS) if one.id == deposit.pk
        )
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 1


def test_a_worker_that_dies_leaves_an_unknown_outcome_that_is_inquired(deposit: Deposit) -> None:
    claim(deposit)
    run_out(deposit)
    (second,) = claim(deposit, owner="worker-2")
    assert (second.state, second.step) == (State.UNKNOWN, Deposit.Next.INQUIRE)
    assert DepositEvent.objects.filter(deposit=deposit, event="lease_lost").count() == 1


def test_silence_between_two_not_found_takes_nothing_back_of_the_first(deposit: Deposit) -> None:
    inquired(deposit, carrier.Unknown("time-out"))
    inquired(deposit, carrier.NotFound())
    first = Deposit.objects.get(pk=deposit.pk).not_found_first_at
    inquired(deposit, carrier.Unknown("inquiry: 500"))
    inquired(deposit, carrier.NotFound())
    row = Deposit.objects.get(pk=deposit.pk)
    assert first is not None
    assert (row.not_found_seen, row.not_found_first_at) == (2, first)


def test_an_answer_that_the_carrier_has_it_takes_back_that_it_was_not_found(deposit: Deposit) -> None:
    inquired(deposit, carrier.Unknown("time-out"))
    inquired(deposit, carrier.NotFound())
    inquired(deposit, carrier.Pending("pay-1"))
    row = Deposit.objects.get(pk=deposit.pk)
    assert (row.not_found_seen, row.not_found_first_at) == (0, None)


def test_what_was_not_found_before_it_was_sent_again_says_nothing_about_that_send(deposit: Deposit) -> None:
    inquired(deposit, carrier.Unknown("time-out"))
    inquired(deposit, carrier.NotFound())
    # Long past the horizon: the next "not found" sends it again, and that worker dies.
    long_ago = Now() - timedelta(seconds=60)
    Deposit.objects.filter(pk=deposit.pk).update(last_sent_at=long_ago, not_found_first_at=long_ago)
    inquired(deposit, carrier.NotFound())
    run_out(deposit)
    (again,) = claim(deposit)
    assert again.step == Deposit.Next.AUTHORISE
    assert (again.not_found_first_at, again.not_found_seen) == (None, 2)


def inquired(deposit: Deposit, outcome: carrier.Outcome) -> None:
    """Claim `deposit`, to send it or to ask about it, and record `outcome`."""
    run_out(deposit)
    (held,) = claim(deposit)
    answer(held, outcome)


def test_an_answer_that_comes_after_the_lease_was_lost_changes_nothing(deposit: Deposit) -> None:
    (first,) = claim(deposit)
    run_out(deposit)
    (second,) = claim(deposit, owner="worker-2")
    answer(first, carrier.Declined("carrier_declined"))
    assert state(deposit) == State.UNKNOWN
    assert Attempt.objects.get(deposit=deposit, epoch=first.lease_epoch).outcome == "declined"
    answer(second, approved(second))
    assert (state(deposit), credits(deposit)) == (State.CREDITED, 1)


@pytest.mark.parametrize("stale", [carrier.Declined("carrier_declined"), None], ids=["declined", "approved"])
@pytest.mark.parametrize("stale_first", [True, False])
def test_of_two_answers_in_one_batch_only_that_of_the_newest_claim_counts(
    deposit: Deposit, stale: carrier.Outcome | None, stale_first: bool
) -> None:
    """The lease was taken from a worker that was calling still, and it was the next to claim the deposit."""
    (first,) = claim(deposit)
    run_out(deposit)
    (second,) = claim(deposit)
    profile = registry.profile(first.carrier)
    batch = [
        (first, decide(first, stale or approved(first), profile, resend_is_safe=True)),
        (second, decide(second, carrier.Pending("pay-1"), profile, resend_is_safe=True)),
    ]
    record(batch if stale_first else batch[::-1])
    assert (state(deposit), credits(deposit)) == (State.PENDING, 0)
    assert counted("phone_number", deposit.phone_number) == deposit.amount_minor
    outcomes = Attempt.objects.filter(deposit=deposit).order_by("epoch").values_list("outcome", flat=True)
    assert list(outcomes) == ["declined" if stale else "approved", "pending"]


def test_two_workers_that_both_hear_of_the_success_credit_once(deposit: Deposit) -> None:
    (first,) = claim(deposit)
    run_out(deposit)
    (second,) = claim(deposit, owner="worker-2")
    answer(second, approved(second))
    answer(first, approved(first))
    assert credits(deposit) == 1
    assert ledger.player_balance_minor(deposit.player_id, "GBP") == 2_000


def test_the_ledger_alone_would_refuse_a_second_credit(deposit: Deposit) -> None:
    (held,) = claim(deposit)
    answer(held, approved(held))
    entries = book.entries(held, decide(held, approved(held), mock.Mock(), resend_is_safe=True))
    assert ledger.post(entries) == set()
    assert ledger.player_balance_minor(deposit.player_id, "GBP") == 2_000


def test_every_try_carries_the_same_reference(deposit: Deposit) -> None:
    references: list[str] = []

    def sends(claimed: Claimed, conversation: Conversation) -> None:
        if claimed.id == deposit.pk:
            references.append(conversation.gi_frame.f_locals["order"].reference)  # type: ignore[attr-defined]

    with mock.patch.object(
        draining, "Conversations", return_value=Network(carrier.NotSent("refused"), sends)
    ):
        for _ in range(3):
            run_out(deposit)
            draining.drain()
    assert len(references) >= 3
    assert set(references) == {deposit.reference}


def test_unknowns_come_before_new_deposits(deposit: Deposit) -> None:
    # What earlier tests left unknown may have waited for longer than this one.
    Deposit.objects.exclude(pk=deposit.pk).update(next_action_at=None)
    claim(deposit)
    newer = [accepted("500") for _ in range(3)]
    run_out(deposit)
    first = transitions.claim(1, "worker-2", ROOMS)
    assert [one.id for one in first] == [deposit.pk]
    claim(*newer)


def test_a_decline_gives_the_limits_back_and_an_unknown_keeps_them(deposit: Deposit) -> None:
    assert counted("player", deposit.player_id) == 2_000
    (held,) = claim(deposit)
    answer(held, carrier.Unknown("time-out"))
    assert counted("player", deposit.player_id) == 2_000
    run_out(deposit)
    (held,) = claim(deposit)
    answer(held, carrier.Declined("carrier_declined"))
    assert counted("player", deposit.player_id) == 0


def test_another_amount_is_booked_as_nobodys_and_never_credited(deposit: Deposit) -> None:
    (held,) = claim(deposit)
    answer(held, carrier.Mismatch("p", "another amount", 2_100, "GBP"))
    assert (state(deposit), credits(deposit)) == (State.REVIEW, 0)
    postings = LedgerEntry.objects.get(kind="unallocated", source=deposit.pk).postings.all()
    assert sorted(posting.amount_minor for posting in postings) == [-2_100, 2_100]
    assert ledger.player_balance_minor(deposit.player_id, "GBP") == 0


def test_a_notification_while_a_worker_calls_does_not_take_the_lease_and_is_not_lost(
    deposit: Deposit,
) -> None:
    (held,) = claim(deposit)
    transitions.wake(deposit.pk, "payment-completed", "carrier")
    assert claim(deposit, owner="worker-2") == []
    answer(held, carrier.Pending("pay-1"))
    (second,) = claim(deposit, owner="worker-2")
    assert second.step == Deposit.Next.INQUIRE


def test_a_row_that_the_database_refuses_does_not_hold_up_its_batch(deposit: Deposit) -> None:
    other = accepted("501")
    batch = claim(deposit, other)
    good, bad = batch
    results = [decide(one, approved(one), mock.Mock(), resend_is_safe=True) for one in batch]
    results[1].payment_id = "x" * 500  # longer than the column
    record(list(zip(batch, results, strict=True)))
    assert state(Deposit(pk=good.id)) == State.CREDITED
    assert state(Deposit(pk=bad.id)) == State.SUBMITTING


def test_f24_an_answer_that_nobody_understands_costs_no_other_deposit_its_own() -> None:
    bad, good = accepted("502"), accepted("503")

    def reads(claimed: Claimed, *arguments: Any, **options: Any) -> Result:
        if claimed.id == bad.pk:
            raise ZeroDivisionError
        return decide(claimed, approved(claimed), *arguments[1:], **options)

    network = Network(carrier.Unknown("as if"), lambda *_: None)
    with (
        mock.patch.object(draining, "Conversations", return_value=network),
        mock.patch.object(draining, "decide", side_effect=reads),
    ):
        draining.drain()
    assert (state(good), state(bad)) == (State.CREDITED, State.SUBMITTING)
