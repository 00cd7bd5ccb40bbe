"""CAMARA Carrier Billing Refund 0.3: what was charged goes back, in part or whole, played by the payment's number.

Refunds have a journal of their own, append-only, and readable at /sandbox/refunds: the truth that tests compare with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import UNSET, Struct

from carriers.sandbox import errors
from carriers.sandbox.answers import NO_HEADERS, Answer
from carriers.sandbox.clock import stamp
from carriers.sandbox.errors import Dropped, Refusal, Refused, invalid, out_of_range
from carriers.sandbox.payments import Journal, Payment
from carriers.sandbox.stories import PREFIX
from carriers.sandbox.tokens import REFUND_CREATE, REFUND_READ
from carriers.sandbox.wire import (
    Amount,
    RefundRequest,
    RefundTransaction,
    encode,
    read_body,
    read_number,
)
from carriers.sandbox.world import Call, World

REFUND_PATH = "/carrier-billing-refund/v0.3/"
PER_PAGE_LIMIT = 1_000
_NUMBER = re.compile(r"\d{1,9}\Z")

REFUND_DENIED = Refusal(403, "CARRIER_BILLING_REFUND.REFUND_DENIED", "Refund denied by business.")
UNAUTHORIZED_AMOUNT = Refusal(
    422, "CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT", "Unauthorized amount requested."
)
INVALID_PAYMENT_STATUS = Refusal(
    422, "CARRIER_BILLING_REFUND.INVALID_PAYMENT_STATUS", "Payment is not yet completed."
)

Status = Literal["processing", "denied", "succeeded"]


class Refund(Struct, kw_only=True, omit_defaults=True):
    """One refund, as its journal keeps it. The latest line of an id counts."""

    id: str
    payment_id: str
    payment_reference: str
    reference: str
    type: str
    transaction: RefundTransaction
    amount_minor: int
    status: Status
    created_at: float
    done_at: float = 0.0
    ends_as: Status = "succeeded"
    ends_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Story:
    """How a refund of a number's payment goes; its payment itself is approved at once."""

    text: str
    refusal: Refusal | None = None
    ends_as: Status = "succeeded"
    ends_after_s: float = 0.0
    drops_before: bool = False
    drops_after: bool = False


DONE = Story("refunded at once")
STORIES = {
    PREFIX + "0" + suffix: story
    for suffix, story in {
        "021": Story("refund denied", refusal=REFUND_DENIED),
        "022": Story("refund processing, then done after 10 s", ends_after_s=10),
        "023": Story("refund processing, then denied after 5 s", ends_as="denied", ends_after_s=5),
        "024": Story("refunded, and the connection drops before the answer", drops_after=True),
        "025": Story("not refunded, and the connection drops, the first time", drops_before=True),
    }.items()
}


