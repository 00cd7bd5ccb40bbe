"""A sandbox bank of the test's own, its customer's browser, and a worker in the test's process or a child of it."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.db import connection

from accounts.models import LedgerEntry
from carriers import registry
from deposits import crash_points, doorbell
from deposits.actions import approve
from deposits.actions import drain as draining
from deposits.actions.accept import accept
from deposits.models import Breaker, Deposit
from deposits.states import FINAL, State
from paysite.sandbox_banks import sandbox_banks
from tests.carriers.sandbox.harness import CLIENT_ID, CLIENT_SECRET, Sandbox
from tests.deposits.making import bank_request
from tests.faults_evidence.conftest import SANDBOX_DIVISOR, Carrier
from tests.local_servers import ENVIRONMENT
from tests.stack import await_condition

Query = dict[str, str]


class Bank(Carrier):
    """The sandbox bank, its customer, and this process as the only worker."""

    crash_folder: Path

    def configure(self, **changes: Any) -> None:
        """Use the sandbox's banks as the only carriers; `changes` are of every profile."""
        origin = self.sandbox.call("GET", "/sandbox/bank").json["origin"]
        profiles = sandbox_banks(
            origin,
            "http://127.0.0.1:1",
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            signing_key=ENVIRONMENT["BANK_SIGNING_KEY"],
            binding_secret="bind-it-0123456789",
            time_divisor=10.0,
            http_total_s=2.0,
        )
        self._settings.CARRIERS = [{**one, **changes} for one in profiles]
        keys = {"keys": registry.adapter_for("sandbox-bank").public_keys()}
        assert self.sandbox.call("PUT", "/sandbox/bank/client", {"jwks": keys}).status == 200

    def force(self, bank: str, fault: str, times: int = 1) -> None:
        """Play `fault` for the next requests to a bank that it can spoil."""
        self.set(bank_force=[{"bank_id": bank, "fault": fault, "next_n": times}])

    def accept(self, bank: str = "sandbox-bank", **changes: Any) -> Deposit:
        """Accept a deposit from a bank, of a player of its own."""
        given = {"player": f"p-{uuid.uuid4().hex[:12]}", **changes}
        return Deposit.objects.get(pk=accept(bank_request(bank, **given)).deposit.pk)

    def sent_to_approve(self, bank: str = "sandbox-bank", **changes: Any) -> Deposit:
        """A deposit whose player has been told to approve."""
        return self.work_until(self.accept(bank, **changes), State.ACTION_REQUIRED)

    def decide(self, deposit: Deposit, decision: str = "approve") -> Query:
        """The customer opens the bank's page and taps; what the bank then sends back with the browser, or nothing."""
        deposit.refresh_from_db()
        url = urlsplit(deposit.action_url)
        page = HTTPConnection(url.netloc, timeout=10)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        page.request("POST", f"{url.path}?{url.query}", urlencode({"decision": decision}).encode(), form)
        answer = page.getresponse()
        answer.read()
        page.close()
        assert answer.status in (200, 303), answer.status
        return dict(parse_qsl(urlsplit(answer.getheader("Location", "")).query))

    def come_back(self, deposit: Deposit, brought: Query) -> Deposit:
        """A browser brings what the bank gave it."""
        return approve.take_return(deposit.carrier, brought)

    def approved(self, bank: str = "sandbox-bank", **changes: Any) -> Deposit:
        """A deposit whose player has approved and is back; no worker has taken it up."""
        deposit = self.sent_to_approve(bank, **changes)
        return self.come_back(deposit, self.decide(deposit))

    def see_through(self, deposit: Deposit, *ends: State) -> Deposit:
        """Work until the deposit ends (in one of `ends`); its player approves as often as they are asked to."""

        def look() -> bool:
            self.work()
            deposit.refresh_from_db()
            if deposit.state == State.ACTION_REQUIRED and not deposit.approval_code:
                self.come_back(deposit, self.decide(deposit))
            elif deposit.state not in FINAL:
                self.work(deposit)
            return deposit.state in (ends or FINAL)

        await_condition(look, what=f"{deposit.reference} being {' or '.join(ends or FINAL)}")
        return deposit

    def record(self, deposit: Deposit) -> list[int]:
        """What the bank has recorded for a deposit, in minor units: the truth."""
        lines = self.sandbox.call("GET", f"/sandbox/bank-ledger/{deposit.reference}").json["entries"]
        return [line["amount_minor"] for line in lines]

    def orders(self, deposit: Deposit) -> int:
        """How many payments were ordered of the bank for a deposit, answered or not."""
        return sum(path.endswith("/domestic-payments") for path in self.posts(deposit))

    def worker_dies_at(self, point: str) -> None:
        """A worker of its own process works, and is killed at a crash point."""
        self.dies_at(point, draining.drain)

    def dies_at(self, point: str, act: Callable[[], object]) -> None:
        """A process of its own does `act`, and is killed at a crash point."""
        (self.crash_folder / f"{point}.1").touch()
        child = os.fork()
        if child == 0:
            # The parent's connection is the parent's: neither used nor closed here.
            connection.connection = None
            try:
                act()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"nobody came to {point}"
        assert os.WTERMSIG(status) == signal.SIGKILL


def noted(deposit: Deposit) -> str:
    """What the attempts of a deposit say of their answers, for staff to read."""
    return "; ".join(deposit.attempts.order_by("epoch").values_list("detail", flat=True))


def credits_of(deposit: Deposit) -> int:
    """How often a deposit was credited."""
    return LedgerEntry.objects.filter(source=deposit.pk, kind="deposit").count()


@pytest.fixture(scope="module")
def bank_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for the tests of a module."""
    running = Sandbox(tmp_path_factory.mktemp("sandbox"), SANDBOX_DIVISOR)
    yield running
    running.stop()


@pytest.fixture
def bank(
    committed: None, bank_sandbox: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Bank]:
    """The bank as it was started, with nobody else's deposits due, for one test."""
    monkeypatch.setattr(doorbell, "ring", lambda: None)
    monkeypatch.setattr(crash_points, "_folder", tmp_path)
    Breaker.objects.all().delete()
    with connection.cursor() as cursor:
        # Others' deposits wait; those that earlier tests left at these banks are never taken up again.
        cursor.execute(
            "UPDATE deposits_deposit SET next_action_at = CASE WHEN carrier NOT LIKE 'sandbox-bank%'"
            " THEN now() + interval '1 hour' END WHERE next_action_at IS NOT NULL"
        )
    bank = Bank(bank_sandbox, settings)
    bank.crash_folder = tmp_path
    yield bank
    Breaker.objects.all().delete()
    bank_sandbox.call("DELETE", "/sandbox/settings")
