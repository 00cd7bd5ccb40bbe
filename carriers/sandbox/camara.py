"""The operations of CAMARA Carrier Billing 0.5, played by story, fault or script."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b

from aiohttp import web
from msgspec import UNSET

from carriers.sandbox import answers, errors
from carriers.sandbox.answers import BASE_PATH, GARBAGE, NO_HEADERS, Answer
from carriers.sandbox.clock import read_stamp, stamp
from carriers.sandbox.errors import Dropped, Refused, invalid
from carriers.sandbox.payments import Payment
from carriers.sandbox.queries import read_filters
from carriers.sandbox.scripts import Operation, ScriptedAnswer, scripted, send_oddly
from carriers.sandbox.stories import APPROVED, STORIES, Answers, Story, is_served
from carriers.sandbox.tokens import CREATE, READ, WRITE
from carriers.sandbox.waiting import hang
from carriers.sandbox.wire import (
    PaymentRequest,
    SecondStepRequest,
    ValidateRequest,
    read_body,
    read_payment_request,
)
from carriers.sandbox.world import Call, World

Answered = Answer | web.StreamResponse
CURRENCY = "GBP"

_ACCEPTED = Answer(202, content_type="", headers=NO_HEADERS)
_NO_CONTENT = Answer(204, content_type="", headers=NO_HEADERS)


class Camara:
    """Answers the requests under /carrier-billing/v0.5/."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._steps = {"validate": self._validate, "confirm": self._confirm, "cancel": self._cancel}

    async def answer(self, call: Call) -> Answered:
        """Route one request. Raises `Refused` and `Dropped`."""
        method, parts = call.request.method, call.path[len(BASE_PATH) :].split("/")
        match parts:
            case ["payments"]:
                if method == "POST":
                    self._authorise(call, CREATE)
                    return await self._create(call, prepare=False)
                self._only(method, "GET", "GET, POST")
                self._authorise(call, READ)
                return await self._list(call)
            case ["payments", "prepare"]:
                self._only(method, "POST")
                self._authorise(call, CREATE)
                return await self._create(call, prepare=True)
            case ["payments", payment_id] if payment_id:
                self._only(method, "GET")
                self._authorise(call, READ)
                return await self._read(call, payment_id)
            case ["payments", payment_id, step] if payment_id and step in self._steps:
                self._only(method, "POST")
                self._authorise(call, WRITE)
                return await self._steps[step](call, payment_id)
        raise Refused(errors.NOT_FOUND)

    def _only(self, method: str, right: str, allow: str = "") -> None:
        if method != right:
            raise errors.method_not_allowed(allow or right)

    def _authorise(self, call: Call, scope: str) -> None:
        self._world.tokens.check(call.request.headers.get("Authorization", ""), scope)

    async def _create(self, call: Call, *, prepare: bool) -> Answered:
        world = self._world
        asked = read_payment_request(await call.body())
        call.seen.reference = asked.amount_transaction.client_correlator or ""
        payment = self._new_payment(asked)
        payment.x_correlator = call.seen.correlator
        if script := world.scripts.take(payment.phone_number, "create"):
            return await self._create_by_script(call, script, payment, prepare)
        if payment.reference and world.store.known(payment.reference, self._remembers_since()):
            raise Refused(errors.DUPLICATE_CORRELATOR)
        story = STORIES.get(payment.phone_number, APPROVED)
        if story.refusal is not None:
            raise Refused(story.refusal)
        self._check_cap(payment)
        if not prepare and not story.asks_code:
            story = self._admit(payment, story, payment.reference or payment.reference_code)
            if story.arrives_after_s:
                late_s = world.settings.scaled(story.arrives_after_s)
                world.clock.at(world.clock.now() + late_s, lambda: self._arrive(payment))
                raise Dropped
        if prepare or story.asks_code:
            return self._start(payment, story, prepare=True)
        return await self._play(call, payment, story, lambda: answers.created(payment))

    def _arrive(self, payment: Payment) -> None:
        """A request that was lost on its way is here at last, and refused if its reference is taken by now."""
        if not self._world.store.known(payment.reference, self._remembers_since()):
            payment.created_at = self._world.clock.now()
            self._world.lifecycle.take(payment, APPROVED)

    def _check_cap(self, payment: Payment) -> None:
        cap = self._world.settings.monthly_cap_minor
        month = stamp(payment.created_at)[: len("2026-01")]
        if cap and self._world.store.charged_in(month, payment.phone_number) + payment.amount_minor > cap:
            raise Refused(errors.THRESHOLD_OVERPASSED)

    def _remembers_since(self) -> float:
        forget_after_s = self._world.settings.forget_after_s
        return self._world.clock.now() - forget_after_s if forget_after_s else 0.0

    async def _create_by_script(
        self, call: Call, script: ScriptedAnswer, payment: Payment, prepare: bool
    ) -> Answered:
        known = self._world.store.known(payment.reference, self._remembers_since())
        if known is not None:
            return await self._play_script(call, script, known, lambda: answers.created(known))
        if script.charge:
            return await self._play_script(
                call, script, payment, lambda: self._start(payment, APPROVED, prepare)
            )
        # What would have been answered; nothing of it is kept.
        payment.status = "pending_validation" if prepare else "succeeded"
        payment.paid_at = 0.0 if prepare else payment.created_at
        payment.authorization_id = self._mint(payment, "authorization")
        return await self._play_script(call, script, payment, lambda: answers.created(payment))

    def _start(self, payment: Payment, story: Story, prepare: bool) -> Answer:
        """Keep a new payment: wait for its code, or take the money."""
        if prepare:
            self._world.lifecycle.ask_code(payment, self._mint(payment, "authorization"))
        else:
            self._world.lifecycle.take(payment, story)
        return answers.created(payment)

    async def _validate(self, call: Call, payment_id: str) -> Answered:
        asked = read_body(ValidateRequest, await call.body())
        payment = self._find(call, payment_id)

        def validate() -> Answer:
            self._world.lifecycle.validate(payment, asked.authorization_id, asked.code)
            return _NO_CONTENT

        return await self._second_step(call, payment, "validate", validate, _NO_CONTENT)

    async def _cancel(self, call: Call, payment_id: str) -> Answered:
        payment = await self._find_for_second_step(call, payment_id)

        def cancel() -> Answer:
            self._world.lifecycle.cancel(payment)
            return _ACCEPTED

        return await self._second_step(call, payment, "cancel", cancel, _ACCEPTED)

    async def _second_step(
        self, call: Call, payment: Payment, operation: Operation, act: Callable[[], Answer], normal: Answer
    ) -> Answered:
        script = self._world.scripts.take(payment.phone_number, operation)
        if script is None:
            return act()
        return await self._play_script(call, script, payment, act if script.charge else lambda: normal)

    async def _confirm(self, call: Call, payment_id: str) -> Answered:
        world = self._world
        payment = await self._find_for_second_step(call, payment_id)
        if script := world.scripts.take(payment.phone_number, "confirm"):

            def confirm() -> Answer:
                world.lifecycle.check_confirmable(payment)
                world.lifecycle.take(payment, APPROVED)
                return _ACCEPTED

            return await self._play_script(
                call, script, payment, confirm if script.charge else lambda: _ACCEPTED
            )
        world.lifecycle.check_confirmable(payment)
        story = STORIES.get(payment.phone_number, APPROVED)
        story = self._admit(payment, story, f"confirm {payment.id}")
        return await self._play(call, payment, story, lambda: _ACCEPTED)

    async def _read(self, call: Call, payment_id: str) -> Answered:
        payment = self._find(call, payment_id)
        if script := self._world.scripts.take(payment.phone_number, "read"):
            return await self._play_script(call, script, payment, lambda: answers.found(payment))
        faults = self._world.faults
        if faults.active and faults.for_inquiry(payment.reference or payment.id, payment.phone_number):
            raise Refused(errors.INTERNAL)
        return answers.found(payment)

    async def _list(self, call: Call) -> Answered:
        filters = read_filters(call.request.query)
        if since := self._remembers_since():
            filters = replace(filters, start=max(since, filters.start or 0.0))
        if script := self._world.scripts.take("", "list"):
            return await self._play_script(call, script, None, lambda: filters.answer(self._world.store))
        faults = self._world.faults
        if faults.active and faults.for_inquiry("list", ""):
            raise Refused(errors.INTERNAL)
        return filters.answer(self._world.store)

    def _admit(self, payment: Payment, story: Story, key: str) -> Story:
        """The story this request plays, a fault included. Raises when the request is turned away."""
        world = self._world
        own = story.turned_away_times > 0
        if not own and not world.faults.active:
            return story
        attempt = world.store.attempt(key, journal=own)
        if world.faults.active:
            story = world.faults.for_charge(key, attempt.count, payment.phone_number) or story
        within_s = world.clock.now() - attempt.first_at
        first_ones = attempt.count <= story.turned_away_times
        if first_ones or (story.turned_away_s and within_s < world.settings.scaled(story.turned_away_s)):
            if story.turned_away is None:
                raise Dropped
            raise Refused(story.turned_away)
        return story

    async def _play(
        self, call: Call, payment: Payment, story: Story, normal: Callable[[], Answer]
    ) -> Answered:
        """Move the money as the story says, then answer as it says."""
        world = self._world
        world.lifecycle.take(payment, story)
        if story is APPROVED:
            return normal()
        if story.early_copies:
            await world.notifier.send_around_answer(payment, "completed", story.early_copies)
        await world.clock.sleep(world.settings.scaled(story.answer_after_s))
        match story.answers:
            case Answers.RESET:
                raise Dropped
            case Answers.SILENCE:
                await hang(call.request, world.clock, world.settings)
                raise Dropped
            case Answers.GARBAGE:
                return Answer(200, GARBAGE, "text/html")
            case Answers.UNAVAILABLE:
                raise Refused(errors.UNAVAILABLE)
        return normal()

    async def _play_script(
        self, call: Call, script: ScriptedAnswer, payment: Payment | None, normal: Callable[[], Answer]
    ) -> Answered:
        try:
            usual = normal()
        except Refused as refused:
            usual = answers.error(refused.refusal)
        await self._world.clock.sleep(script.delay_s)
        answer = scripted(script, usual, payment)
        match script.mode:
            case "normal":
                return answer
            case "abort":
                raise Dropped
            case "hang":
                await hang(call.request, self._world.clock, self._world.settings)
                raise Dropped
        call.seen.status, call.seen.outcome = answer.status, "answered"
        return await send_oddly(call.request, answer, script.mode)

    def _new_payment(self, asked: PaymentRequest) -> Payment:
        """A payment not yet kept. Raises 404, 400 or 422 when this carrier could not take it."""
        transaction = asked.amount_transaction
        phone_number = transaction.phone_number or ""
        if not is_served(phone_number):
            raise Refused(errors.IDENTIFIER_NOT_FOUND)
        charging = transaction.payment_amount.charging_information
        if charging.currency != CURRENCY:
            raise Refused(errors.WRONG_CURRENCY)
        minor = charging.amount * 100
        settings = self._world.settings
        if minor % 1 or not settings.minimum_minor <= minor <= settings.maximum_minor:
            raise Refused(errors.UNAUTHORIZED_AMOUNT)
        payment = Payment(
            id="",
            reference=transaction.client_correlator or "",
            reference_code=transaction.reference_code,
            phone_number=phone_number,
            amount=transaction.payment_amount,
            amount_minor=int(minor),
            currency=charging.currency,
            status="processing",
            created_at=self._world.clock.now(),
            sink=asked.sink or "",
        )
        payment.id = self._mint(payment, "payment")
        while payment.id in self._world.store.payments:  # a reference that was forgotten, used once more
            payment.id = self._mint(payment, f"payment after {payment.id}")
        if asked.sink_credential is not UNSET:
            payment.sink_token = asked.sink_credential.access_token or ""
            payment.sink_token_expires_at = (
                read_stamp(asked.sink_credential.access_token_expires_utc or "") or 0.0
            )
        return payment

    def _mint(self, payment: Payment, kind: str) -> str:
        """An id that the seed and the client's reference decide, so that runs can be compared."""
        key = payment.reference or uuid.uuid4().hex
        return blake2b(f"{self._world.settings.seed}\n{kind}\n{key}".encode(), digest_size=12).hexdigest()

    def _find(self, call: Call, payment_id: str) -> Payment:
        payment = self._world.store.payments.get(payment_id)
        if payment is None or payment.hidden or payment.created_at < self._remembers_since():
            raise Refused(errors.NOT_FOUND)
        call.seen.reference = payment.reference
        call_correlator = call.seen.correlator
        if call_correlator and call.request.method == "POST":
            payment.x_correlator = call_correlator
        return payment

    async def _find_for_second_step(self, call: Call, payment_id: str) -> Payment:
        asked = read_body(SecondStepRequest, await call.body())
        if asked.phone_number is UNSET:
            raise Refused(errors.MISSING_IDENTIFIER)
        payment = self._find(call, payment_id)
        if asked.phone_number != payment.phone_number:
            raise Refused(errors.IDENTIFIER_NOT_FOUND)
        if not payment.two_step and payment.status not in ("succeeded", "processing", "cancelled"):
            raise invalid("The payment was made in one step: there is nothing to confirm or cancel.")
        return payment
