"""A steady or a boundless load on the API, from one thread, that counts every request that did not go well.

Two of three requests make a deposit, the third reads one. What breaks is sent again, with the same key, as the API's
documentation asks of partners.
"""

from __future__ import annotations

import heapq
import json
import random
import selectors
import threading
import time
import uuid
from collections import Counter, deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.chaos_figures.wire import BrokenConnection, Connection, Reply

#: Nobody waits for longer than this; it counts as broken.
_TIMEOUT_S = 30.0
_IDLE_S = 0.02
#: At the end, so that a site that is gone for good does not keep us.
_MOST_BREAKS = 50
#: Numbers of the sandbox's range that have no story.
_PLAIN_NUMBERS = [f"+447700900{last:03}" for last in range(21, 1_000)]


@dataclass(slots=True)
class Request:
    """One thing that is asked for, until it is answered well; `breaks` are the answers that it did not get."""

    kind: str
    data: bytes
    key: str = ""
    breaks: int = 0


@dataclass
class Tally:
    """What became of the requests. Seconds."""

    requests: int = 0
    accepted: dict[str, str] = field(default_factory=dict)  # the deposit's id by its key
    read: int = 0
    busy: int = 0  # 503 with Retry-After: told so, and nothing was done
    failed: Counter[str] = field(default_factory=Counter)  # what else went wrong, in words
    broken_twice: Counter[str] = field(default_factory=Counter)  # kinds of request that broke more than once
    accepted_s: list[float] = field(default_factory=list)
    busy_s: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0

    def accepted_per_s(self) -> float:
        """Deposits accepted per second."""
        return len(self.accepted_s) / self.elapsed_s


def percentile(seconds: list[float], share: float) -> float:
    """The time that `share` of the times stayed below; 0 when there are none."""
    ordered = sorted(seconds)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


