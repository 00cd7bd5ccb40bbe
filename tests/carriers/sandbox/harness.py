"""Starts the sandbox as its own program and talks to it as a client that knows only the specification."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[3]
BASE = "/carrier-billing/v0.5"
CLIENT_ID, CLIENT_SECRET = "client-1", "keep-it"
# A machine that does much else may take its time; only what never comes waits so long.
PATIENCE_S = 120.0


class Reply:
    """One HTTP answer: `status`, `headers` with lower-case names, `body`."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        """The body, read as JSON; numbers with a point stay the text they came as."""
        return json.loads(self.body, parse_float=str)

    @property
    def error(self) -> tuple[int, str]:
        """Status and code of an ErrorInfo, whose own status must be the same."""
        assert self.json["status"] == self.status
        assert self.json["message"]
        return self.status, self.json["code"]


class Sandbox:
    """A sandbox process on a free port. `time_divisor` divides the delays of the stories."""

    def __init__(self, folder: Path, time_divisor: float = 20, *options: str) -> None:
        self.folder = folder
        self._divisor = time_divisor
        self._options = options
        self._token = ""
        self.port = free_port()
        self.start()

    def start(self) -> None:
        """Start the process and wait until it answers."""
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "carriers.sandbox", "--host", "127.0.0.1", "--port", str(self.port)),
                *(
                    "--data-dir",
                    str(self.folder),
                    "--client-id",
                    CLIENT_ID,
                    "--client-secret",
                    CLIENT_SECRET,
                ),
                *self._options,
            ],
            cwd=ROOT,
            env={**os.environ, "TIME_DIVISOR": str(self._divisor)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        wait_until(self._answers)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Stop the process; its exit status and what it wrote to stderr."""
        self._process.send_signal(number)
        _, errors = self._process.communicate(timeout=PATIENCE_S)
        return self._process.returncode, errors.decode()

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        timeout: float = PATIENCE_S,
        taken: str = "",
    ) -> Reply:
        """One request on a connection of its own. `body` is sent as JSON unless it is bytes.

        `timeout` is for the answer. With `taken`, the reference that the request names, it counts from when the
        sandbox has taken the request in: who is not answered was heard all the same, however slow the machine.
        """
        before = len(self.seen(taken)) if taken else 0
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if sent is not None else {}
        try:
            connection.request(method, path, sent, {**given, **(headers or {})})
            if taken:
                wait_until(lambda: len(self.seen(taken)) > before)
            connection.sock.settimeout(timeout)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, names, answer.read())
        finally:
            connection.close()

    def token(self) -> str:
        """An access token with all scopes, kept."""
        if not self._token:
            form = f"grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}"
            self._token = self.call("POST", "/oauth2/token", form.encode(), _FORM).json["access_token"]
        return self._token

    def api(self, method: str, path: str, body: object = None, **options: Any) -> Reply:
        """One request to the carrier's API with a token."""
        headers = {"Authorization": f"Bearer {self.token()}", **options.pop("headers", {})}
        return self.call(method, BASE + path, body, headers, **options)

    def pay(self, number: str, reference: str, step: str = "", **options: Any) -> Reply:
        """POST /payments, or /payments/prepare; `number` is the end of the phone number.

        `timeout` is for the answer, once the sandbox has taken the request in.
        """
        patience = {"timeout": options.pop("timeout"), "taken": reference} if "timeout" in options else {}
        body = payment_body(f"+44770090{number}", reference, **options)
        return self.api("POST", f"/payments{step}", body, **patience)

    def payment(self, payment_id: str) -> Any:
        """GET /payments/{paymentId}."""
        return self.api("GET", f"/payments/{payment_id}").json

    def listed(self, reference: str) -> list[Any]:
        """What a client finds for its reference: it must list and compare."""
        found = self.api("GET", "/payments?perPage=1000").json
        return [one for one in found if one["amountTransaction"].get("clientCorrelator") == reference]

    def seen(self, reference: str) -> list[Any]:
        """The requests to the carrier that named this reference, oldest first."""
        path = f"/sandbox/requests?reference={quote(reference, safe='')}"
        requests: list[Any] = self.call("GET", path).json["requests"]
        return requests

    def charges(self, reference: str) -> list[tuple[str, int]]:
        """Kind and minor units of each line of the record of charges."""
        entries = self.call("GET", f"/sandbox/ledger/{quote(reference, safe='')}").json["entries"]
        return [(entry["kind"], entry["amount_minor"]) for entry in entries]

    def set(self, **settings: Any) -> Reply:
        return self.call("PUT", "/sandbox/settings", settings)

    def script(self, number: str, *answers: dict[str, Any]) -> None:
        reply = self.call(
            "POST", "/sandbox/scripts", {"phone_number": f"+44770090{number}", "answers": answers}
        )
        assert reply.status == 200, reply.body

    def advance(self, seconds: float) -> None:
        assert self.call("POST", "/sandbox/clock", {"advance_s": seconds}).status == 200

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.stop()

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"the sandbox ended: {self._process.communicate()[1].decode()}")
        try:
            return self.call("GET", "/sandbox/health").status == 200
        except ConnectionError:
            return False


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Sink:
    """A client's notification endpoint. `events` has (event, headers); `statuses` are what to answer, then 204."""

    def __init__(self) -> None:
        self.events: queue.Queue[tuple[Any, dict[str, str]]] = queue.Queue()
        self.statuses: list[int] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sink.events.put((event, {name.lower(): value for name, value in self.headers.items()}))
                self.send_response(sink.statuses.pop(0) if sink.statuses else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/carriers/sandbox-mobile/notifications"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def next(self) -> Any:
        """The next event."""
        return self.events.get(timeout=PATIENCE_S)[0]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def payment_body(
    phone_number: str, reference: str, amount: str = "20.00", sink: str = "", **transaction: Any
) -> bytes:
    """Body of create and prepare. `amount` is written as it is, so that no float touches it."""
    asked: dict[str, Any] = {
        "amountTransaction": {
            "phoneNumber": phone_number,
            "clientCorrelator": reference,
            "referenceCode": f"code-{reference}",
            "paymentAmount": {
                "chargingInformation": {"amount": "@amount", "currency": "GBP", "description": "Deposit"}
            },
            **transaction,
        }
    }
    if sink:
        asked["sink"] = sink
        asked["sinkCredential"] = {
            "credentialType": "ACCESSTOKEN",
            "accessToken": "tell-me",
            "accessTokenExpiresUtc": "2099-01-01T00:00:00Z",
            "accessTokenType": "bearer",
        }
    return json.dumps(asked).replace('"@amount"', amount).encode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Ask again and again, a fiftieth of a second apart. Raises `AssertionError` when patience ends."""
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        threading.Event().wait(0.02)
