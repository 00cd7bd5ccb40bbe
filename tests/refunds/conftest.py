"""A sandbox carrier that gives money back, and a worker in the test's process."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts import ledger
from accounts.models import LedgerAccount, LedgerEntry
from deposits.actions.command import Caller
from deposits.actions.refunds.request import RefundRequest, request
from deposits.models import Deposit, Refund
from deposits.refund_states import FINAL, State
from deposits.states import State as DepositState
from tests.carriers.sandbox.harness import Sandbox
from tests.faults_evidence.conftest import SANDBOX_DIVISOR, Carrier
from tests.faults_evidence.conftest import alone as alone
from tests.faults_evidence.conftest import carrier as carrier
from tests.stack import await_condition


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for all tests of refunds: nothing here looks for payments by the carrier's clock."""
    running = Sandbox(tmp_path_factory.mktemp("sandbox"), SANDBOX_DIVISOR)
    yield running
    running.stop()


class Returning:
    """The carrier, its deposits and what goes back of them."""

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier
        self.configure()

    def configure(self, **changes: Any) -> None:
        """Use a carrier with a refund API; `changes` are of its profile."""
        base = f"http://127.0.0.1:{self.carrier.sandbox.port}"
        self.carrier.configure(refund_url=f"{base}/carrier-billing-refund/v0.3", **changes)

    def credited(self, number: str = "", amount_minor: int = 2_000) -> Deposit:
        """Return a deposit that the player was credited with; `number` is the end of a sandbox number."""
        deposit = self.carrier.deposit(
            f"+447700900{number}" if number else "",
            amount_minor=amount_minor,
            player=f"p-{uuid.uuid4().hex[:12]}",
        )
        self.carrier.work(deposit)
        deposit.refresh_from_db()
        assert deposit.state == DepositState.CREDITED
        self.take_time()
        return deposit

    def take_time(self) -> None:
        """From here on what the carrier does later, it does only when its clock is moved (`later`)."""
        self.carrier.set(time_divisor=0.01)

    def later(self) -> None:
        """Move the carrier's clock on, past whatever it does later."""
        self.carrier.advance(2_000)

    def work(self, *refunds: Refund) -> None:
        """Do everything that is due; `refunds` are due at once."""
        keys = [refund.pk for refund in refunds]
        Refund.objects.filter(pk__in=keys, next_action_at__isnull=False).update(next_action_at=Now())
        self.carrier.work()
        for refund in refunds:
            refund.refresh_from_db()

    def work_until(self, refund: Refund, *states: State) -> Refund:
        """Work, each thing when it is due, until the refund is in one of `states`; return it as it is then."""

        def look() -> Refund | None:
            self.carrier.work()
            refund.refresh_from_db()
            return refund if refund.state in states else None

        found = await_condition(look, what=f"{refund.reference} being {' or '.join(states)}")
        assert found is not None
        return found

    def returned_minor(self, refund: Refund) -> int:
        """What the carrier's own record says it gave back for a refund: the truth."""
        told = self.carrier.sandbox.call("GET", f"/sandbox/refunds?reference={refund.reference}").json
        return sum(one["amount_minor"] for one in told["refunds"])

    def ended_true(self, refund: Refund) -> None:
        """Assert that state, ledger, balance and the carrier's record tell the same."""
        refund.refresh_from_db()
        assert refund.state in FINAL
        returned = refund.state == State.RETURNED
        assert self.returned_minor(refund) == (refund.amount_minor if returned else 0)
        booked = ["refund_held", "refund_returned" if returned else "refund_released"]
        assert bookings(refund) == booked
        assert held_minor(refund) == 0
        assert list(ledger.verify()) == []


def ask(deposit: Deposit, amount_minor: int | None = None, **changes: Any) -> Refund:
    """Request a refund of `deposit` as its partner."""
    return request(asking(deposit, amount_minor, **changes)).refund


def asking(deposit: Deposit, amount_minor: int | None = None, **changes: Any) -> RefundRequest:
    """Return a partner's request for a refund; `changes` override its fields."""
    fields: dict[str, Any] = {
        "deposit_id": deposit.pk,
        "amount_minor": amount_minor,
        "reason": Refund.Reason.PLAYER_REQUEST,
        "note": "",
        "caller": Caller(f"test:{uuid.uuid4().hex[:20]}", "partner", "test"),
        "idempotency_key": uuid.uuid4().hex,
        **changes,
    }
    return RefundRequest(**fields)


def bookings(refund: Refund) -> list[str]:
    """The kinds of the ledger entries of a refund, in order."""
    return list(LedgerEntry.objects.filter(source=refund.pk).order_by("id").values_list("kind", flat=True))


def held_minor(refund: Refund) -> int:
    """What is booked as on its way back because of this refund alone."""
    account = LedgerAccount.objects.get(
        pk=ledger.refunds_clearing_account_id(refund.carrier, refund.currency)
    )
    lines = account.postings.filter(entry__source=refund.pk).values_list("amount_minor", flat=True)
    return sum(lines)


def balance_minor(deposit: Deposit) -> int:
    """What the player of a deposit has."""
    return ledger.player_balance_minor(deposit.player_id, deposit.currency)


def events(refund: Refund) -> list[str]:
    """What happened to a refund, in order."""
    return list(refund.events.order_by("id").values_list("event", flat=True))


@pytest.fixture
def returning(carrier: Carrier, alone: None) -> Returning:
    """A carrier with refunds, for one test; what other tests left behind waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE deposits_refund SET next_action_at = now() + interval '1 hour' WHERE next_action_at IS NOT NULL"
        )
    return Returning(carrier)
