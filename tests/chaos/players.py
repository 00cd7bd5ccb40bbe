"""Players and partners: they ask for deposits through HTTP, each under one key until it is answered.

Some drive the API, some tap on the page and watch the live stream, some tap twice at the same instant on two web
servers. They choose among the web servers themselves and go to the other one when one does not answer.
"""

from __future__ import annotations

import asyncio
import html
import json
import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.chaos import bank_players, refund_players
from tests.chaos.looking import OPEN, until
from tests.stack import await_condition

#: Numbers with a story of their own, and how often of a thousand deposits each is used; the others meet the faults
#: that the carrier draws. 016 never ends, by design, and is left out.
STORIES = {
    "002": 10,
    "003": 5,
    "005": 5,
    "007": 25,
    "008": 15,
    "009": 30,
    "010": 30,
    "011": 30,
    "012": 25,
    "013": 15,
    "014": 10,
    "015": 10,
    "017": 25,
    "018": 10,
    "019": 20,
    "020": 20,
}
#: Stories of which the carrier sends notifications: what is asked beyond the plan is to meet the last crash points.
_NOTIFIED = ("017", "017", "007")
#: Stories of the demo's lobby that the page's players choose from. "code" is a number that must first be proved.
_PAGE_STORIES = ("001", "001", "001", "007", "010", "012", "017", "019", "020", "code")
_PAGE_SHARE, _TWICE_SHARE = 0.3, 0.12
#: Of those who use the API, so many pay from a bank.
_BANK_SHARE = 0.3
_PLAYERS = 60
#: A request is given up, and made again, after this long; a person gives up altogether after the other.
_REQUEST_S, PATIENCE_S = 8.0, 90.0
_CODE = "123456"
_KEY = r'name="key"[^>]*? value="([^"]+)"'
#: A form that comes back with a problem is sent again for so long: what was down (S24) may be back by then.
_INSISTS_S = 15.0
#: With more than this waiting for an answer, nobody else asks and nobody else is killed: on a busy machine a run takes
#: longer, and does not turn into a queue.
WAITING_MOST = 40


