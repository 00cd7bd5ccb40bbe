"""How a payment moves: prepared, validated, charged, denied, cancelled, reversed, at once or when due."""

from __future__ import annotations

from functools import partial

from carriers.sandbox.clock import Clock
from carriers.sandbox.errors import (
    ALREADY_VALIDATED,
    INVALID_AUTHORIZATION_ID,
    INVALID_CODE,
    NOT_VALIDATED,
    PAYMENT_CANCELLED,
    PAYMENT_CONFIRMED,
    PAYMENT_DENIED,
    PERMISSION_DENIED,
    VALIDATION_FAILED,
    Refused,
)
from carriers.sandbox.notifications import Notifier
from carriers.sandbox.payments import Due, Payment, Store
from carriers.sandbox.settings import Settings
from carriers.sandbox.stories import Settles, Story
from carriers.sandbox.wire import Amount

CODE = "123456"
CODE_TRIES = 3
# On the sandbox's clock and not divided: advance the clock to get there.
RESERVATION_S = 600.0


class Lifecycle:
    """Changes payments, journals each change and tells the client's sink."""

    def __init__(self, store: Store, clock: Clock, notifier: Notifier, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._notifier = notifier
        self._settings = settings

    def resume(self) -> None:
        """After a start: take up what was due when the last process ended."""
        for payment in self._store.payments.values():
            if payment.due:
                self._wait(payment)

    def ask_code(self, payment: Payment, authorization_id: str) -> None:
        """A new payment waits for its code, and expires unless it is confirmed."""
        payment.status = "pending_validation"
        payment.authorization_id = authorization_id
        payment.two_step = True
        self._set_due(payment, "expire", RESERVATION_S)
        self._notifier.send(payment, "pending-validation")
        self._store.save(payment)

    def validate(self, payment: Payment, authorization_id: str, code: str) -> None:
        """Check a code. Raises `Refused`; the third wrong code also denies the payment."""
        if payment.status == "denied":
            raise Refused(VALIDATION_FAILED)
        if payment.status != "pending_validation":
            raise Refused(ALREADY_VALIDATED)
        if authorization_id != payment.authorization_id:
            raise Refused(INVALID_AUTHORIZATION_ID)
        if code == CODE:
            payment.status = "reserved"
            self._notifier.send(payment, "reserved")
            self._store.save(payment)
            return
        payment.wrong_codes += 1
        if payment.wrong_codes < CODE_TRIES:
            self._store.save(payment)
            raise Refused(INVALID_CODE)
        self._deny(payment, "Too many wrong codes")
        raise Refused(VALIDATION_FAILED)

    def check_confirmable(self, payment: Payment) -> None:
        """Raises `Refused` unless the payment is reserved."""
        match payment.status:
            case "cancelled":
                raise Refused(PAYMENT_CANCELLED)
            case "denied":
                raise Refused(PAYMENT_DENIED)
            case "pending_validation":
                raise Refused(NOT_VALIDATED)
            case "processing" | "succeeded":
                raise Refused(PAYMENT_CONFIRMED)

    def cancel(self, payment: Payment) -> None:
        """Void a prepared payment. Raises `Refused` when it is taken, being taken, denied or void."""
        match payment.status:
            case "cancelled":
                raise Refused(PAYMENT_CANCELLED)
            case "denied":
                raise Refused(PERMISSION_DENIED)
            case "processing" | "succeeded":
                raise Refused(PAYMENT_CONFIRMED)
        payment.status = "cancelled"
        payment.due = ""
        self._notifier.send(payment, "cancelled")
        self._store.save(payment)

    def take(self, payment: Payment, story: Story) -> None:
        """Move the money as the story says: a new payment, or a reserved one that is confirmed."""
        payment.due = ""
        if story.surcharge_minor:
            charging = payment.amount.charging_information
            charging.amount = Amount(charging.amount + Amount(story.surcharge_minor) / 100)
            payment.amount_minor += story.surcharge_minor
        if story.settles is Settles.AT_ONCE:
            # In one step the answer tells the outcome; 017 sends its own copies.
            self._succeed(payment, notify=payment.two_step and not story.early_copies, story=story)
            return
        payment.status = "processing"
        if story.settles is Settles.UNSEEN:
            payment.hidden = not payment.two_step
        if story.settles is not Settles.NEVER:
            denied = story.settles is Settles.DENIED_LATER
            self._set_due(
                payment, "deny" if denied else "succeed", self._settings.scaled(story.settles_after_s)
            )
        self._store.save(payment)

    def _succeed(self, payment: Payment, *, notify: bool, story: Story | None = None) -> None:
        if payment.hidden:
            self._store.reveal(payment)
        payment.status = "succeeded"
        payment.paid_at = self._clock.now()
        if story is not None and story.reversed_after_s:
            self._set_due(payment, "reverse", self._settings.scaled(story.reversed_after_s))
        if notify:
            self._notifier.send(payment, "completed")
        self._store.save(payment)
        self._store.record(payment, "charge")

    def _deny(self, payment: Payment, reason: str) -> None:
        payment.status = "denied"
        payment.denial = reason
        payment.due = ""
        self._notifier.send(payment, "denied")
        self._store.save(payment)

    def reverse(self, payment: Payment) -> None:
        """Take a charge back, as an operator does."""
        payment.status = "cancelled"
        payment.due = ""
        payment.reversed_at = self._clock.now()
        self._notifier.send(payment, "cancelled")
        self._store.save(payment)
        self._store.record(payment, "reversal")

    def _set_due(self, payment: Payment, due: Due, seconds: float) -> None:
        payment.due = due
        payment.due_at = self._clock.now() + seconds
        self._wait(payment)

    def _wait(self, payment: Payment) -> None:
        self._clock.at(payment.due_at, partial(self._on_due, payment, payment.due, payment.due_at))

    def _on_due(self, payment: Payment, due: Due, due_at: float) -> None:
        if (payment.due, payment.due_at) != (due, due_at):
            return  # it was confirmed, cancelled or denied meanwhile
        payment.due = ""
        match due:
            case "succeed":
                self._succeed(payment, notify=True)
            case "deny":
                self._deny(payment, "The operator denied the payment")
            case "reverse":
                self.reverse(payment)
            case "expire":
                self._deny(payment, "The reservation expired")
