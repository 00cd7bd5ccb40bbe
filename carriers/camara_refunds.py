"""CAMARA Carrier Billing Refund 0.3: money back to a phone bill. Operations are named as in its API description.

A part of the CAMARA adapter, for carriers whose profile has a `refund_url`. Every refund is `partial` and names its
amount, the last one too: a `total` one would return whatever the carrier thinks is left. A repeated
`clientCorrelator` is refused; a refund whose id we never learnt is found in the list of its payment's refunds.
"""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

from msgspec import Meta, Struct

from carriers import interface, outcomes, wire
from carriers.error_info import code_and_message, described
from carriers.interface import Conversation, HttpAnswer, HttpRequest, RefundOrder
from carriers.oauth import ClientCredentials
from carriers.outcomes import Mismatch, Outcome, Unknown

# Refusals that say for certain that nothing was returned: HTTP status and code, both as documented.
_REFUSALS = frozenset(
    {
        (403, "CARRIER_BILLING_REFUND.REFUND_DENIED"),
        (403, "CARRIER_BILLING_REFUND.PAYMENT_NOT_ELIGIBLE_FOR_REFUND"),
        (422, "CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT"),
        (422, "CARRIER_BILLING_REFUND.USER_AMOUNT_THRESHOLD_OVERPASSED"),
        (422, "CARRIER_BILLING_REFUND.INVALID_PAYMENT_STATUS"),
    }
)
# A payment has few refunds; more than this is none of ours.
_PER_PAGE = 50

_Id = Annotated[str, Meta(pattern=r"^(?!\.{1,2}\Z)[!-~]{1,100}\Z")]
_Call = Generator[HttpRequest, HttpAnswer, HttpAnswer | Outcome]


class _Charge(Struct, rename="camel"):
    amount: int | Decimal | None = None
    currency: str = ""


class _Amount(Struct, rename="camel"):
    charging_information: _Charge | None = None


class _Transaction(Struct, rename="camel"):
    refund_amount: _Amount
    client_correlator: str = ""
    reference_code: str = ""


class _Refund(Struct, rename="camel"):
    refund_id: _Id
    refund_status: str
    amount_transaction: _Transaction


class Refunds(interface.CarrierAdapter):
    """The operations of the refund API. Whoever inherits has the client's credentials."""

    _credentials: ClientCredentials

    def refund(self, order: RefundOrder) -> Conversation:
        """createRefund."""
        if not order.payment_id:
            return outcomes.RefundRefused("", "the carrier has never named the payment")
        answer = yield from self._ask("POST", order, "", self._body(order), moves_money=True)
        if not isinstance(answer, HttpAnswer):
            return answer
        if answer.status == 503 and self.profile.unavailable_means_not_processed:
            return outcomes.NotDone(wire.retry_after_s(answer.headers), "503")
        if answer.status not in (200, 201, 202):
            return _refusal(answer)
        try:
            return _outcome(order, wire.read(answer.body, _Refund))
        except ValueError as error:
            return Unknown(f"answer: {error}")

    def inquire_refund(self, order: RefundOrder) -> Conversation:
        """retrieveRefund by the carrier's id, else retrieveRefunds. All but a clear answer is `Unknown`."""
        path = f"/{quote(order.refund_id, safe='')}" if order.refund_id else f"?perPage={_PER_PAGE}"
        answer = yield from self._ask("GET", order, path, b"")
        if not isinstance(answer, HttpAnswer) or answer.status != 200:
            detail = described(answer) if isinstance(answer, HttpAnswer) else getattr(answer, "detail", "")
            return Unknown(f"inquiry: {detail}")
        try:
            if order.refund_id:
                found = wire.read(answer.body, _Refund)
                if found.refund_id != order.refund_id:
                    return Unknown("inquiry: answered with another refund")
                return _outcome(order, found)
            return _found(order, wire.read(answer.body, list[Any]), answer)
        except ValueError as error:
            return Unknown(f"inquiry: {error}")

    def _body(self, order: RefundOrder) -> bytes:
        amount = wire.to_decimal(order.amount_minor, order.currency)
        charge = {"amount": amount, "currency": order.currency, "description": order.description}
        return wire.encode(
            {
                "type": "partial",
                "amountTransaction": {
                    "clientCorrelator": order.reference,
                    "referenceCode": order.reference,
                    "refundAmount": {"chargingInformation": charge},
                },
            }
        )

    def _ask(
        self, method: str, order: RefundOrder, path: str, body: bytes, *, moves_money: bool = False
    ) -> _Call:
        base = self.profile.refund_url.rstrip("/")
        url = f"{base}/payments/{quote(order.payment_id, safe='')}/refunds{path}"
        request = HttpRequest(method, url, {"x-correlator": order.reference}, body, moves_money)
        return (
            yield from self._credentials.call(
                request, lambda answer: code_and_message(answer)[0] == "UNAUTHENTICATED"
            )
        )


def _outcome(order: RefundOrder, refund: _Refund) -> Outcome:
    """What a legible refund means for `order`. A status string that is new to us is pending."""
    told = refund.amount_transaction
    if order.reference not in (told.client_correlator, told.reference_code):
        return Unknown("answer about another refund")
    match refund.refund_status:
        case "succeeded":
            charge = told.refund_amount.charging_information
            if charge is None or charge.amount is None or not charge.currency:
                raise ValueError("succeeded without an amount or a currency")
            minor = wire.to_minor(charge.amount, charge.currency)
            if minor is None or (minor, charge.currency) != (order.amount_minor, order.currency):
                return Mismatch(refund.refund_id, "returned, but another amount or currency", minor)
            return outcomes.Refunded(refund.refund_id, order.reference, minor, charge.currency)
        case "denied":
            return outcomes.RefundRefused("denied", refund_id=refund.refund_id)
        case _:
            return outcomes.RefundPending(refund.refund_id)


def _found(order: RefundOrder, items: list[Any], answer: HttpAnswer) -> Outcome:
    """What the list of a payment's refunds says about `order`. ValueError where an item of it cannot be read."""
    refunds = [wire.convert(item, _Refund) for item in items]
    ours = [
        refund
        for refund in refunds
        if order.reference
        in (refund.amount_transaction.client_correlator, refund.amount_transaction.reference_code)
    ]
    alive = [refund for refund in ours if refund.refund_status != "denied"]
    if len(alive) > 1:
        return Mismatch(alive[0].refund_id, f"{len(alive)} refunds under one reference")
    if ours:
        return _outcome(order, (alive or ours)[0])
    told = answer.headers.get("x-total-count", "")
    if len(items) >= _PER_PAGE or (told.isdecimal() and len(told) < 10 and int(told) > len(items)):
        return Unknown("inquiry: the list has more than one page")
    return outcomes.NotFound()


def _refusal(answer: HttpAnswer) -> Outcome:
    """What an answer but success means. Only a documented pair of status and code refuses for certain."""
    code, message = code_and_message(answer)
    told = answer.status, code
    if answer.status == 429:
        return outcomes.NotDone(wire.retry_after_s(answer.headers), described(answer), throttled=True)
    if told in _REFUSALS:
        return outcomes.RefundRefused(code)
    repeated = told == (400, "INVALID_ARGUMENT") and "clientcorrelator" in message and "exist" in message
    if repeated or told == (409, "ALREADY_EXISTS"):
        return outcomes.AlreadyKnown(code)
    if answer.status in (400, 401, 403, 404):
        return outcomes.OurFault(described(answer))
    return Unknown(described(answer))
