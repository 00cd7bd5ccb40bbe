"""How late players see the end of a deposit while `live` dies (F63): `python -m tests.chaos_figures.live_deaths`."""

from __future__ import annotations

import contextlib
import html
import http.client
import itertools
import json
import random
import re
import threading
import time
from urllib.parse import urlsplit

import psycopg

from tests.chaos_figures.load import percentile
from tests.chaos_figures.standing import Figures, report
from tests.stack import Stack, await_condition
from tests.stack import http as fetch

DEATHS = 10
WATCHERS = 50
_TIMEOUT_S = 30.0
#: What static/deposit.js does when its stream is lost.
_POLL_S = 2.5


def measure_live_deaths(stack: Stack, *, deaths: int = DEATHS, watchers: int = WATCHERS) -> Figures:
    """Kill a `live` process `deaths` times, in turn, while `watchers` pages watch deposits that end meanwhile.

    `late`: seconds from a deposit's end, by the database, to its page showing it.
    """
    settings = f"{stack.sandbox_url}/sandbox/settings"
    # Deposits take 5 and 15 s, whatever the tests' waits are.
    fetch("PUT", settings, {"time_divisor": 1})
    victims = itertools.cycle(stack.programs_of("live"))
    watching: list[Watcher] = []
    killed = 0
    while len(watching) < watchers or killed < deaths:
        if len(watching) < watchers:
            # Accepted by the carrier at once and approved a while later (docs/sandbox.md).
            watching.append(Watcher(stack.deposit("008" if len(watching) % 2 else "007").body["page_url"]))
        if killed < deaths and len(watching) * deaths >= killed * watchers:
            _kill_one_that_runs(stack, next(victims))
            killed += 1
    for watcher in watching:
        await_condition(lambda watcher=watcher: watcher.shown_at is not None, what="the end being shown")  # type: ignore[misc]
    fetch("DELETE", settings)
    late_s = [_late_s(stack, watcher) for watcher in watching]
    return {
        "deaths": killed,
        "watchers": watchers,
        "shown": len(late_s),
        "streams_lost": sum(watcher.lost for watcher in watching),
        "late_p50_s": round(percentile(late_s, 0.5), 2),
        "late_max_s": round(max(late_s), 2),
    }


def _kill_one_that_runs(stack: Stack, name: str) -> None:
    server = f"live-{name.partition('-')[2] or 1}"
    await_condition(lambda: server not in stack.missing_servers(), what=f"{server} having come back")
    stack.kill(name)


def _late_s(stack: Stack, watcher: Watcher) -> float:
    with psycopg.connect(stack.environment["DATABASE_URL"]) as database:
        row = database.execute(
            "SELECT extract(epoch FROM resolved_at) FROM deposits_deposit WHERE reference = %s",
            [watcher.reference],
        ).fetchone()
    assert row is not None
    assert watcher.shown_at is not None
    return watcher.shown_at - float(row[0])


class Watcher:
    """A player's page: shows what its stream says; without one it asks the page itself until it has another."""

    def __init__(self, page_url: str) -> None:
        self._page_url = page_url
        page = self._page()
        self._stream = urlsplit(html.unescape(_attribute(page, "live")))
        self.reference = self._stream.path.rsplit("/", 1)[1]
        self.shown_at: float | None = None
        self.lost = 0
        self._tries = 0
        threading.Thread(target=self._watch, name=self.reference, daemon=True).start()

    def _page(self) -> str:
        answer = fetch("GET", self._page_url)
        return str(answer.body) if answer.status == 200 else ""

    def _watch(self) -> None:
        while self.shown_at is None:
            # Lost, as a browser sees it.
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self._listen()
            if self.shown_at is None:
                self.lost += 1
                self._do_without()

    def _listen(self) -> None:
        connection = http.client.HTTPConnection(self._stream.netloc, timeout=_TIMEOUT_S)
        try:
            connection.request("GET", f"{self._stream.path}?{self._stream.query}")
            answer = connection.getresponse()
            while answer.status == 200 and (line := answer.readline()):
                if line.startswith(b"data: "):
                    self._tries = 0
                    if json.loads(line.removeprefix(b"data: "))["final"]:
                        self.shown_at = time.time()
                        return
        finally:
            connection.close()

    def _do_without(self) -> None:
        """Ask the page now and each 2.5 s, until it is time to connect again."""
        again_at = time.monotonic() + min(15, 2**self._tries) * random.uniform(0.7, 1)
        self._tries += 1
        while True:
            try:
                final = bool(_attribute(self._page(), "final"))
            except (OSError, http.client.HTTPException):
                final = False
            if final:
                self.shown_at = time.time()
                return
            left_s = again_at - time.monotonic()
            if left_s <= 0:
                return
            time.sleep(min(left_s, _POLL_S))


def _attribute(page: str, name: str) -> str:
    found = re.search(rf'data-{name}="([^"]*)"', page)
    return found[1] if found else ""


if __name__ == "__main__":
    report(measure_live_deaths)
