"""Money back by UK Open Banking: a payment order of our own, from the account that was paid into to the one that paid.

Whose account that is, the payment itself says (`Refund.Account`), and nobody else: that closes the loop. Our account
pays by our order alone, as agreed with its bank, so that the consent is good at once. Both POSTs carry keys from the
refund's reference, under which a repetition is answered with what was answered first.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from typing import Any, TypeVar
from urllib.parse import quote

from carriers import interface, outcomes, wire
from carriers.adapters._open_banking_wire import (
    Account,
    Consent,
    Payment,
    Resource,
    described,
    status_of,
    why,
)
from carriers.interface import Conversation, HttpAnswer, HttpRequest, Order, RefundOrder
from carriers.oauth import ClientCredentials
from carriers.outcomes import Mismatch, NotSent, Outcome, Undecided, Unknown

_Data = TypeVar("_Data")


class Refunds(interface.CarrierAdapter):
    """The conversations about refunds. Whoever inherits signs, asks and reads as for payments."""

    _credentials: ClientCredentials
    _risk: dict[str, str]

    @abstractmethod
    def _signed(
        self,
        path: str,
        body: bytes,
        order: Order,
        purpose: str,
        *,
        token: str = "",
        moves_money: bool = False,
    ) -> HttpRequest: ...

    @abstractmethod
    def _question(
        self, path: str, order: Order, kind: type[_Data]
    ) -> Generator[HttpRequest, HttpAnswer, _Data | Outcome]: ...

    @abstractmethod
    def _read(
        self, answer: HttpAnswer, kind: type[_Data]
    ) -> Generator[HttpRequest, HttpAnswer, _Data | Unknown]: ...

    def refund(self, order: RefundOrder) -> Conversation:
        """The account that paid, the consent of our own account, and the payment. Only the last moves money."""
        payer = yield from self._payer(order)
        if not isinstance(payer, Account):
            return payer
        initiation = self._back(order, payer)
        consent = yield from self._own_consent(order, initiation)
        if not isinstance(consent, Consent):
            return consent
        data = {"ConsentId": consent.consent_id, "Initiation": initiation}
        body = wire.encode({"Data": data, "Risk": self._risk})
        request = self._signed("/domestic-payments", body, _as_order(order), "payment", moves_money=True)
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
        path = f"/domestic-payments/{quote(order.refund_id, safe='')}"
        payment = yield from self._question(path, _as_order(order), Payment)
        if not isinstance(payment, Payment):
            return payment
        if payment.domestic_payment_id != order.refund_id:
            return Unknown("inquiry: answered with another payment")
        return self._outcome(order, payment)

    def _payer(self, order: RefundOrder) -> Generator[HttpRequest, HttpAnswer, Account | Outcome]:
        """The account that paid, by the payment's own word; nothing has been ordered where there is none."""
        if not order.payment_id:
            return outcomes.RefundRefused("", "the bank has never named the payment")
        path = f"/domestic-payments/{quote(order.payment_id, safe='')}"
        payment = yield from self._question(path, _as_order(order), Payment)
        if not isinstance(payment, Payment):
            return NotSent(f"payment: {getattr(payment, 'detail', '')}")
        ours = payment.initiation.end_to_end_identification == order.payment_reference
        if payment.domestic_payment_id != order.payment_id or not ours:
            return NotSent("payment: answered with another one")
        if payment.refund is None or not (
            payment.refund.account.identification and payment.refund.account.scheme_name
        ):
            return outcomes.RefundRefused("", "the bank does not name the account that paid")
        return payment.refund.account

    def _own_consent(
        self, order: RefundOrder, initiation: dict[str, Any]
    ) -> Generator[HttpRequest, HttpAnswer, Consent | Outcome]:
        """The consent to pay from our own account: the same one at each try, and never anybody's approval."""
        body = wire.encode(
            {"Data": {"ReadRefundAccount": "No", "Initiation": initiation}, "Risk": self._risk}
        )
        request = self._signed("/domestic-payment-consents", body, _as_order(order), "consent")
        answer = yield from self._credentials.call(request, lambda _: True)
        if not isinstance(answer, HttpAnswer):
            return answer
        if answer.status == 429 or answer.status >= 500:
            wait_s = wire.retry_after_s(answer.headers)
            return outcomes.NotDone(wait_s, f"consent: {answer.status}", throttled=answer.status == 429)
        if answer.status != 201:
            return outcomes.OurFault(f"consent: {described(answer)}")
        consent = yield from self._read(answer, Consent)
        if not isinstance(consent, Consent):
            return outcomes.OurFault(f"consent: {consent.detail}")
        if differs := _difference(order, consent):
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
        now = yield from self._question(path, _as_order(order), Consent)
        if not isinstance(now, Consent) or status_of(now) != "AUTH":
            return Unknown(f"payment: {described(answer)}, and its consent is not unused")
        if answer.status == 400:
            return outcomes.RefundRefused(described(answer)[:80])
        return outcomes.OurFault(f"payment: {described(answer)}")

    def _outcome(self, order: RefundOrder, payment: Payment) -> Outcome:
        """What our payment back means. A status that is new to us is pending."""
        payment_id, status = payment.domestic_payment_id, status_of(payment)
        if differs := _difference(order, payment):
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

    def _back(self, order: RefundOrder, payer: Account) -> dict[str, Any]:
        amount = wire.to_decimal(order.amount_minor, order.currency)
        profile = self.profile
        told = {"Unstructured": [order.reference]}
        return {
            "InstructionIdentification": order.reference,
            "EndToEndIdentification": order.reference,
            "InstructedAmount": {"Amount": f"{amount:f}", "Currency": order.currency},
            "DebtorAccount": {
                "SchemeName": profile.creditor_scheme,
                "Identification": profile.creditor_account,
                "Name": profile.creditor_name,
            },
            "CreditorAccount": {
                "SchemeName": payer.scheme_name,
                "Identification": payer.identification,
                "Name": payer.name or "Payer",
            },
            "RemittanceInformation": told if profile.version == "4.0" else {"Reference": order.reference},
        }


def _as_order(order: RefundOrder) -> Order:
    """As the requests of payments know it: for their keys and ids nothing but the reference counts."""
    return Order(order.reference, "", order.amount_minor, order.currency, order.description)


def _difference(order: RefundOrder, told: Resource) -> str:
    """The first thing told that is not what was asked, "" when all is as asked. Whose it is comes first."""
    initiation = told.initiation
    amount = initiation.instructed_amount
    if {initiation.instruction_identification, initiation.end_to_end_identification} != {order.reference}:
        return "reference is another"
    if amount.currency != order.currency:
        return f"currency is not {order.currency}"
    asked = wire.to_decimal(order.amount_minor, order.currency)
    return "" if wire.decimal(amount.amount) == asked else f"amount is not {asked}"
