"""Payments and the record of charges: in memory, indexed, and journalled as JSON lines.

The payment's line is written before the charge's. A kill between the two leaves a paid payment without a
charge line; the next start writes the missing line, so that both files always tell the same.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from carriers.sandbox.clock import Clock, stamp
from carriers.sandbox.wire import PaymentAmount, encode, read_number

Status = Literal["processing", "pending_validation", "denied", "reserved", "succeeded", "cancelled"]
Due = Literal["", "succeed", "deny", "reverse", "expire"]


class Payment(Struct, kw_only=True, omit_defaults=True, tag_field="line", tag="payment"):
    """One payment. Times are seconds of the sandbox's clock, 0 when it has not happened."""

    id: str
    reference: str = ""
    """The client's clientCorrelator; empty when it sent none."""
    reference_code: str
    phone_number: str
    amount: PaymentAmount
    """As asked, but for the amount of charging_information: that is what is charged."""
    amount_minor: int
    currency: str
    status: Status
    created_at: float
    paid_at: float = 0.0
    reversed_at: float = 0.0
    two_step: bool = False
    sink: str = ""
    sink_token: str = ""
    sink_token_expires_at: float = 0.0
    x_correlator: str = ""
    authorization_id: str = ""
    wrong_codes: int = 0
    denial: str = ""
    hidden: bool = False
    """Accepted, and not to be found by GET until it is charged (number 014)."""
    due: Due = ""
    due_at: float = 0.0
    events: int = 0


class Attempt(Struct, omit_defaults=True, tag_field="line", tag="attempt"):
    """How often a request with this key came, and when first."""

    key: str
    count: int = 0
    first_at: float = 0.0


class ClockMoved(Struct, tag_field="line", tag="clock"):
    """The clock's offset, so that a restart does not turn it back."""

    offset_s: float


class Charge(Struct, gc=False):
    """One line of the record of charges. `amount_minor` is positive in both kinds."""

    seq: int
    at: str
    kind: Literal["charge", "reversal"]
    reference: str
    reference_code: str
    payment_id: str
    phone_number: str
    amount_minor: int
    currency: str


class Journal:
    """An append-only file of JSON lines. A line appended survives the death of this process."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def lines(self) -> Iterator[bytes]:
        """All whole lines; an unfinished last one, left by a kill or a full disk, is cut off."""
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            whole = 0
            for line in file:
                if not line.endswith(b"\n"):
                    os.ftruncate(self._file, whole)
                    return
                whole += len(line)
                yield line

    def append(self, line: bytes) -> None:
        """Write one line. Raises `OSError` when the disk does not take it."""
        data = line + b"\n"
        if os.write(self._file, data) != len(data):
            raise OSError("the journal took only part of a line; is the disk full?")

    def close(self) -> None:
        os.close(self._file)


class Store:
    """All payments and charges of one data directory."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._clock = clock
        self._payments_file = Journal(folder / "payments.jsonl")
        self._charges_file = Journal(folder / "charges.jsonl")
        self.payments: dict[str, Payment] = {}
        self.by_reference: dict[str, Payment] = {}
        self.attempts: dict[str, Attempt] = {}
        self.charges: list[Charge] = []
        self._charges_of: dict[str, list[Charge]] = {}
        self._shown: list[Payment] = []
        self._shown_at: list[float] = []
        self._load()

    def save(self, payment: Payment) -> None:
        """Journal the payment as it is now; index it when it is new."""
        self._payments_file.append(encode(payment))
        if payment.id not in self.payments:
            self._add(payment)
            if not payment.hidden:
                self._show(payment)

    def reveal(self, payment: Payment) -> None:
        """Let a hidden payment be found from now on. The caller saves it."""
        payment.hidden = False
        payment.created_at = self._clock.now()
        self._show(payment)

    def record(self, payment: Payment, kind: Literal["charge", "reversal"]) -> None:
        """Append a line to the record of charges."""
        charge = Charge(
            seq=len(self.charges) + 1,
            at=stamp(payment.paid_at if kind == "charge" else payment.reversed_at),
            kind=kind,
            reference=payment.reference,
            reference_code=payment.reference_code,
            payment_id=payment.id,
            phone_number=payment.phone_number,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
        )
        self._charges_file.append(encode(charge))
        self._add_charge(charge)

    def known(self, reference: str, since: float) -> Payment | None:
        """The payment of a reference, unless it was made before `since` and is forgotten."""
        payment = self.by_reference.get(reference)
        return payment if payment is not None and payment.created_at >= since else None

    def charged_in(self, month: str, phone_number: str) -> int:
        """What a number was charged in a calendar month ("2026-01"), less reversals, in minor units."""
        return sum(
            charge.amount_minor if charge.kind == "charge" else -charge.amount_minor
            for charge in self.charges
            if charge.phone_number == phone_number and charge.at.startswith(month)
        )

    def charges_of(self, reference: str) -> list[Charge]:
        """Lines of one carrier reference (clientCorrelator), oldest first."""
        return self._charges_of.get(reference, [])

    def between(self, start: float | None, end: float | None) -> list[Payment]:
        """Payments created from `start` to `end`, both included, oldest first."""
        first = 0 if start is None else bisect_left(self._shown_at, start)
        last = len(self._shown) if end is None else bisect_right(self._shown_at, end)
        return self._shown[first:last]

    def attempt(self, key: str, *, journal: bool) -> Attempt:
        """Count one more request with this key; `journal` keeps the count over a restart."""
        attempt = self.attempts.get(key)
        if attempt is None:
            attempt = self.attempts[key] = Attempt(key, first_at=self._clock.now())
        attempt.count += 1
        if journal:
            self._payments_file.append(encode(attempt))
        return attempt

    def advance_clock(self, seconds: float) -> None:
        """Move the clock on and remember its offset."""
        self._payments_file.append(encode(ClockMoved(self._clock.offset_s + max(0.0, seconds))))
        self._clock.advance(seconds)

    def close(self) -> None:
        self._payments_file.close()
        self._charges_file.close()

    def _load(self) -> None:
        read_charge = msgspec.json.Decoder(Charge).decode
        for line in self._charges_file.lines():
            self._add_charge(read_charge(line))
        read = msgspec.json.Decoder(
            Payment | Attempt | ClockMoved, dec_hook=read_number, float_hook=Decimal
        ).decode
        for line in self._payments_file.lines():
            match read(line):
                case Payment() as payment:
                    self._add(payment)
                case Attempt() as attempt:
                    self.attempts[attempt.key] = attempt
                case ClockMoved(offset_s):
                    self._clock.offset_s = offset_s
        for payment in sorted(self.payments.values(), key=lambda payment: payment.created_at):
            if not payment.hidden:
                self._show(payment)
        self._write_missing_charges()

    def _write_missing_charges(self) -> None:
        written = {(charge.payment_id, charge.kind) for charge in self.charges}
        for payment in self.payments.values():
            if payment.paid_at and (payment.id, "charge") not in written:
                self.record(payment, "charge")
            if payment.reversed_at and (payment.id, "reversal") not in written:
                self.record(payment, "reversal")

    def _add(self, payment: Payment) -> None:
        self.payments[payment.id] = payment
        if payment.reference:
            self.by_reference[payment.reference] = payment

    def _show(self, payment: Payment) -> None:
        self._shown.append(payment)
        self._shown_at.append(payment.created_at)

    def _add_charge(self, charge: Charge) -> None:
        self.charges.append(charge)
        self._charges_of.setdefault(charge.reference, []).append(charge)
