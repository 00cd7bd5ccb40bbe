"""Money back by UK Open Banking: a payment order of our own, from the account that was paid into to the one that paid.

Whose account that is, the payment itself says (`Refund.Account`), and nobody else: that closes the loop. Our account
pays by our order alone, as agreed with its bank, so that the consent is good at once. Both POSTs carry keys from the
refund's reference, under which a repetition is answered with what was answered first.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from carriers import outcomes, wire
from carriers.adapters._open_banking_calls import Calls, Step, difference, written
from carriers.adapters._open_banking_wire import (
    Account,
    Consent,
    Payment,
    described,
    status_of,
    why,
)
from carriers.interface import Conversation, HttpAnswer, RefundOrder
from carriers.outcomes import Mismatch, NotSent, Outcome, Undecided, Unknown


class Refunds(Calls):
    """The conversations about refunds."""

    def refund(self, order: RefundOrder) -> Conversation:
        """The account that paid, the consent of our own account, and the payment. Only the last moves money."""
        payer = yield from self._payer(order)
        if not isinstance(payer, Account):
            return payer
        to = written(Account(payer.scheme_name, payer.identification, payer.name or "Payer"))
        initiation = self._initiation(order, DebtorAccount=self._own_account(), CreditorAccount=to)
        consent = yield from self._own_consent(order, initiation)
        if not isinstance(consent, Consent):
            return consent
        request = self._payment_request(consent.consent_id, initiation, order)
        answer = yield from self._credentials.call(request, lambda _: True)
        if not isinstance(answer, HttpAnswer):
            return answer
        if answer.status == 201:
            payment = yield from self._read(answer, Payment)
            return self._outcome(order, payment) if isinstance(payment, Payment) else payment
        return (yield from self._turned_down(order, consent, answer))

    def inquire_refund(self, order: RefundOrder) -> Conversation:
        """The payment by its id. Without one only a repetition can tell what became of the first order."""
        if not order.refund_id:
            return Undecided("the bank has not named it")
        payment = yield from self._payment(order.refund_id, order)
        return self._outcome(order, payment) if isinstance(payment, Payment) else payment

    def _payer(self, order: RefundOrder) -> Step[Account]:
        """The account that paid, by the payment's own word; nothing has been ordered where there is none."""
        if not order.payment_id:
            return outcomes.RefundRefused("", "the bank has never named the payment")
        payment = yield from self._payment(order.payment_id, order)
        if not isinstance(payment, Payment):
            return NotSent(f"payment: {getattr(payment, 'detail', '')}")
        if payment.initiation.end_to_end_identification != order.payment_reference:
            return NotSent("payment: answered with another one")
        if payment.refund is None or not (
            payment.refund.account.identification and payment.refund.account.scheme_name
        ):
            return outcomes.RefundRefused("", "the bank does not name the account that paid")
        return payment.refund.account

    def _own_consent(self, order: RefundOrder, initiation: dict[str, Any]) -> Step[Consent]:
        """The consent to pay from our own account: the same one at each try, and never anybody's approval."""
        data = {"ReadRefundAccount": "No", "Initiation": initiation}
        consent = yield from self._make_consent(data, order)
        if not isinstance(consent, Consent):
            return consent
        if differs := difference(order, consent.initiation):
            return outcomes.OurFault(f"consent: {differs}")
        if status_of(consent) not in ("AUTH", "COND"):  # used: by an earlier try, whose answer is replayed
            return outcomes.OurFault(
                f"consent: {status_of(consent)[:20]}, our own account should need no approval"
            )
        return consent

    def _turned_down(self, order: RefundOrder, consent: Consent, answer: HttpAnswer) -> Conversation:
        """What an answer but 201 to the payment means. The consent shows whether an earlier try was taken."""
        if answer.status == 429:
            return outcomes.NotDone(wire.retry_after_s(answer.headers), "payment: 429", throttled=True)
        if answer.status == 409:
            return outcomes.AlreadyKnown(described(answer)[:80])
        if answer.status not in (400, 401, 403):
            return Unknown(f"payment: {described(answer)}")
        path = f"/domestic-payment-consents/{quote(consent.consent_id, safe='')}"
        now = yield from self._question(path, order, Consent)
        if not isinstance(now, Consent) or status_of(now) != "AUTH":
            return Unknown(f"payment: {described(answer)}, and its consent is not unused")
        if answer.status == 400:
            return outcomes.RefundRefused(described(answer)[:80])
        return outcomes.OurFault(f"payment: {described(answer)}")

    def _outcome(self, order: RefundOrder, payment: Payment) -> Outcome:
        """What our payment back means. A status that is new to us is pending."""
        payment_id, status = payment.domestic_payment_id, status_of(payment)
        if differs := difference(order, payment.initiation):
            if differs.startswith("reference"):
                return Unknown(f"answer about another payment, {differs}")
            return Mismatch(payment_id, f"{status}, but {differs}")
        if status == "RJCT":
            _, code = why(payment, "", ())
            return outcomes.RefundRefused(code, "rejected by the bank", payment_id)
        if status == "BLCK":
            return Mismatch(payment_id, "blocked: it will neither arrive nor come back by itself")
        if status not in self.profile.credited_statuses:
            return outcomes.RefundPending(payment_id)
        return outcomes.Refunded(payment_id, order.reference, order.amount_minor, order.currency)
