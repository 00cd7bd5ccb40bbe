"""CloudEvents to the client's sink: three tries with a short backoff, in the background, bounded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from hashlib import blake2b

import aiohttp
from msgspec import Struct, field

from carriers.sandbox.answers import EventKind, event
from carriers.sandbox.clock import Clock, stamp
from carriers.sandbox.payments import Payment
from carriers.sandbox.settings import Settings
from carriers.sandbox.stories import Faults

logger = logging.getLogger(__name__)

BACKOFF_S = (0.5, 2.0)
TRY_TIMEOUT_S = 5.0
# A copy sent before the answer must not keep the client from the answer for long.
EARLY_TIMEOUT_S = 2.0
AT_ONCE_LIMIT = 32
WAITING_LIMIT = 10_000
LOG_LIMIT = 10_000
TOKEN_EXPIRED = "token expired"


class Delivery(Struct):
    """One event on its way. `answers` has a status, or the name of the error, for each try."""

    at: str
    type: str
    event_id: str
    payment_id: str
    reference: str
    answers: list[int | str] = field(default_factory=list)
    state: str = "waiting"  # then: delivered, dropped, lost


class Notifier:
    """Sends notifications and remembers the last 10,000 for the control page and for tests."""

    def __init__(self, clock: Clock, settings: Settings, faults: Faults) -> None:
        self.deliveries: deque[Delivery] = deque(maxlen=LOG_LIMIT)
        self._clock = clock
        self._settings = settings
        self._faults = faults
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE_LIMIT)
        timeout = aiohttp.ClientTimeout(total=TRY_TIMEOUT_S)
        self._http = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())

    def send(self, payment: Payment, kind: EventKind) -> None:
        """Notify once, unless a fault says otherwise. The caller saves the payment."""
        if not payment.sink:
            return
        body, delivery = self._event(payment, kind)
        fault = self._faults.for_notification(
            payment.reference or payment.reference_code, payment.events, payment.phone_number
        )
        if fault == "notification_lost":
            delivery.state = "lost"
            self.deliveries.append(delivery)
            return
        self._start(payment, body, delivery)
        if fault == "notification_doubled":
            self._start(payment, body, _copy(delivery))

    async def send_around_answer(self, payment: Payment, kind: EventKind, copies: int) -> None:
        """Deliver `copies` of one event now, one try each, and start a last one in the background."""
        if not payment.sink:
            return
        body, delivery = self._event(payment, kind)
        for _ in range(copies):
            early = _copy(delivery)
            self.deliveries.append(early)
            await self._try(payment, body, early, EARLY_TIMEOUT_S)
            if early.state != "delivered":
                early.state = "dropped"
        self._start(payment, body, _copy(delivery))

    async def close(self) -> None:
        """Drop what is still waiting."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    def _event(self, payment: Payment, kind: EventKind) -> tuple[bytes, Delivery]:
        payment.events += 1
        number = f"{payment.id}\n{kind}\n{payment.events}".encode()
        event_id = blake2b(number, digest_size=12).hexdigest()
        now = self._clock.now()
        delivery = Delivery(stamp(now), f"payment-{kind}", event_id, payment.id, payment.reference)
        return event(payment, kind, event_id, now), delivery

    def _start(self, payment: Payment, body: bytes, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        if len(self._tasks) >= WAITING_LIMIT:
            delivery.state = "dropped"
            logger.warning("notification %s dropped: %d are waiting", delivery.event_id, WAITING_LIMIT)
            return
        task = asyncio.create_task(self._deliver(payment, body, delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, payment: Payment, body: bytes, delivery: Delivery) -> None:
        for pause in (0.0, *BACKOFF_S):
            if pause:
                await asyncio.sleep(self._settings.scaled(pause))
            async with self._slots:
                await self._try(payment, body, delivery, TRY_TIMEOUT_S)
            # 410: the client says that this sink is gone for good. An expired token stays expired.
            if delivery.state == "delivered" or delivery.answers[-1] in (410, TOKEN_EXPIRED):
                break
        if delivery.state != "delivered":
            delivery.state = "dropped"

    async def _try(self, payment: Payment, body: bytes, delivery: Delivery, timeout_s: float) -> None:
        headers = {"Content-Type": "application/cloudevents+json"}
        if payment.sink_token:
            # The token is the client's, so the client's clock counts, not the sandbox's.
            if payment.sink_token_expires_at < time.time():
                delivery.answers.append(TOKEN_EXPIRED)
                return
            headers["Authorization"] = f"Bearer {payment.sink_token}"
        if payment.x_correlator:
            headers["x-correlator"] = payment.x_correlator
        try:
            async with self._http.post(
                payment.sink,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as answer:
                delivery.answers.append(answer.status)
                if 200 <= answer.status < 300:
                    delivery.state = "delivered"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            delivery.answers.append(type(failure).__name__)


def _copy(delivery: Delivery) -> Delivery:
    return Delivery(delivery.at, delivery.type, delivery.event_id, delivery.payment_id, delivery.reference)