class Refunds:
    """Answers the requests under /carrier-billing-refund/v0.3/."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._journal = Journal(folder / "refunds.jsonl")
        self._refunds: dict[str, Refund] = {}
        self._dropped: set[str] = set()
        read = msgspec.json.Decoder(Refund, dec_hook=read_number, float_hook=Decimal).decode
        for line in self._journal.lines():
            self._add(read(line))
        for refund in self._refunds.values():
            if refund.status == "processing":
                self._wait(refund)

    async def aclose(self) -> None:
        """Close the journal."""
        self._journal.close()

    def listed(self, reference: str) -> Answer:
        """Answer to GET /sandbox/refunds: what has really gone back, of one refund or one payment's reference."""
        shown = [
            {
                "refund": refund.reference,
                "payment": refund.payment_reference,
                "amount_minor": refund.amount_minor,
                "at": stamp(refund.done_at),
            }
            for refund in self._refunds.values()
            if refund.status == "succeeded" and reference in ("", refund.reference, refund.payment_reference)
        ]
        return Answer(200, encode({"refunds": shown}), headers=NO_HEADERS)

    async def answer(self, call: Call) -> Answer:
        """Route one request. Raises `Refused` and `Dropped`."""
        method = call.request.method
        match call.path[len(REFUND_PATH) :].split("/"):
            case ["payments", payment_id, "refunds"] if payment_id:
                if method == "POST":
                    self._authorise(call, REFUND_CREATE)
                    return await self._create(call, payment_id)
                self._only(method, "GET", "GET, POST")
                self._authorise(call, REFUND_READ)
                return self._list(call, payment_id)
            case ["payments", payment_id, "refunds", "remaining-amount"] if payment_id:
                self._only(method, "GET", "GET")
                self._authorise(call, REFUND_READ)
                payment = self._payment(payment_id)
                left = {"amount": Amount(self._left(payment)) / 100, "currency": payment.currency}
                return Answer(200, encode(left), headers=NO_HEADERS)
            case ["payments", payment_id, "refunds", refund_id] if payment_id and refund_id:
                self._only(method, "GET", "GET")
                self._authorise(call, REFUND_READ)
                return self._read(call, payment_id, refund_id)
        raise Refused(errors.NOT_FOUND)

    def _only(self, method: str, right: str, allow: str) -> None:
        if method != right:
            raise errors.method_not_allowed(allow)

    def _authorise(self, call: Call, scope: str) -> None:
        self._world.tokens.check(call.request.headers.get("Authorization", ""), scope)

    async def _create(self, call: Call, payment_id: str) -> Answer:
        asked = read_body(RefundRequest, await call.body())
        reference = asked.amount_transaction.client_correlator or ""
        call.seen.reference = reference
        payment = self._payment(payment_id)
        if any(refund.reference == reference for refund in self._refunds.values() if reference):
            raise Refused(errors.DUPLICATE_CORRELATOR)
        story = STORIES.get(payment.phone_number, DONE)
        if story.refusal is not None:
            raise Refused(story.refusal)
        if story.drops_before and reference not in self._dropped:
            self._dropped.add(reference)
            raise Dropped
        refund = self._new(asked, payment, story)
        self._save(refund)
        if refund.status == "processing":
            self._wait(refund)
        if story.drops_after:
            raise Dropped
        location = f"{REFUND_PATH}payments/{payment.id}/refunds/{refund.id}"
        return Answer(201, encode(_shown(refund)), headers={"Location": location})

    def _new(self, asked: RefundRequest, payment: Payment, story: Story) -> Refund:
        """A refund not yet kept. Raises 400 or 422 when this payment could not give it."""
        if payment.status != "succeeded":
            raise Refused(INVALID_PAYMENT_STATUS)
        left = self._left(payment)
        charging = asked.amount_transaction.refund_amount.charging_information
        if asked.type == "total":
            minor = Amount(left)
        elif charging is UNSET:
            raise invalid("chargingInformation is needed in a partial refund.")
        elif charging.currency != payment.currency:
            raise Refused(errors.WRONG_CURRENCY)
        else:
            minor = Amount(charging.amount * 100)
        if minor % 1 or not 1 <= minor <= left:
            raise Refused(UNAUTHORIZED_AMOUNT)
        now = self._world.clock.now()
        reference = asked.amount_transaction.client_correlator or ""
        key = f"{self._world.settings.seed}\nrefund\n{payment.id}\n{reference or len(self._refunds)}"
        at_once = not story.ends_after_s
        return Refund(
            id=blake2b(key.encode(), digest_size=12).hexdigest(),
            payment_id=payment.id,
            payment_reference=payment.reference,
            reference=reference,
            type=asked.type,
            transaction=asked.amount_transaction,
            amount_minor=int(minor),
            status="succeeded" if at_once else "processing",
            created_at=now,
            done_at=now if at_once else 0.0,
            ends_as=story.ends_as,
            ends_at=now + self._world.settings.scaled(story.ends_after_s),
        )

    def _list(self, call: Call, payment_id: str) -> Answer:
        payment = self._payment(payment_id)
        call.seen.reference = payment.reference
        query = call.request.query
        page, per_page = _number(query.get("page", "1")), _number(query.get("perPage", "10"))
        if page < 1 or not 1 <= per_page <= PER_PAGE_LIMIT:
            raise out_of_range(f"page counts from 1; perPage is from 1 to {PER_PAGE_LIMIT}.")
        found = [refund for refund in self._refunds.values() if refund.payment_id == payment.id]
        found.sort(key=lambda refund: refund.created_at, reverse=query.get("order", "desc") == "desc")
        shown = found[(page - 1) * per_page : page * per_page]
        headers = {"X-Total-Count": str(len(found)), "Content-Last-Key": shown[-1].id if shown else ""}
        return Answer(200, encode([_shown(refund) for refund in shown]), headers=headers)

    def _read(self, call: Call, payment_id: str, refund_id: str) -> Answer:
        refund = self._refunds.get(refund_id)
        if refund is None or refund.payment_id != payment_id:
            raise Refused(errors.NOT_FOUND)
        call.seen.reference = refund.reference
        return Answer(200, encode(_shown(refund)), headers=NO_HEADERS)

    def _payment(self, payment_id: str) -> Payment:
        payment = self._world.store.payments.get(payment_id)
        if payment is None or payment.hidden:
            raise Refused(errors.NOT_FOUND)
        return payment

    def _left(self, payment: Payment) -> int:
        """What is neither given back nor about to be, in minor units."""
        given = sum(
            refund.amount_minor
            for refund in self._refunds.values()
            if refund.payment_id == payment.id and refund.status != "denied"
        )
        return payment.amount_minor - given

    def _wait(self, refund: Refund) -> None:
        self._world.clock.at(refund.ends_at, partial(self._end, refund))

    def _end(self, refund: Refund) -> None:
        refund.status = refund.ends_as
        refund.done_at = self._world.clock.now()
        self._save(refund)

    def _save(self, refund: Refund) -> None:
        self._journal.append(encode(refund))
        self._add(refund)

    def _add(self, refund: Refund) -> None:
        self._refunds[refund.id] = refund


def _shown(refund: Refund) -> dict[str, object]:
    """A refund as GET shows it."""
    shown: dict[str, object] = {
        "refundId": refund.id,
        "refundStatus": refund.status,
        "type": refund.type,
        "refundCreationDate": stamp(refund.created_at),
        "amountTransaction": refund.transaction,
    }
    if refund.status == "succeeded":
        shown["refundDate"] = stamp(refund.done_at)
    return shown


def _number(text: str) -> int:
    if not _NUMBER.match(text):
        raise invalid("page and perPage must be whole numbers.")
    return int(text)
