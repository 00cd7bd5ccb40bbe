"""The product as it runs for real: web, live, worker, sweeper and sandbox, each a process, over the test database."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from paysite.catalogues import compile_stale
from paysite.local_stack import programs
from paysite.local_stack.guard import Guard
from paysite.local_stack.haproxy import servers_up
from paysite.local_stack.keys import Keys
from paysite.local_stack.os_processes import kill_group
from paysite.local_stack.ports import Ports
from paysite.local_stack.processes import Program, Supervisor
from tests import loaded
from tests.local_servers import ENVIRONMENT, ROOT, stack_ports
from tests.sandbox_rules import lift_the_monthly_cap

T = TypeVar("T")

#: How long a condition may take on two busy cores before a test gives up.
PATIENCE_S = 180.0
_POLL_S = 0.05


def await_condition(look: Callable[[], T], *, within_s: float = PATIENCE_S, what: str = "the condition") -> T:
    """Look again and again until `look` returns something true, and return it. Fails after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come about within {within_s:.0f} s; last seen: {found!r}")
        time.sleep(_POLL_S)
    return found


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: header names in lower case, the body read as JSON where it is JSON."""

    status: int
    headers: dict[str, str]
    body: Any


def http(method: str, url: str, body: Any = None, given_headers: dict[str, str] | None = None) -> Answer:
    """Send one request and return the answer, whatever its status. Connection errors are raised as OSError."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data, {"Content-Type": "application/json", **(given_headers or {})}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            status, names, raw = reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        status, names, raw = error.code, error.headers, error.read()
    headers = {name.lower(): value for name, value in names.items()}
    is_json = "json" in headers.get("content-type", "")
    return Answer(status, headers, json.loads(raw) if is_json and raw else raw.decode("utf-8", "replace"))


def _server(name: str) -> str:
    """What the balancer calls a web or live program."""
    kind, _, number = name.partition("-")
    return f"{kind}-{number or 1}"


