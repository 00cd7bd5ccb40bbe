"""A sandbox carrier of the test's own, and a worker in the test's process: what is due is done when the test says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from deposits import doorbell
from deposits.actions import drain as draining
from deposits.models import Breaker, Deposit
from deposits.states import State
from tests.carriers.sandbox.harness import CLIENT_ID, CLIENT_SECRET, Sandbox
from tests.deposits.making import accepted, own_number
from tests.stack import await_condition

#: The sandbox divides its stories' delays by this: 60 s of theirs are 3 s.
SANDBOX_DIVISOR = 20.0


class Carrier:
    """The sandbox, and this process as its only worker."""

    def __init__(self, sandbox: Sandbox, settings: Any) -> None:
        self.sandbox = sandbox
        self._settings = settings
        self.configure()

    def configure(self, **changes: Any) -> None:
        """Use the sandbox as the only carrier, with a profile of short times; `changes` are of the profile."""
        base = f"http://127.0.0.1:{self.sandbox.port}"
        profile = {
            "code": "sandbox-mobile",
            "adapter": "camara",
            "name": "Sandbox Mobile",
            "base_url": f"{base}/carrier-billing/v0.5",
            "token_url": f"{base}/oauth2/token",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "prefixes": ["+44770090"],
            "notification_secret": self._settings.NOTIFICATION_SECRET,
            "unavailable_means_not_processed": True,
            "horizon_s": 0.5,
            "not_found_apart_s": 0.5,
            "resend_within_s": 60.0,
            "reference_kept_s": 3_600.0,
            "http_total_s": 2.0,
            "connect_timeout_s": 0.5,
        }
        self._settings.CARRIERS = [profile | changes]

    def force(self, phone_number: str, fault: str) -> None:
        """Play `fault` for the next request of a number."""
        force = [{"phone_number": phone_number, "fault": fault, "next_n": 1}]
        assert self.sandbox.call("PUT", "/sandbox/settings", {"force": force}).status == 200

    def set(self, **settings: Any) -> None:
        """Change settings of the sandbox."""
        assert self.sandbox.call("PUT", "/sandbox/settings", settings).status == 200

    def script(self, phone_number: str, *answers: dict[str, Any]) -> None:
        """Queue answers for a number."""
        body = {"phone_number": phone_number, "answers": list(answers)}
        assert self.sandbox.call("POST", "/sandbox/scripts", body).status == 200

    def unscript(self) -> None:
        """Take back all queued answers."""
        assert self.sandbox.call("DELETE", "/sandbox/scripts").status == 200

    def advance(self, seconds: float) -> None:
        """Move the carrier's clock on, and do what is due by then."""
        assert self.sandbox.call("POST", "/sandbox/clock", {"advance_s": seconds}).status == 200

    def charges(self, deposit: Deposit) -> list[tuple[str, int]]:
        """What the carrier has recorded for a deposit: the truth."""
        return self.sandbox.charges(deposit.reference)

    def posts(self, deposit: Deposit) -> list[str]:
        """Paths of the requests that could move money for a deposit, in order."""
        seen = self.sandbox.call("GET", f"/sandbox/requests?reference={deposit.reference}").json["requests"]
        return [one["path"] for one in seen if one["method"] == "POST"]

    def deposit(self, phone_number: str = "", **changes: Any) -> Deposit:
        """Accept a deposit; without a number, one that nobody else uses and that is charged at once."""
        number = phone_number or own_number()
        return accepted(phone_number=number, **changes)

    def work(self, *deposits: Deposit) -> None:
        """Do everything that is due; `deposits` are due at once."""
        if deposits:
            keys = [deposit.pk for deposit in deposits]
            Deposit.objects.filter(pk__in=keys, next_action_at__isnull=False).update(next_action_at=Now())
        draining.drain()

    def work_until(self, deposit: Deposit, *states: State) -> Deposit:
        """Work, each thing when it is due, until the deposit is in one of `states`; return it as it is then."""

        def look() -> Deposit | None:
            self.work()
            deposit.refresh_from_db()
            return deposit if deposit.state in states else None

        found = await_condition(look, what=f"{deposit.reference} being {' or '.join(states)}")
        assert found is not None
        return found


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for the tests of a module."""
    running = Sandbox(tmp_path_factory.mktemp("sandbox"), SANDBOX_DIVISOR)
    yield running
    running.stop()


@pytest.fixture
def carrier(
    committed: None, sandbox: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Carrier]:
    """A carrier as it was started, for one test."""
    monkeypatch.setattr(doorbell, "ring", lambda: None)
    # What other tests saw of a carrier of this name says nothing about this one.
    Breaker.objects.all().delete()
    yield Carrier(sandbox, settings)
    Breaker.objects.all().delete()
    for what in ("settings", "scripts"):
        sandbox.call("DELETE", f"/sandbox/{what}")


@pytest.fixture
def alone(carrier: Carrier) -> None:
    """Let deposits of other tests wait for an hour, so that what is claimed is the test's own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE deposits_deposit SET next_action_at = now() + interval '1 hour' WHERE next_action_at IS NOT NULL"
        )
