"""How consents and payments move: approved, refused, expired, consumed; settled or rejected when due."""

from __future__ import annotations

import secrets
from functools import partial

from carriers.sandbox.bank.records import (
    MONEY_MOVED,
    BankPayment,
    BankStore,
    Code,
    Consent,
    ConsentStatus,
    PaymentStatus,
)
from carriers.sandbox.bank.stories import BANKS, NO_MONEY, NOT_COMPLETED, Flow
from carriers.sandbox.clock import Clock
from carriers.sandbox.settings import Settings

CONSUMED = ("U038", "The consent has been used.")
REJECTED_TEXT = "The bank rejected the payment."


class BankLifecycle:
    """Changes consents and payments and journals each change."""

    def __init__(self, store: BankStore, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings

    def resume(self) -> None:
        """After a start: take up what was due when the last process ended."""
        for payment in self._store.payments.values():
            consent = self._store.consents[payment.consent_id]
            if consent.status != "COND":
                # Killed between the payment's line and the consent's.
                self._set_consent(consent, "COND", CONSUMED)
            self._wait(payment)

    def current(self, consent: Consent) -> Consent:
        """The consent as it is now: one that nobody approved, or used, in time is rejected."""
        if consent.status in ("AWAU", "AUTH") and self._clock.now() >= consent.expires_at:
            self._set_consent(consent, "RJCT", NOT_COMPLETED)
        return consent

    def open(self, consent: Consent) -> None:
        """Keep a new consent. One from the client's own account needs nobody's approval."""
        consent.status_at = consent.created_at
        if consent.own:
            consent.status = "AUTH"
        self._store.save(consent)

    def approve(self, consent: Consent, debtor: dict[str, object], *, poor: bool) -> None:
        """The customer approves, paying from `debtor`. Approving twice changes nothing."""
        if consent.status == "AWAU":
            consent.debtor, consent.poor = debtor, poor
            consent.expires_at = self._clock.now() + self._settings.bank_consent_lifetime_s
            self._set_consent(consent, "AUTH")

    def refuse(self, consent: Consent, reason: tuple[str, str]) -> None:
        """The customer, or the bank, refuses."""
        self._set_consent(consent, "RJCT", reason)

    def issue_code(self, consent: Consent, redirect_uri: str, challenge: str, nonce: str, scope: str) -> str:
        """A new authorisation code for an approved consent."""
        code = Code(secrets.token_urlsafe(32), self._clock.now(), redirect_uri, challenge, nonce, scope)
        consent.codes.append(code)
        self._store.save(consent)
        return code.value

    def spend(self, consent: Consent, code: Code) -> None:
        """Use up a code."""
        code.spent = True
        self._store.save(consent)

    def order(self, payment: BankPayment, consent: Consent, *, rejected: bool = False) -> None:
        """Take a new payment: the consent is consumed, and the story's statuses are to come.

        `rejected`: by a fault, whatever the story says.
        """
        story = BANKS[consent.bank_id]
        flow = story.refund if consent.own else story.payment
        if rejected or consent.poor:
            flow = Flow(ends=("RJCT",), reason=NO_MONEY if consent.poor else ("", ""))
        now = self._clock.now()
        payment.status_at = now
        payment.steps = [(now + after, status) for after, status in flow.steps(self._settings.scaled(1))]
        if flow.ends == ("RJCT",):
            payment.ends_for = (
                flow.reason if flow.reason[0] else (self._settings.bank_reject_reason, REJECTED_TEXT)
            )
        self._store.save(payment)
        self._set_consent(consent, "COND", CONSUMED)
        self._wait(payment)

    def _wait(self, payment: BankPayment) -> None:
        if payment.steps:
            self._clock.at(payment.steps[0][0], partial(self._step, payment, payment.steps[0]))

    def _step(self, payment: BankPayment, step: tuple[float, PaymentStatus]) -> None:
        payment.steps = payment.steps[1:]
        payment.status_at, payment.status = step
        moved = payment.status in MONEY_MOVED and not payment.settled_at
        if payment.status == "RJCT":
            payment.reason, payment.reason_text = payment.ends_for
        if moved:
            payment.settled_at = payment.status_at
        self._store.save(payment)
        if moved:
            self._store.record(payment)
        self._wait(payment)

    def _set_consent(
        self, consent: Consent, status: ConsentStatus, reason: tuple[str, str] = ("", "")
    ) -> None:
        consent.status, consent.status_at = status, self._clock.now()
        consent.reason, consent.reason_text = reason
        self._store.save(consent)
