"""Consents, payments and the bank's own record of money moved: in memory, and journalled as JSON lines.

A payment's line is written before the record's. A kill between the two leaves a settled payment without one; the next
start writes it, so that both files always tell the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct, field

from carriers.sandbox.clock import stamp
from carriers.sandbox.payments import Journal
from carriers.sandbox.wire import encode

ConsentStatus = Literal["AWAU", "AUTH", "RJCT", "COND"]
PaymentStatus = Literal[
    "RCVD", "PDNG", "ACTC", "ACCP", "ACFC", "ACSP", "ACWC", "ACSC", "ACWP", "ACCC", "BLCK", "RJCT"
]
# The idempotency key's validity in the specification.
KEY_KEPT_S = 86_400.0

MONEY_MOVED = frozenset({"ACSC", "ACCC"})


class Code(Struct, omit_defaults=True):
    """An authorisation code: what it was given for, and whether it was spent."""

    value: str
    at: float
    redirect_uri: str
    challenge: str
    nonce: str
    scope: str
    spent: bool = False


class Consent(Struct, kw_only=True, omit_defaults=True, tag_field="line", tag="consent"):
    """One domestic payment consent. Times are seconds of the sandbox's clock."""

    id: str
    bank_id: str
    key: str
    body_hash: str
    body: dict[str, Any]
    """OBWriteDomesticConsent4 as it came."""
    amount_minor: int
    created_at: float
    expires_at: float
    status: ConsentStatus = "AWAU"
    status_at: float = 0.0
    reason: str = ""
    """StatusReasonCode, when the status has one."""
    reason_text: str = ""
    debtor: dict[str, Any] | None = None
    """The account the customer chose, once approved."""
    poor: bool = False
    """The account chosen does not have the money."""
    own: bool = False
    """From the client's own account: nobody has to approve."""
    codes: list[Code] = field(default_factory=list)

    @property
    def initiation(self) -> dict[str, Any]:
        """The client's Initiation, as it came."""
        initiation: dict[str, Any] = self.body["Data"]["Initiation"]
        return initiation

    @property
    def reference(self) -> str:
        """The client's end-to-end reference."""
        reference: str = self.initiation["EndToEndIdentification"]
        return reference

    @property
    def shares_account(self) -> bool:
        """Whether the client asked for the account to which a refund can go."""
        asked: object = self.body["Data"].get("ReadRefundAccount")
        return asked == "Yes"


class BankPayment(Struct, kw_only=True, omit_defaults=True, tag_field="line", tag="payment"):
    """One domestic payment. `steps` are still to come: when, and to which status."""

    id: str
    consent_id: str
    bank_id: str
    key: str
    body_hash: str
    created_at: float
    status: PaymentStatus = "RCVD"
    status_at: float = 0.0
    reason: str = ""
    reason_text: str = ""
    settled_at: float = 0.0
    steps: list[tuple[float, PaymentStatus]] = field(default_factory=list)
    ends_for: tuple[str, str] = ("", "")
    """The reason code and text of a rejection that is to come."""


class BankLine(Struct, kw_only=True, gc=False):
    """One line of the record: money that left the debtor's account. `amount_minor` is positive in both kinds."""

    seq: int
    at: str
    kind: Literal["payment", "refund"]
    bank_id: str
    reference: str
    instruction: str
    consent_id: str
    payment_id: str
    amount_minor: int
    currency: str
    debtor: str
    creditor: str


class BankStore:
    """All consents, payments and lines of one data directory."""

    def __init__(self, folder: Path) -> None:
        self._file = Journal(folder / "bank.jsonl")
        self._lines_file = Journal(folder / "bank-ledger.jsonl")
        self.consents: dict[str, Consent] = {}
        self.payments: dict[str, BankPayment] = {}
        self.lines: list[BankLine] = []
        self._consent_of_key: dict[tuple[str, str], Consent] = {}
        self._payment_of_key: dict[tuple[str, str], BankPayment] = {}
        self._payment_of_consent: dict[str, BankPayment] = {}
        self._codes: dict[str, tuple[Consent, Code]] = {}
        self._load()

    def save(self, one: Consent | BankPayment) -> None:
        """Journal it as it is now; index it when it is new."""
        self._file.append(encode(one))
        self._add(one)

    def consent_of_key(self, bank_id: str, key: str, now: float) -> Consent | None:
        """What was made under an idempotency key in the last 24 hours."""
        return _kept(self._consent_of_key.get((bank_id, key)), now)

    def payment_of_key(self, bank_id: str, key: str, now: float) -> BankPayment | None:
        """What was made under an idempotency key in the last 24 hours."""
        return _kept(self._payment_of_key.get((bank_id, key)), now)

    def payment_of(self, consent: Consent) -> BankPayment | None:
        """The payment that has consumed the consent."""
        return self._payment_of_consent.get(consent.id)

    def of_code(self, value: str) -> tuple[Consent, Code] | None:
        """The consent of an authorisation code, and the code."""
        return self._codes.get(value)

    def record(self, payment: BankPayment) -> None:
        """Append the line of a payment that has settled."""
        line = self._line_of(payment)
        self._lines_file.append(encode(line))
        self.lines.append(line)

    def lines_of(self, *, reference: str = "", consent_id: str = "") -> list[BankLine]:
        """Lines of one reference (end-to-end or instruction), or of one consent; oldest first."""
        return [
            line
            for line in self.lines
            if (reference and reference in (line.reference, line.instruction))
            or (consent_id and line.consent_id == consent_id)
        ]

    def close(self) -> None:
        self._file.close()
        self._lines_file.close()

    def _line_of(self, payment: BankPayment) -> BankLine:
        consent = self.consents[payment.consent_id]
        initiation = consent.initiation
        debtor = consent.debtor or {}
        return BankLine(
            seq=len(self.lines) + 1,
            at=stamp(payment.settled_at),
            kind="refund" if consent.own else "payment",
            bank_id=consent.bank_id,
            reference=consent.reference,
            instruction=initiation["InstructionIdentification"],
            consent_id=consent.id,
            payment_id=payment.id,
            amount_minor=consent.amount_minor,
            currency=initiation["InstructedAmount"]["Currency"],
            debtor=str(debtor.get("Identification", "")),
            creditor=initiation["CreditorAccount"]["Identification"],
        )

    def _add(self, one: Consent | BankPayment) -> None:
        if isinstance(one, Consent):
            self.consents[one.id] = one
            self._consent_of_key[one.bank_id, one.key] = one
            self._codes |= {code.value: (one, code) for code in one.codes}
        else:
            self.payments[one.id] = one
            self._payment_of_key[one.bank_id, one.key] = one
            self._payment_of_consent[one.consent_id] = one

    def _load(self) -> None:
        read_line = msgspec.json.Decoder(BankLine).decode
        self.lines.extend(read_line(line) for line in self._lines_file.lines())
        read = msgspec.json.Decoder(Consent | BankPayment).decode
        for line in self._file.lines():
            self._add(read(line))
        written = {line.payment_id for line in self.lines}
        for payment in self.payments.values():
            if payment.settled_at and payment.id not in written:
                self.record(payment)


Made = TypeVar("Made", Consent, BankPayment)


def _kept(made: Made | None, now: float) -> Made | None:
    return made if made is not None and now < made.created_at + KEY_KEPT_S else None