class Stack:
    """Every process of the product. What dies is started again, as a service manager would."""

    def __init__(
        self,
        data_dir: Path,
        database_url: str,
        redis_url: str,
        *,
        instances: int = 1,
        balanced: bool = False,
        ports: Ports | None = None,
    ) -> None:
        keys = Keys(
            secret_key=ENVIRONMENT["SECRET_KEY"],
            notification_secret=ENVIRONMENT["NOTIFICATION_SECRET"],
            sandbox_client_secret=ENVIRONMENT["SANDBOX_CLIENT_SECRET"],
            bank_signing_key=ENVIRONMENT["BANK_SIGNING_KEY"],
            sealing_key=ENVIRONMENT["SEALING_KEYS"],
        )
        self.site = programs.Site(ROOT, data_dir, ports or stack_ports(), keys, instances, balanced)
        self.environment = self.site.environment(database_url, redis_url) | {
            "STATICFILES_BACKEND": ENVIRONMENT["STATICFILES_BACKEND"]
        }
        self.log_dir = data_dir / "log"
        self._guard = Guard(data_dir / "stack.json")
        self._supervisor = Supervisor(ROOT, self.log_dir, self._guard, say=lambda _: None, start=loaded.start)
        self._lock = threading.Lock()
        self._programs: dict[str, Program] = {}
        self._stopping = threading.Event()
        self.api_key = ""

    @property
    def base_url(self) -> str:
        """Address of the first web instance, or of the balancer before all of them."""
        return self.site.base_url

    @property
    def sandbox_url(self) -> str:
        """Address of the sandbox carrier."""
        return self.site.sandbox_url

    @property
    def bank_url(self) -> str:
        """Origin of the sandbox banks; each bank is below it by its id."""
        return self.site.bank_url

    def start(self) -> None:
        """Seed the demo data and start every process; return when all are ready."""
        wanted = [programs.sandbox(self.site, self.environment)]
        for number in range(self.site.instances):
            wanted += programs.instance(self.site, self.environment, number)
        self._start(wanted)
        if self.site.balanced:
            self._supervisor.start(programs.balancer(self.site))
        self._supervisor.await_ready()
        self._start_reviving()

    def _start(self, wanted: list[Program]) -> None:
        """Seed the demo data and start these programs."""
        # Some who start a stack are no tests: nothing has made it for them.
        compile_stale(ROOT / "locale")
        for program in wanted:
            loaded.load(program)
        self._seed()
        for program in wanted:
            self._programs[program.name] = program
            self._supervisor.start(program)

    def _seed(self) -> None:
        seeding = programs.manage("seed", self.environment, "seed_demo", "--json")
        lift_the_monthly_cap(self.environment["DATABASE_URL"])
        self.api_key = json.loads(self._supervisor.run(seeding).splitlines()[-1])["api_key"]

    def _start_reviving(self) -> None:
        threading.Thread(target=self._revive, name="stack", daemon=True).start()

    def stop(self) -> None:
        """Stop every process."""
        self._stopping.set()
        with self._lock:
            # Nobody is served any longer, so nothing is lost by not waiting for a drain.
            self._supervisor.stop(grace_s=3.0)
            self._guard.close()

    def kill(self, name: str) -> None:
        """Kill a program with all its children at once; it is started again by itself."""
        with self._lock:
            self._supervisor.forgive(name)
            kill_group(self._supervisor.pid(name))

    def kill_until_missed(self, name: str) -> None:
        """Kill a web or live instance with all its children; it is started again when the balancer has missed it.

        It may be back before the balancer has looked twice, or before a test has looked once.
        """
        with self._lock:
            self._supervisor.forgive(name)
            kill_group(self._supervisor.pid(name))
            server = _server(name)
            await_condition(lambda: server in self.missing_servers(), what=f"the balancer missing {server}")

    def forgive(self, name: str) -> None:
        """Count the next death of this program as its first, so that it is soon started again."""
        with self._lock:
            self._supervisor.forgive(name)

    def pid(self, name: str) -> int:
        """Process id of a program; its children are in its process group."""
        return self._supervisor.pid(name)

    def end(self, name: str, grace_s: float = 30.0) -> float:
        """Stop a program in good order, and keep it stopped until `begin`; return how many seconds it took."""
        return self._supervisor.end(name, grace_s)

    def begin(self, name: str) -> None:
        """Start again what `end` stopped; return when it is ready and the balancer, if any, sends it requests."""
        self._supervisor.begin(name)
        if self.site.balanced and name.partition("-")[0] in ("web", "live"):
            server = _server(name)
            await_condition(
                lambda: server not in self.missing_servers(), what=f"the balancer seeing {server}"
            )

    def begin_otherwise(self, *names: str, **environment: str) -> None:
        """Stop these programs and start each as it was first started, but for `environment`; return when all run."""
        for name in names:
            self.end(name)
            program = self._programs[name]
            self._supervisor.start(replace(program, environment={**program.environment, **environment}))
        self._supervisor.await_ready()

    def programs_of(self, *kinds: str) -> list[str]:
        """Names of the programs of these kinds ("web", "live", "worker", "sweeper"), the first instance's first."""
        return [
            f"{kind}{'' if number == 0 else f'-{number + 1}'}"
            for number in range(self.site.instances)
            for kind in kinds
        ]

    def missing_servers(self) -> list[str]:
        """The web and live instances that the balancer sends nothing to now, by its own names: "web-1"."""
        wanted = {f"{kind}-{number + 1}" for kind in ("web", "live") for number in range(self.site.instances)}
        return sorted(wanted - servers_up(self.site.figures_url))

    def freeze(self, name: str) -> None:
        """Stop a program's processes in their tracks until `thaw`."""
        os.killpg(self._supervisor.pid(name), signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a frozen program go on."""
        os.killpg(self._supervisor.pid(name), signal.SIGCONT)

    def _revive(self) -> None:
        while not self._stopping.wait(0.1):
            with self._lock:
                if not self._stopping.is_set():
                    self._supervisor.restart_dead()

    # --- what a partner does ---------------------------------------------------------------------------------------

    def api(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Answer:
        """Call the REST API with the demo partner's key. Writes carry an idempotency key, a fresh one by default."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        if method != "GET":
            headers["Idempotency-Key"] = key or str(uuid.uuid4())
        return http(method, f"{self.base_url}/api/v1{path}", body, headers)

    def get_page(self, path: str) -> Answer:
        """Get a page as a visitor without cookies."""
        return http("GET", f"{self.base_url}{path}")

    def deposit(
        self, phone_number: str, *, amount: int = 2_000, player: str = "", key: str | None = None
    ) -> Answer:
        """Ask for a deposit by phone bill; `phone_number` may be the last three digits of a sandbox number."""
        number = phone_number if phone_number.startswith("+") else f"+447700900{phone_number}"
        body = {
            "player": player or f"p-{uuid.uuid4().hex[:12]}",
            "amount": amount,
            "currency": "GBP",
            "method": {"type": "carrier_billing", "phone_number": number},
        }
        return self.api("POST", "/deposits", body, key=key)

    def deposit_in_the_end(self, phone_number: str, *, amount: int = 2_000, player: str = "") -> Answer:
        """Ask for a deposit, and again with the same key where the site is too busy: nothing was done then."""
        key = uuid.uuid4().hex
        while (answer := self.deposit(phone_number, amount=amount, player=player, key=key)).status == 503:
            pass
        return answer

    def await_status(self, deposit_id: str, *statuses: str, within_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until the deposit has one of `statuses`, and return it as the API shows it."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.api("GET", f"/deposits/{deposit_id}").body
            return found if found["status"] in statuses else None

        found = await_condition(look, within_s=within_s, what=f"{deposit_id} being {' or '.join(statuses)}")
        assert found is not None
        return found

    def bank_record(self, reference: str) -> list[dict[str, Any]]:
        """Return what the sandbox banks have recorded under our reference, payments and refunds: the truth."""
        lines: list[dict[str, Any]] = http("GET", f"{self.sandbox_url}/sandbox/bank-ledger/{reference}").body[
            "entries"
        ]
        return lines

    def charges(self, reference: str) -> list[dict[str, Any]]:
        """Return what the sandbox carrier has recorded under our reference: the truth."""
        lines: list[dict[str, Any]] = http("GET", f"{self.sandbox_url}/sandbox/ledger/{reference}").body[
            "entries"
        ]
        return lines
