"""What the fault tests do to the running product, and the oracle that every one of them ends with."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

from accounts import ledger
from accounts.models import Posting
from deposits import doorbell
from deposits.models import Attempt, Deposit, DepositEvent
from deposits.states import FINAL, State
from tests.deposits.making import own_number
from tests.stack import Answer, Stack, await_condition, http
from tests.triggers import triggers_off

#: Long enough for a lease to run out, and for a carrier to be asked twice whether it really found nothing.
ENDS_WITHIN_S = 90.0
#: Which program reaches the crash points of that name.
_PROGRAM = {"web": "web", "inbox": "web", "worker": "worker", "sweeper": "sweeper"}


class Rig:
    """The running product, and the folder of deaths that its processes look into."""

    def __init__(self, stack: Stack, deaths: Path) -> None:
        self.stack = stack
        self._deaths = deaths

    # --- deaths ----------------------------------------------------------------------------------------------------

    def die_at(self, point: str) -> None:
        """Have the next process that reaches `point` killed there."""
        self.stack.forgive(_PROGRAM[point.partition(".")[0]])
        (self._deaths / f"{point}.{uuid.uuid4().hex}").touch()

    def await_death(self, point: str, *, ringing: bool = False) -> int:
        """Wait until a process has died at `point`, forget it, and return the id that it had.

        `ringing`: where the sweeper cannot, this makes up for a ring that got lost.
        """

        def look() -> list[Path]:
            found = list(self._deaths.glob(f"hit.{point}.*"))
            if ringing and not found:
                doorbell.ring_now()
            return found

        (hit,) = await_condition(look, what=f"a death at {point}")
        pid = int(hit.name.rpartition(".")[2])
        hit.unlink()
        return pid

    def disarm(self) -> None:
        """Take back every death that has not happened."""
        for death in self._deaths.iterdir():
            death.unlink()

    @contextmanager
    def without(self, *programs: str) -> Iterator[None]:
        """Do without these programs for a while. They are ended, not frozen: so they leave no lock behind.

        Without the sweeper, what a worker held when it died stays as it is for as long as the lease lasts.
        """
        for name in programs:
            self.stack.end(name)
        try:
            yield
        finally:
            for name in programs:
                self.stack.begin(name)

    def kill_worker_of(self, deposit: Deposit) -> None:
        """Kill the process that holds the lease of `deposit`, as the kernel would."""
        owner = await_condition(lambda: self.row(deposit.reference).lease_owner, what="a worker's lease")
        os.kill(int(owner.rpartition(":")[2]), signal.SIGKILL)

    # --- deposits --------------------------------------------------------------------------------------------------

    def number(self) -> str:
        """Return a phone number that nobody else uses, so that scripts and forced faults reach one deposit."""
        return own_number()

    def ask(self, key: str, number: str, player: str) -> Answer | None:
        """Ask for a deposit; None when the web process died under the request or has not come back yet."""
        try:
            answer = self.stack.deposit(number, player=player, key=key)
        except (OSError, ValueError):
            return None
        assert answer.status in (200, 201, 503), answer.body
        return None if answer.status == 503 else answer

    def deposit(self, number: str = "") -> Deposit:
        """Make a deposit of £20, on a number of its own where none is given."""
        answer = self.stack.deposit(number or self.number())
        assert answer.status == 201, answer.body
        return self.row(answer.body["reference"])

    def await_web(self) -> None:
        """Wait until the web process answers again."""

        def ready() -> bool:
            try:
                return http("GET", f"{self.stack.base_url}/health/ready").status == 200
            except OSError:
                return False

        await_condition(ready, what="the web process being back")

    def row(self, reference: str) -> Deposit:
        """Return the deposit as it stands in the database."""
        return Deposit.objects.get(reference=reference)

    def attempts(self, deposit: Deposit) -> list[tuple[str, str]]:
        """Return (step, outcome) of each attempt, in order."""
        rows = Attempt.objects.filter(deposit=deposit).order_by("epoch")
        return list(rows.values_list("step", "outcome"))

    def events(self, deposit: Deposit) -> list[str]:
        """Return what happened to the deposit, in order."""
        return list(
            DepositEvent.objects.filter(deposit=deposit).order_by("id").values_list("event", flat=True)
        )

    def await_state(self, deposit: Deposit, *states: State) -> Deposit:
        """Wait until the deposit is in one of `states`."""

        def look() -> Deposit | None:
            row = self.row(deposit.reference)
            return row if row.state in states else None

        names = " or ".join(states)
        found = await_condition(look, within_s=ENDS_WITHIN_S, what=f"{deposit.reference} being {names}")
        assert found is not None
        return found

    # --- the carrier -----------------------------------------------------------------------------------------------

    def script(self, number: str, *answers: dict[str, Any]) -> None:
        """Have the carrier give `answers` to the next requests about `number`."""
        body = {"phone_number": number, "answers": list(answers)}
        scripted = http("POST", f"{self.stack.sandbox_url}/sandbox/scripts", body)
        assert scripted.status in (200, 201), scripted.body

    def force(self, fault: str, *numbers: str) -> None:
        """Have each charge of `numbers` meet `fault`."""
        forced = [{"phone_number": number, "fault": fault} for number in numbers]
        answer = http("PUT", f"{self.stack.sandbox_url}/sandbox/settings", {"force": forced})
        assert answer.status == 200, answer.body

    def calm(self) -> None:
        """Take back every fault and every script of the carrier."""
        for name in ("settings", "scripts"):
            http("DELETE", f"{self.stack.sandbox_url}/sandbox/{name}")

    def charge_requests(self, deposit: Deposit) -> list[dict[str, Any]]:
        """Return the requests to charge this deposit's reference that have reached the carrier."""
        url = f"{self.stack.sandbox_url}/sandbox/requests?reference={deposit.reference}"
        seen: list[dict[str, Any]] = http("GET", url).body["requests"]
        return [one for one in seen if one["method"] == "POST" and one["path"].endswith("/payments")]

    # --- the oracle ------------------------------------------------------------------------------------------------

    def ended_true(self, *deposits: Deposit, charged: bool | None = None) -> list[Deposit]:
        """Wait until the deposits have ended, and hold our books against the carrier's own record.

        `charged` says what the record must show; by default either is right, as long as both agree.
        """
        rows = [self.await_state(deposit, *FINAL) for deposit in deposits]
        for row in rows:
            taken = [(line["kind"], line["amount_minor"]) for line in self.stack.charges(row.reference)]
            assert taken in ([], [("charge", row.amount_minor)]), f"{row.reference}: {taken}"
            credits = self.credits(row)
            assert credits == [amount for _, amount in taken], f"{row.reference}: {credits}, carrier {taken}"
            assert (row.state == State.CREDITED) is bool(taken), f"{row.reference}: {row.state}"
            assert charged is None or bool(taken) is charged, f"{row.reference}: {taken}"
        assert list(ledger.verify()) == []
        return rows

    def credits(self, deposit: Deposit) -> list[int]:
        """Return what the ledger has credited for this deposit, one amount a posting."""
        booked = Posting.objects.filter(
            entry__kind="deposit", entry__source=deposit.pk, account__kind="player"
        )
        return list(booked.values_list("amount_minor", flat=True))


def owner_of_the_table(sql: str, *params: str | int) -> None:
    """Run a statement with the deposits' triggers off, as only the owner of the table can."""
    with connection.cursor() as cursor:
        triggers_off(cursor, "deposits_deposit")
        try:
            cursor.execute(sql, params)
        finally:
            cursor.execute("ALTER TABLE deposits_deposit ENABLE TRIGGER USER")
