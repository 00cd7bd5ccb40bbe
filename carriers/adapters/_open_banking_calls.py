"""What every conversation of UK Open Banking is made of: signed requests, answers that are checked, and the bodies.

A payment and a refund are ordered by the same two POSTs, a consent and the payment itself, each under a key of its
own from our reference, under which a repetition is answered with what was answered first.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from carriers import interface, outcomes, wire
from carriers.adapters._open_banking_wire import Account, Consent, Initiation, Payment, described
from carriers.interface import HttpAnswer, HttpRequest, Order, RefundOrder
from carriers.oauth import Client, ClientCredentials
from carriers.outcomes import Outcome, Unknown
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
Step = Generator[HttpRequest, HttpAnswer, _Data | Outcome]


class Calls(interface.CarrierAdapter):
    """The requests to one bank, with a token of our own and its public keys kept."""

    def __init__(self, profile: CarrierProfile) -> None:
        super().__init__(profile)
        if profile.version not in _RISK:
            raise ValueError(f"version: must be one of {', '.join(sorted(_RISK))}")
        if unknown := sorted(set(profile.currencies) - wire.MINOR_DIGITS.keys()):
            raise ValueError(f"currencies: {unknown} unknown; must be of {list(wire.MINOR_DIGITS)}")
        self._risk = _RISK[profile.version]
        self._base = profile.base_url.rstrip("/")
        names = (profile.signing_key_id, profile.signer, profile.trust_anchor)
        self._signer = Signer(profile.signing_key, *names, claims_under=CLAIMS)
        self._clock = self._signer.clock
        mutual = (profile.certificate, profile.certificate_key)
        self._client = Client(
            *(profile.token_url, profile.client_id, profile.client_secret),
            signer=self._signer if profile.client_auth == "private_key_jwt" else None,
            certificate=mutual,
        )
        self._credentials = ClientCredentials(self._client, "payments")
        self._keys = PublicKeys(profile.jwks_url, mutual, claims_under=CLAIMS, clock=self._clock)

    def _make_consent(self, data: dict[str, Any], order: Order | RefundOrder) -> Step[Consent]:
        """POST /domestic-payment-consents. It takes nothing, so that it can be sent until it is answered."""
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
        return consent if isinstance(consent, Consent) else outcomes.OurFault(f"consent: {consent.detail}")

    def _payment_request(
        self, consent_id: str, initiation: dict[str, Any], order: Order | RefundOrder, token: str = ""
    ) -> HttpRequest:
        """POST /domestic-payments: the one request that moves money."""
        body = wire.encode({"Data": {"ConsentId": consent_id, "Initiation": initiation}, "Risk": self._risk})
        request = self._signed("/domestic-payments", body, order, "payment", token=token)
        return replace(request, moves_money=True)

    def _payment(self, payment_id: str, order: Order | RefundOrder) -> Step[Payment]:
        """GET the payment `payment_id`, and no other one."""
        path = f"/domestic-payments/{quote(payment_id, safe='')}"
        payment = yield from self._question(path, order, Payment)
        if isinstance(payment, Payment) and payment.domestic_payment_id != payment_id:
            return Unknown("inquiry: answered with another payment")
        return payment

    def _question(self, path: str, order: Order | RefundOrder, kind: type[_Data]) -> Step[_Data]:
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
        self, path: str, body: bytes, order: Order | RefundOrder, purpose: str, *, token: str = ""
    ) -> HttpRequest:
        request = self._request("POST", path, order, token=token)
        headers = {
            **request.headers,
            "Content-Type": "application/json",
            "x-idempotency-key": f"{order.reference}-{purpose}",
            "x-jws-signature": self._signer.detached(body),
        }
        return replace(request, headers=headers, body=body)

    def _request(self, method: str, path: str, order: Order | RefundOrder, *, token: str = "") -> HttpRequest:
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

    def _own_account(self) -> dict[str, str]:
        profile = self.profile
        account = Account(profile.creditor_scheme, profile.creditor_account, profile.creditor_name)
        return written(account)

    def _initiation(self, order: Order | RefundOrder, **accounts: dict[str, str]) -> dict[str, Any]:
        """What is to be paid, between `accounts` (DebtorAccount, CreditorAccount)."""
        amount = wire.to_decimal(order.amount_minor, order.currency)
        told = (
            {"Unstructured": [order.reference]}
            if self.profile.version == "4.0"
            else {"Reference": order.reference}
        )
        return {
            "InstructionIdentification": order.reference,
            "EndToEndIdentification": order.reference,
            "InstructedAmount": {"Amount": f"{amount:f}", "Currency": order.currency},
            **accounts,
            "RemittanceInformation": told,
        }


def written(account: Account) -> dict[str, str]:
    """Return an account as requests carry it."""
    return {
        "SchemeName": account.scheme_name,
        "Identification": account.identification,
        "Name": account.name,
    }


def difference(order: Order | RefundOrder, told: Initiation) -> str:
    """Return the first thing told that is not what was asked, "" when all is as asked. Whose it is comes first."""
    if {told.instruction_identification, told.end_to_end_identification} != {order.reference}:
        return "reference is another"
    if told.instructed_amount.currency != order.currency:
        return f"currency is not {order.currency}"
    asked = wire.to_decimal(order.amount_minor, order.currency)
    return "" if wire.decimal(told.instructed_amount.amount) == asked else f"amount is not {asked}"