class Load:
    """Clients that ask over and over, each over a kept-alive connection, from `start` to `stop`.

    `rate`: requests per second of all clients together; without it each asks again as soon as it is answered.
    `patient`: a client that is told 503 comes again after `Retry-After`; else at once, with something new.
    """

    def __init__(
        self, base_url: str, api_key: str, *, clients: int, rate: float | None = None, patient: bool = True
    ) -> None:
        where = urlsplit(base_url)
        self._host, self._port = where.hostname or "127.0.0.1", where.port or 80
        self._api_key = api_key
        self._pace_s = 1 / rate if rate else 0.0
        self._patient = patient
        self._clients = [_Client(Connection(self._host, self._port)) for _ in range(clients)]
        # Every client is resting, asking (known to the selector), or comes again with what it asked before.
        self._resting = deque(self._clients)
        self._returning: list[tuple[float, int, _Client]] = []
        self._returns = 0
        self._selector = selectors.DefaultSelector()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run_and_tell, name="load", daemon=True)
        self._crash: Exception | None = None
        self._number = 0
        self._next_at = 0.0
        self.tally = Tally()

    def start(self) -> Load:
        """Begin to ask."""
        self._thread.start()
        return self

    def stop(self) -> Tally:
        """Ask nothing new, wait until what was asked is answered, and return what became of it."""
        self._stopping.set()
        self._thread.join()
        if self._crash is not None:
            raise self._crash
        return self.tally

    def run_for(self, seconds: float) -> Tally:
        """Ask for so long."""
        self.start()
        self._stopping.wait(seconds)
        return self.stop()

    def _run_and_tell(self) -> None:
        try:
            self._run()
        except Exception as error:  # noqa: BLE001  raised again by `stop`
            self._crash = error

    def _run(self) -> None:
        started = time.monotonic()
        self._next_at = started
        looks_at = started
        while not (
            self._stopping.is_set() and len(self._resting) == len(self._clients) and not self._returning
        ):
            now = time.monotonic()
            while self._returning and self._returning[0][0] <= now:
                self._ask(heapq.heappop(self._returning)[2], now)
            while self._resting and self._next_at <= now and not self._stopping.is_set():
                self._next_at = max(self._next_at + self._pace_s, now - 1) if self._pace_s else 0.0
                client = self._resting.popleft()
                client.request = self._new_request()
                self._ask(client, now)
            if now >= looks_at:
                looks_at = now + 1
                self._give_up_the_silent(now)
            for key, _ in self._selector.select(_IDLE_S):
                self._hear(key.data)
        self.tally.elapsed_s = time.monotonic() - started
        for client in self._clients:
            client.connection.close()
        self._selector.close()

    def _give_up_the_silent(self, now: float) -> None:
        for client in self._clients:
            if client.waits_since is not None and now - client.waits_since > _TIMEOUT_S:
                self._selector.unregister(client.connection)
                client.connection.close()
                self._broken(client, "no answer in time")

    def _ask_again(self, client: _Client, after_s: float) -> None:
        client.waits_since = None
        self._returns += 1
        heapq.heappush(self._returning, (time.monotonic() + after_s, self._returns, client))

    def _rest(self, client: _Client) -> None:
        client.waits_since = client.request = None
        self._resting.append(client)

    def _ask(self, client: _Client, now: float) -> None:
        assert client.request is not None
        self.tally.requests += 1
        client.waits_since = now
        try:
            client.connection.send(client.request.data)
        except BrokenConnection as error:
            self._broken(client, str(error))
        else:
            self._selector.register(client.connection, selectors.EVENT_READ, client)

    def _hear(self, client: _Client) -> None:
        number = client.connection.fileno()
        try:
            reply = client.connection.read()
        except BrokenConnection as error:
            self._selector.unregister(number)
            self._broken(client, str(error))
            return
        if reply is not None:
            self._selector.unregister(number)
            self._answered(client, reply)

    def _answered(self, client: _Client, reply: Reply) -> None:
        assert client.request is not None
        assert client.waits_since is not None
        took_s = time.monotonic() - client.waits_since
        if reply.status == 503 and "retry-after" in reply.headers:
            self.tally.busy += 1
            self.tally.busy_s.append(took_s)
            if self._patient:
                self._ask_again(client, float(reply.headers["retry-after"]) * random.uniform(0.5, 1))
            else:
                self._rest(client)
            return
        if client.request.kind == "create" and reply.status in (200, 201):
            self.tally.accepted[client.request.key] = json.loads(reply.body)["id"]
            self.tally.accepted_s.append(took_s)
        elif client.request.kind == "read" and reply.status == 200:
            self.tally.read += 1
        else:
            self._broken(client, f"status {reply.status}")
            return
        self._rest(client)

    def _broken(self, client: _Client, what: str) -> None:
        assert client.request is not None
        self.tally.failed[f"{client.request.kind}: {what}"] += 1
        client.request.breaks += 1
        if client.request.breaks > 1:
            self.tally.broken_twice[client.request.kind] += 1
        if self._stopping.is_set() and client.request.breaks > _MOST_BREAKS:
            self._rest(client)
        else:
            self._ask_again(client, 0.1)

    def _new_request(self) -> Request:
        self._number += 1
        if self._number % 3 == 0 and self.tally.accepted:
            deposit = next(reversed(self.tally.accepted.values()))
            return Request("read", self._http("GET", f"/api/v1/deposits/{deposit}"))
        phone = _PLAIN_NUMBERS[self._number % len(_PLAIN_NUMBERS)]
        key = str(uuid.uuid4())
        body = {
            # A player of its own each time, so that no limit is reached.
            "player": f"load-{key[:13]}",
            "amount": 100,
            "currency": "GBP",
            "method": {"type": "carrier_billing", "phone_number": phone},
        }
        return Request("create", self._http("POST", "/api/v1/deposits", key, json.dumps(body).encode()), key)

    def _http(self, method: str, path: str, key: str = "", body: bytes = b"") -> bytes:
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self._host}:{self._port}",
            f"Authorization: Bearer {self._api_key}",
        ]
        if method == "POST":
            lines += [
                f"Idempotency-Key: {key}",
                "Content-Type: application/json",
                f"Content-Length: {len(body)}",
            ]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(eq=False)
class _Client:
    connection: Connection
    request: Request | None = None
    waits_since: float | None = None