@dataclass
class Told:
    """What players were told, which must turn out to be true."""

    #: Idempotency key → the references that were answered to it: one, or something is wrong.
    accepted: dict[str, set[str]] = field(default_factory=dict)
    #: The same of refunds.
    refunds: dict[str, set[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    #: Those who gave up after a minute and a half: nothing is wrong with that, but they are told.
    gave_up: list[str] = field(default_factory=list)
    #: What a player did not expect to meet; the rig's own faults, too.
    trouble: list[str] = field(default_factory=list)
    #: Seconds from the first request to the answer.
    waits: list[float] = field(default_factory=list)


class Players:
    """All players of a run, in a thread of their own with an event loop."""

    def __init__(
        self,
        *,
        webs: list[str],
        lives: list[str],
        api_key: str,
        deposits: int,
        load_s: float,
        seed: int,
        codes: bool = True,
        banks: bool = True,
    ) -> None:
        """`codes`: whether some numbers must be proved by a one-time code, which takes a player who stays.

        `banks`: whether some pay from a bank. Where there are such players, some deposits are given back, too.
        """
        self.told = Told()
        #: While this says so, nobody else asks.
        self.overwhelmed: Callable[[], bool] = lambda: self.waiting > WAITING_MOST
        self.webs, self._lives, self._api_key = webs, lives, api_key
        self._deposits, self._load_s = deposits, load_s
        self._stories = {story: weight for story, weight in STORIES.items() if codes or story != "009"}
        self.page_stories = [story for story in _PAGE_STORIES if codes or story != "code"]
        self._banks = banks
        self._dice = random.Random(f"{seed} players")
        self._made = self._asked = 0
        self._stop = threading.Event()
        self._all_begun = threading.Event()
        self._extra = threading.Event()
        #: While this is set, partners begin to give deposits back; and how many are at it.
        self.giving_back = threading.Event()
        self.being_asked_back = 0
        if banks:
            self.giving_back.set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="players")

    def start(self) -> None:
        """Begin: the deposits are spread over the time of the load."""
        self._thread.start()

    def await_all_asked(self, within_s: float) -> None:
        """Wait until each deposit, of the plan and beyond, has been answered or given up."""
        await_condition(
            lambda: self._all_begun.is_set() and not self.waiting,
            within_s=within_s,
            what="every player being answered",
        )

    def ask_more(self, wanted: bool) -> None:
        """Go on with further deposits beyond the plan, about four a second, or no longer."""
        (self._extra.set if wanted else self._extra.clear)()

    def give_no_more_back(self) -> None:
        """Let nobody else ask for a refund, and wait until those who have asked are answered or have given up."""
        self.giving_back.clear()
        await_condition(
            lambda: not self.being_asked_back, within_s=2 * PATIENCE_S, what="refunds being answered"
        )

    def stop(self) -> None:
        """End what players still do: watching pages, waiting for codes."""
        self._stop.set()
        self._thread.join(60)

    @property
    def waiting(self) -> int:
        """How many have asked and are not yet answered."""
        return self._made - self._asked

    def asked(self) -> None:
        """Count one whose request has been answered, or given up."""
        self._asked += 1

    async def _run(self) -> None:
        connector = aiohttp.TCPConnector(limit=200, force_close=True)
        timeout = aiohttp.ClientTimeout(total=_REQUEST_S)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
            started = time.monotonic()
            times = sorted(self._dice.uniform(0, self._load_s) for _ in range(self._deposits))
            tasks = [asyncio.create_task(self._more(http))]
            for at_s in times:
                while self.overwhelmed() and not self._stop.is_set():
                    await asyncio.sleep(0.1)
                    started += 0.1
                await asyncio.sleep(max(0.0, started + at_s - time.monotonic()))
                tasks.append(asyncio.create_task(self._begin(http)))
            self._all_begun.set()
            while not self._stop.is_set():
                await asyncio.sleep(0.1)
            for task in tasks:
                task.cancel()
            for end in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(end, Exception):
                    self.told.trouble.append(repr(end))

    async def _more(self, http: aiohttp.ClientSession) -> None:
        async with asyncio.TaskGroup() as further:
            while True:
                if self._extra.is_set() and not self.overwhelmed():
                    further.create_task(self._begin(http, self._dice.choice(_NOTIFIED)))
                await asyncio.sleep(0.25)

    def _begin(self, http: aiohttp.ClientSession, story: str = "") -> Coroutine[Any, Any, None]:
        # Counted before it runs, so that nobody is overlooked who is about to ask.
        self._made += 1
        return self._one(http, self._made, story)

    async def _one(self, http: aiohttp.ClientSession, number: int, story: str) -> None:
        dice = random.Random(f"{self._dice.random()} {number}")
        if dice.random() < _PAGE_SHARE:
            await _PagePlayer(self, dice).play()
        else:
            await self._by_api(http, dice, story)

    # --- partners ----------------------------------------------------------------------------------------------------

    async def _by_api(self, http: aiohttp.ClientSession, dice: random.Random, story: str) -> None:
        weights = self._stories.values()
        story = story or dice.choices([*self._stories, ""], [*weights, 1_000 - sum(weights)])[0]
        number = f"+447700900{story}" if story else f"+44770090{dice.randrange(100, 10_000):04}"
        player = f"chaos-{dice.randrange(_PLAYERS)}"
        by_bank = self._banks and dice.random() < _BANK_SHARE
        body = (
            bank_players.body(dice, player)
            if by_bank
            else {
                "player": player,
                "amount": dice.randrange(100, 4_001, 50),
                "currency": "GBP",
                "method": {"type": "carrier_billing", "phone_number": number},
            }
        )
        key = str(uuid.UUID(int=dice.getrandbits(128)))
        asks = 2 if dice.random() < _TWICE_SHARE else 1
        told = self.told.accepted
        answers = await asyncio.gather(
            *(self.ask(http, dice, "/deposits", body, key, told) for _ in range(asks))
        )
        self.asked()
        made = next((answer for answer in answers if answer), None)
        if made and by_bank:
            await bank_players.see_through(self, http, dice, made["id"])
        elif made and story == "009":
            await self._confirm(http, dice, made["id"])
        if made and (by_bank or story in refund_players.STORIES) and dice.random() < refund_players.SHARE:
            await refund_players.give_back(self, http, dice, made["id"])

    async def ask(
        self,
        http: aiohttp.ClientSession,
        dice: random.Random,
        path: str,
        body: Any,
        key: str,
        told: dict[str, set[str]],
    ) -> dict[str, Any] | None:
        """POST `body` under `key` until it is answered; return what was made, and note it in `told`."""
        since = time.monotonic()
        while time.monotonic() - since < PATIENCE_S:
            status, answer = await self.api(http, dice, "POST", path, body, key)
            if status in (200, 201):
                told.setdefault(key, set()).add(answer["reference"])
                self.told.waits.append(time.monotonic() - since)
                return dict(answer)
            if 400 <= status < 500 and status != 429:
                self.told.refusals[f"{status} {answer.get('code')}"] += 1
                return None
            self.told.counts["POST answered with an error" if status else "POST without an answer"] += 1
            await asyncio.sleep(dice.uniform(0.1, 0.3))
        self.told.gave_up.append(key)
        return None

    async def _confirm(self, http: aiohttp.ClientSession, dice: random.Random, deposit_id: str) -> None:
        key = str(uuid.UUID(int=dice.getrandbits(128)))

        async def over() -> bool:
            status, answer = await self.api(http, dice, "GET", f"/deposits/{deposit_id}")
            if status == 200 and answer["status"] == "action_required":
                code = {"code": _CODE}
                await self.api(http, dice, "POST", f"/deposits/{deposit_id}/confirm", code, key)
            return status == 200 and answer["status"] not in OPEN

        await until(over)

    async def api(
        self,
        http: aiohttp.ClientSession,
        dice: random.Random,
        method: str,
        path: str,
        body: Any = None,
        key: str = "",
    ) -> tuple[int, Any]:
        """Call the API of some web server: status and body; status 0 when the connection broke or nothing came."""
        headers = {"Authorization": f"Bearer {self._api_key}"} | ({"Idempotency-Key": key} if key else {})
        url = f"{dice.choice(self.webs)}/api/v1{path}"
        try:
            async with http.request(method, url, json=body, headers=headers) as reply:
                text = await reply.text()
                return reply.status, json.loads(text) if "json" in reply.content_type else {}
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return 0, {}


class _PagePlayer:
    """One person with a browser: signs in, taps, watches the page until it is over, enters the code it asks for."""

    def __init__(self, all_players: Players, dice: random.Random) -> None:
        self._all, self._dice = all_players, dice
        self.told = all_players.told

    async def play(self) -> None:
        jar = aiohttp.CookieJar(unsafe=True)  # our hosts are bare addresses
        timeout = aiohttp.ClientTimeout(total=_REQUEST_S)
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(cookie_jar=jar, timeout=timeout, connector=connector) as self._http:
            reference = await self._deposit()
            self._all.asked()
            if reference:
                await self._watch(reference)

    async def _deposit(self) -> str:
        story = self._dice.choice(self._all.page_stories)
        since = time.monotonic()
        form = ""
        while time.monotonic() - since < PATIENCE_S and not form:
            await self._get("/demo/")
            signed_in, _ = await self._post("/demo/", {"story": story})
            form = await self._get("/deposit/") if signed_in in (302, 303) else ""
            await asyncio.sleep(0 if form else self._dice.uniform(0.1, 0.3))
        if not form:
            self.told.counts["players who could not sign in"] += 1
            return ""
        key = _found(_KEY, form)
        entry = {"key": key, "amount": str(self._dice.choice((10, 20, 30, 40))), "live": "1"}
        while time.monotonic() - since < PATIENCE_S:
            status, location = await self._post("/deposit/", entry)
            if status == 303:
                reference = _found(r"/deposit/(D-[0-9A-Z-]+)/", location)
                if reference:
                    self.told.accepted.setdefault(key, set()).add(reference)
                    self.told.waits.append(time.monotonic() - since)
                    return reference
                if time.monotonic() - since > _INSISTS_S:
                    self.told.refusals[f"page {location[:60]}"] += 1
                    return ""
                self.told.counts["tap answered with the form again"] += 1
            else:
                self.told.counts["tap answered with an error" if status else "tap without an answer"] += 1
            await asyncio.sleep(self._dice.uniform(0.1, 0.3))
        self.told.gave_up.append(key)
        return ""

    async def _watch(self, reference: str) -> None:
        while True:
            page = await self._get(f"/deposit/{reference}/")
            if 'data-final="1"' in page:
                self.told.counts["pages that showed the end"] += 1
                return
            if 'name="code"' in page:
                entry = {"key": _found(_KEY, page), "code": _CODE, "live": "1"}
                await self._post(f"/deposit/{reference}/code/", entry)
            stream = html.unescape(_found(r'data-live="([^"]+)"', page))
            if stream:
                await self._listen(stream)
            await asyncio.sleep(0.3)

    async def _listen(self, url: str) -> None:
        """Read the stream until it breaks, ends, or asks for something; the caller looks at the page again."""
        url = re.sub(r"^https?://[^/]+", self._dice.choice(self._all._lives), url)
        self.told.counts["streams opened"] += 1
        try:
            async with self._http.get(url, timeout=aiohttp.ClientTimeout(total=20)) as reply:
                async for line in reply.content:
                    if line.startswith(b"data:") and (b'"final": true' in line or b'name=\\"code\\"' in line):
                        return
        except (aiohttp.ClientError, TimeoutError):
            self.told.counts["streams broken"] += 1

    async def _get(self, path: str) -> str:
        try:
            async with self._http.get(self._dice.choice(self._all.webs) + path) as reply:
                return await reply.text() if reply.status == 200 else ""
        except (aiohttp.ClientError, TimeoutError):
            return ""

    async def _post(self, path: str, entry: dict[str, str]) -> tuple[int, str]:
        """Return status and Location; status 0 when the connection broke or nothing came."""
        web = self._dice.choice(self._all.webs)
        token = next((cookie.value for cookie in self._http.cookie_jar if cookie.key == "csrf"), "")
        try:
            async with self._http.post(
                web + path, data=entry, headers={"X-CSRFToken": token}, allow_redirects=False
            ) as reply:
                return reply.status, reply.headers.get("Location", "")
        except (aiohttp.ClientError, TimeoutError):
            return 0, ""


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else ""
