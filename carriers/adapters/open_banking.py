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
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from carriers import interface, outcomes, wire
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
from carriers.oauth import Client, ClientCredentials, Grant
from carriers.outcomes import Declined, Mismatch, Outcome, Undecided, Unknown
from carriers.profiles import CarrierProfile
from carriers.signatures import PublicKeys, Signer

#: Under this the claims of a signature are named.
CLAIMS = "http://openbanking.org.uk/"
#: Betting. Whoever blocks such payments for a customer must be able to see it.
_CATEGORY = "7995"
_RISK = {
    "4.0": {"PaymentContextCode": "BillingGoodsAndServicesInAdvance", "MerchantCategoryCode": _CATEGORY},
    "3.1": {"PaymentContextCode": "EcommerceServices", "MerchantCategoryCode": _CATEGORY},
}

_Data = TypeVar("_Data")
_Step = Generator[HttpRequest, HttpAnswer, _Data | Outcome]


class Adapter(Refunds):
    """One bank, with a token of our own and its public keys kept."""

    resend_is_safe = True
    can_inquire = True

    def __init__(self, profile: CarrierProfile) -> None:
        super().__init__(profile)
        if profile.version not in _RISK:
            raise ValueError(f"version: must be one of {', '.join(sorted(_RISK))}")
        if unknown := sorted(set(profile.currencies) - wire.MINOR_DIGITS.keys()):
            raise ValueError(f"currencies: {unknown} unknown; must be of {list(wire.MINOR_DIGITS)}")
        self.can_refund = profile.pays_back
        self._risk = _RISK[profile.version]
        self._base = profile.base_url.rstrip("/")
        names = (profile.signing_key_id, profile.signer, profile.trust_anchor)
        self._signer = Signer(profile.signing_key, *names, claims_under=CLAIMS)
        self._clock = self._signer.clock
        mutual = (profile.certificate, profile.certificate_key)
        client = Client(
            *(profile.token_url, profile.client_id, profile.client_secret),
            signer=self._signer if profile.client_auth == "private_key_jwt" else None,
            certificate=mutual,
        )
        self._credentials = ClientCredentials(client, "payments")
        self._keys = PublicKeys(profile.jwks_url, mutual, claims_under=CLAIMS, clock=self._clock)
        self._flow = CodeFlow(profile, client, self._signer, self._keys, "openid payments")

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
            return (yield from self._look(order)) if order.consent_id else Undecided("nothing was approved")
        path = f"/domestic-payments/{quote(order.payment_id, safe='')}"
        payment = yield from self._question(path, order, Payment)
        if not isinstance(payment, Payment):
            return payment
        if payment.domestic_payment_id != order.payment_id:
            return Unknown("inquiry: answered with another payment")
        return self._judged(order, payment)

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
        data: dict[str, Any] = {"ReadRefundAccount": "Yes", "Initiation": self._initiation(order)}
        if order.created_at is not None:
            within_s = self.profile.resend_within_s + self.profile.approval_within_s
            ends = wire.timestamp(order.created_at + timedelta(seconds=within_s))
            data["Authorisation"] = {"AuthorisationType": "Any", "CompletionDateTime": ends}
        body = wire.encode({"Data": data, "Risk": self._risk})
        request = self._signed("/domestic-payment-consents", body, order, "consent")
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
        if differs := self._difference(order, consent):
            return outcomes.OurFault(f"consent: {differs}")
        return self._consented(replace(order, consent_id=consent.consent_id), consent)

    def _look(self, order: Order) -> Conversation:
        consent = yield from self._consent(order)
        return self._consented(order, consent) if isinstance(consent, Consent) else consent

    def _consent(self, order: Order) -> _Step[Consent]:
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
        data = {"ConsentId": order.consent_id, "Initiation": self._initiation(order)}
        body = wire.encode({"Data": data, "Risk": self._risk})
        token = _token(order.credential)
        request = self._signed("/domestic-payments", body, order, "payment", token=token, moves_money=True)
        answer = yield request
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
        initiation = told.initiation
        amount = initiation.instructed_amount
        if order.consent_id and told.consent_id != order.consent_id:
            return "ConsentId is another"
        if {initiation.instruction_identification, initiation.end_to_end_identification} != {order.reference}:
            return "reference is another"
        if amount.currency != order.currency:
            return f"currency is not {order.currency}"
        asked = wire.to_decimal(order.amount_minor, order.currency)
        if wire.decimal(amount.amount) != asked:
            return f"amount is not {asked}"
        if initiation.creditor_account.identification != self.profile.creditor_account:
            return "it is for another account"
        return ""

    def _is_anothers(self, order: Order, holder: Account | None) -> bool:
        named = holder is not None and holder.name
        return bool(named and order.player_name) and not may_be(str(named), order.player_name)

    def _may_arrive(self, order: Order) -> bool:
        """Whether what was sent last may still reach the bank."""
        if order.last_sent_at is None or order.asked_at is None:
            return True
        return (order.asked_at - order.last_sent_at).total_seconds() <= self.profile.horizon_s

    def _is_good(self, credential: str) -> bool:
        return bool(credential) and wire.read(credential.encode(), Credential).until > self._clock.now()

    def _initiation(self, order: Order) -> dict[str, Any]:
        amount = wire.to_decimal(order.amount_minor, order.currency)
        profile = self.profile
        new = profile.version == "4.0"
        return {
            "InstructionIdentification": order.reference,
            "EndToEndIdentification": order.reference,
            "InstructedAmount": {"Amount": f"{amount:f}", "Currency": order.currency},
            "CreditorAccount": {
                "SchemeName": profile.creditor_scheme,
                "Identification": profile.creditor_account,
                "Name": profile.creditor_name,
            },
            "RemittanceInformation": {"Unstructured": [order.reference]}
            if new
            else {"Reference": order.reference},
        }

    def _question(self, path: str, order: Order, kind: type[_Data]) -> _Step[_Data]:
        """What a signed 200 to a GET says, else `Unknown`: a question without an answer says nothing about money."""
        answer = yield from self._credentials.call(self._request("GET", path, order), lambda _: True)
        if not isinstance(answer, HttpAnswer):
            return Unknown(f"inquiry: {getattr(answer, 'detail', '')}")
        if answer.status != 200:
            return Unknown(f"inquiry: {described(answer)}")
        return (yield from self._read(answer, kind))

    def _read(
        self, answer: HttpAnswer, kind: type[_Data]
    ) -> Generator[HttpRequest, HttpAnswer, _Data | Unknown]:
        """The `Data` of a signed body. Whatever cannot be read, or was not signed by the bank, is `Unknown`."""
        try:
            yield from self._keys.verify(answer.headers.get("x-jws-signature", ""), answer.body)
            return wire.convert(wire.read(answer.body, dict[str, Any])["Data"], kind)
        except (ValueError, KeyError) as error:
            return Unknown(f"answer: {error}")

    def _signed(
        self,
        path: str,
        body: bytes,
        order: Order,
        purpose: str,
        *,
        token: str = "",
        moves_money: bool = False,
    ) -> HttpRequest:
        request = self._request("POST", path, order, token=token)
        headers = {
            **request.headers,
            "Content-Type": "application/json",
            "x-idempotency-key": f"{order.reference}-{purpose}",
            "x-jws-signature": self._signer.detached(body),
        }
        return replace(request, headers=headers, body=body, moves_money=moves_money)

    def _request(self, method: str, path: str, order: Order, *, token: str = "") -> HttpRequest:
        headers = {"Accept": "application/json"}
        headers["x-fapi-interaction-id"] = str(uuid5(NAMESPACE_URL, order.reference))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        profile = self.profile
        return HttpRequest(
            *(method, self._base + path, headers),
            certificate=profile.certificate,
            certificate_key=profile.certificate_key,
        )


def _intent(order: Order) -> dict[str, str]:
    return {"openbanking_intent_id": order.consent_id}


def _token(credential: str) -> str:
    return wire.read(credential.encode(), Credential).token
