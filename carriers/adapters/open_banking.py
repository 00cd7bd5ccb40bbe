"""UK Open Banking payment initiation 4.0, and 3.1 with its long names: the player approves each payment at their bank.

A consent is made, the player's browser is sent to the bank and comes back with a code, the code becomes a token, and
with the token the payment is ordered. Nothing can be taken before that last request. Both POSTs carry a key under
which the bank answers a repetition with what it answered first, for 24 hours; there is no search by our reference, so
an order whose answer was lost is settled by repeating it. Answers are signed, and are worth nothing otherwise.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from carriers import interface, outcomes, wire
from carriers.adapters._open_banking_calls import Step, difference
from carriers.adapters._open_banking_refunds import Refunds
from carriers.adapters._open_banking_wire import (
    Account,
    Consent,
    Credential,
    FundsResult,
    Payment,
    Resource,
    described,
    status_of,
    why,
)
from carriers.code_flow import CodeFlow
from carriers.holder_names import may_be
from carriers.interface import Conversation, HttpAnswer, HttpRequest, Order, Return
from carriers.oauth import Grant
from carriers.outcomes import AlreadyKnown, Declined, Mismatch, Outcome, Undecided, Unknown
from carriers.profiles import CarrierProfile


class Adapter(Refunds):
    """One bank, with a token of our own and its public keys kept."""

    resend_is_safe = True
    can_inquire = True

    def __init__(self, profile: CarrierProfile) -> None:
        super().__init__(profile)
        self.can_refund = profile.pays_back
        self._flow = CodeFlow(profile, self._client, self._signer, self._keys, "openid payments")

    def authorise(self, order: Order) -> Conversation:
        """Whatever is next for the order, by what it holds: the payment, the exchange, a look, or the consent.

        It may have been sent before: then its answer is the first one's.
        """
        self._clock.hear(order.asked_at)
        if order.credential:
            return (yield from self._pay(order))
        if order.approval_code:
            return (yield from self._exchange(order))
        if order.consent_id:
            return (yield from self._look(order))
        return (yield from self._ask_for_consent(order))

    def confirm(self, order: Order) -> Conversation:
        """The exchange, or the payment for the first time: before it the bank is asked for the funds, if wanted."""
        self._clock.hear(order.asked_at)
        if order.credential and self.profile.confirm_funds:
            short = yield from self._funds(order)
            if short is not None:
                return short
        return (yield from self.authorise(order))

    def cancel(self, order: Order) -> Conversation:
        """Without a credential no payment can have been ordered, and none will be: nothing has to be asked.

        With one, the consent tells. A payment cannot be called back: if the consent is used, the same order again is
        answered with what became of the first. If it is not, nothing was paid, unless an order is still on its way.
        """
        if order.payment_id or not order.credential:
            return (yield from self.inquire(order)) if order.payment_id else outcomes.Cancelled("")
        self._clock.hear(order.asked_at)
        consent = yield from self._consent(order)
        if not isinstance(consent, Consent):
            return consent
        match status_of(consent):
            case "COND":
                return (yield from self._pay(order))
            case "AUTH" if self._may_arrive(order):
                return Unknown("not paid, and an order may still be on its way")
            case "AUTH":
                return outcomes.Cancelled("")
        return self._consented(order, consent)

    def inquire(self, order: Order) -> Conversation:
        """The payment by its id, else the consent: whether it was approved, refused or used."""
        self._clock.hear(order.asked_at)
        if not order.payment_id:
            return (yield from self._trace(order)) if order.consent_id else Undecided("nothing was approved")
        payment = yield from self._payment(order.payment_id, order)
        return self._judged(order, payment) if isinstance(payment, Payment) else payment

    def read_notification(self, headers: Mapping[str, str], body: bytes) -> interface.Notification:
        """Banks send none."""
        raise interface.NotificationRefused(404, "Nothing is taken in at this address.")

    def read_return(self, query: Mapping[str, str]) -> Return:
        """The parameters of the code flow."""
        return self._flow.read_return(query)

    def public_keys(self) -> list[Mapping[str, str]]:
        """The one that checks our signatures."""
        return [self._signer.public_key()]

    def _ask_for_consent(self, order: Order) -> Conversation:
        """POST /domestic-payment-consents. It takes nothing, so that it can be sent until it is answered."""
        data: dict[str, Any] = {"ReadRefundAccount": "Yes", "Initiation": self._wanted(order)}
        if order.created_at is not None:
            within_s = self.profile.resend_within_s + self.profile.approval_within_s
            ends = wire.timestamp(order.created_at + timedelta(seconds=within_s))
            data["Authorisation"] = {"AuthorisationType": "Any", "CompletionDateTime": ends}
        consent = yield from self._make_consent(data, order)
        if not isinstance(consent, Consent):
            return consent
        if differs := self._difference(order, consent):
            return outcomes.OurFault(f"consent: {differs}")
        return self._consented(replace(order, consent_id=consent.consent_id), consent)

    def _look(self, order: Order) -> Conversation:
        consent = yield from self._consent(order)
        return self._consented(order, consent) if isinstance(consent, Consent) else consent

    def _trace(self, order: Order) -> Conversation:
        """The consent; and where it is used, the same order again, whose answer names the payment.

        A used consent is good for no second payment: what comes back is the first one's answer, or a refusal. Past the
        time for which the bank keeps our keys it is only asked.
        """
        consent = yield from self._consent(order)
        if not isinstance(consent, Consent):
            return consent
        if status_of(consent) != "COND" or not (self._is_good(order.credential) and self._is_kept(order)):
            return self._consented(order, consent)
        named = yield from self._pay(order)
        # To be asked about at once would be to ask this again.
        return Unknown(f"payment: {named.carrier_code}") if isinstance(named, AlreadyKnown) else named

    def _consent(self, order: Order) -> Step[Consent]:
        """Our consent as it is now, and none that is about anything else."""
        path = f"/domestic-payment-consents/{quote(order.consent_id, safe='')}"
        consent = yield from self._question(path, order, Consent)
        if isinstance(consent, Consent) and (differs := self._difference(order, consent)):
            return Unknown(f"inquiry: {differs}")
        return consent

    def _consented(self, order: Order, consent: Consent) -> Outcome:
        usable = bool(order.approval_code) or self._is_good(order.credential)
        match status_of(consent):
            case "RJCT":
                return Declined(*why(consent, "bank_not_approved", self.profile.gambling_block_reasons))
            case "AUTH" if usable:
                return Undecided("approved, and not used")
            case "AWAU" | "AUTH":
                told = consent.authorisation
                ends_at = told.completion_date_time if told else None
                return outcomes.RedirectRequired(
                    order.consent_id, self._flow.address(order.reference, _intent(order)), ends_at
                )
            case "COND" if usable and order.credential:
                return Undecided("used, by a payment that we cannot name")
        return Unknown(f"consent: {status_of(consent)[:20]}")

    def _exchange(self, order: Order) -> Conversation:
        grant = yield from self._flow.exchange(order.reference, _intent(order), order.approval_code)
        if grant is None:
            # Spent, or too old: the consent shows whether it came to anything.
            return (yield from self._look(replace(order, approval_code="")))
        if not isinstance(grant, Grant):
            return grant
        kept = Credential(grant.access_token, self._clock.now() + grant.good_for_s())
        return outcomes.ApprovalExchanged(wire.encode(kept).decode())

    def _funds(self, order: Order) -> Generator[HttpRequest, HttpAnswer, Outcome | None]:
        """None unless the bank says that the account has not the money. Asked only while nothing was ordered."""
        path = f"/domestic-payment-consents/{quote(order.consent_id, safe='')}/funds-confirmation"
        answer = yield self._request("GET", path, order, token=_token(order.credential))
        told = yield from self._read(answer, FundsResult)
        if isinstance(told, FundsResult) and not told.funds_available_result.funds_available:
            return Declined("bank_insufficient_funds", "funds-confirmation")
        return None

    def _pay(self, order: Order) -> Conversation:
        """POST /domestic-payments, with the same Initiation and Risk."""
        if self.profile.name_check == "refuse" and order.player_name:
            consent = yield from self._consent(order)
            if not isinstance(consent, Consent):
                return consent
            if status_of(consent) == "AUTH" and self._is_anothers(order, consent.debtor):
                return Declined("bank_name_mismatch", "Debtor")
        token = _token(order.credential)
        answer = yield self._payment_request(order.consent_id, self._wanted(order), order, token)
        if answer.status == 201:
            payment = yield from self._read(answer, Payment)
            return self._judged(order, payment) if isinstance(payment, Payment) else payment
        if answer.status == 429:
            return outcomes.NotDone(wire.retry_after_s(answer.headers), "payment: 429", throttled=True)
        if answer.status == 409:
            return outcomes.AlreadyKnown(described(answer)[:80])
        if answer.status not in (400, 401, 403):
            return Unknown(f"payment: {described(answer)}")
        # Refused; but an earlier one of ours may have been taken, and then the consent is used.
        consent = yield from self._consent(order)
        if not isinstance(consent, Consent) or status_of(consent) not in ("AUTH", "AWAU"):
            return consent if isinstance(consent, Outcome) else self._consented(order, consent)
        if answer.status == 401:
            return self._consented(replace(order, credential=""), consent)
        return Declined("bank_declined", described(answer)[:80])

    def _judged(self, order: Order, payment: Payment) -> Outcome:
        """What a payment means for `order`. A status that is new to us is pending."""
        payment_id, differs = payment.domestic_payment_id, self._difference(order, payment)
        status = status_of(payment)
        if differs.startswith(("ConsentId", "reference")) or (differs and status == "RJCT"):
            return Unknown(f"answer about another payment, {differs}")
        if status == "RJCT":
            return Declined(*why(payment, "bank_declined", self.profile.gambling_block_reasons), payment_id)
        if status == "BLCK":
            return Mismatch(payment_id, "blocked: it will neither arrive nor be given back by itself")
        if status not in self.profile.credited_statuses:
            return outcomes.Pending(payment_id)
        told = payment.initiation.instructed_amount
        minor = wire.to_minor(wire.decimal(told.amount), told.currency)
        if differs or minor is None:
            currency = told.currency if told.currency in wire.MINOR_DIGITS else ""
            return Mismatch(payment_id, f"{status}, but {differs}", minor, currency)
        holder = payment.refund.account if payment.refund else payment.debtor
        if self.profile.name_check != "off" and self._is_anothers(order, holder):
            return Mismatch(payment_id, "paid from an account in another name", minor, told.currency)
        return outcomes.Approved(payment_id, order.reference, minor, told.currency)

    def _difference(self, order: Order, told: Resource) -> str:
        """The first thing told that is not what was asked, "" when all is as asked. Whose it is comes first."""
        if order.consent_id and told.consent_id != order.consent_id:
            return "ConsentId is another"
        if differs := difference(order, told.initiation):
            return differs
        ours = told.initiation.creditor_account.identification == self.profile.creditor_account
        return "" if ours else "it is for another account"

    def _wanted(self, order: Order) -> dict[str, Any]:
        return self._initiation(order, CreditorAccount=self._own_account())

    def _is_anothers(self, order: Order, holder: Account | None) -> bool:
        named = holder is not None and holder.name
        return bool(named and order.player_name) and not may_be(str(named), order.player_name)

    def _may_arrive(self, order: Order) -> bool:
        """Whether what was sent last may still reach the bank."""
        if order.last_sent_at is None or order.asked_at is None:
            return True
        return (order.asked_at - order.last_sent_at).total_seconds() <= self.profile.horizon_s

    def _is_kept(self, order: Order) -> bool:
        """Whether the bank surely still answers our first order's key with that order."""
        if order.first_sent_at is None or order.asked_at is None:
            return False
        age_s = (order.asked_at - order.first_sent_at).total_seconds()
        return age_s + self.profile.http_total_s < self.profile.reference_kept_s

    def _is_good(self, credential: str) -> bool:
        return bool(credential) and wire.read(credential.encode(), Credential).until > self._clock.now()


def _intent(order: Order) -> dict[str, str]:
    return {"openbanking_intent_id": order.consent_id}


def _token(credential: str) -> str:
    return wire.read(credential.encode(), Credential).token
