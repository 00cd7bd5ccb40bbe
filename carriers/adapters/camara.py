"""CAMARA Carrier Billing 0.5: charges on a phone bill. Operations are named as in its API description.

A repeated `clientCorrelator` is refused, so sending again is safe. There is no search by our reference: an
order whose `paymentId` we never learnt is looked for in a window of creation times. `confirm` and `cancel`
are answered without a body, so the payment is read afterwards.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from msgspec import Meta, Struct

from carriers import outcomes, wire
from carriers.adapters._camara_windows import windows
from carriers.camara_refunds import Refunds
from carriers.cloudevents import read_event
from carriers.error_info import code_and_message, described
from carriers.interface import Conversation, HttpAnswer, HttpRequest, Notification, Order
from carriers.oauth import Client, ClientCredentials
from carriers.outcomes import Mismatch, Outcome, Unknown
from carriers.profiles import CarrierProfile

# The bearer for notifications must outlive the payment; a reversal may come weeks later.
SINK_CREDENTIAL_LIFETIME = timedelta(days=30)
# The description names no greatest page; 50 payments of 1.3 kB fill the 64 kB that we read of an answer.
PER_PAGE = 50
PAGES_MAX = 100
# Refusals that say for certain that nothing was taken: HTTP status and code, both as documented.
_DECLINES = {
    (403, "CARRIER_BILLING.PAYMENT_DENIED"): "carrier_declined",
    (422, "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED"): "carrier_monthly_limit",
    (422, "CARRIER_BILLING.UNAUTHORIZED_AMOUNT"): "carrier_payment_limit",
    (422, "SERVICE_NOT_APPLICABLE"): "carrier_not_supported",
    (404, "IDENTIFIER_NOT_FOUND"): "carrier_number_unknown",
}
_CONFIRM_DECLINES = {**_DECLINES, (422, "CARRIER_BILLING.PAYMENT_DENIED"): "carrier_declined"}

# Identifiers are stored, logged and put into a path: printable ASCII, and neither "." nor "..".
_Id = Annotated[str, Meta(pattern=r"^(?!\.{1,2}\Z)[!-~]{1,200}\Z")]

# Wire types follow: what we read of each body. What may be missing has a default.


class _Charge(Struct, rename="camel"):
    amount: int | Decimal | None = None
    currency: str = ""


class _Amount(Struct, rename="camel"):
    charging_information: _Charge


class _Transaction(Struct, rename="camel"):
    payment_amount: _Amount
    phone_number: str = ""
    client_correlator: str = ""
    reference_code: str = ""


class _Validation(Struct, rename="camel"):
    authorization_id: _Id = ""


class _Payment(Struct, rename="camel"):
    """Payment, PaymentCreated and preparePayment's answer, which differ only in what may be missing."""

    payment_id: _Id
    payment_status: str
    amount_transaction: _Transaction
    validation_info: _Validation | None = None


class _EventData(Struct, rename="camel"):
    payment_id: _Id


_Call = Generator[HttpRequest, HttpAnswer, HttpAnswer | Outcome]
# What a cancel can still void.
_Voidable = outcomes.Reserved | outcomes.CodeRequired | outcomes.CodeLost | outcomes.Pending


class Adapter(Refunds):
    """One carrier that speaks CAMARA, with a token kept until shortly before it expires."""

    resend_is_safe = True
    can_inquire = True

    def __init__(self, profile: CarrierProfile) -> None:
        super().__init__(profile)
        if unknown := sorted(set(profile.currencies) - wire.MINOR_DIGITS.keys()):
            raise ValueError(f"currencies: {unknown} unknown; must be of {list(wire.MINOR_DIGITS)}")
        self.can_refund = bool(profile.refund_url)
        self._base = profile.base_url.rstrip("/")
        self._credentials = ClientCredentials(
            Client(profile.token_url, profile.client_id, profile.client_secret)
        )

    def authorise(self, order: Order) -> Conversation:
        """createPayment, or preparePayment when the player must first prove the number."""
        path = "/payments/prepare" if order.proof_needed else "/payments"
        answer = yield from self._call("POST", path, self._charge(order), order, moves_money=True)
        if not isinstance(answer, HttpAnswer):
            return answer
        if answer.status == 503 and self.profile.unavailable_means_not_processed:
            return outcomes.NotDone(wire.retry_after_s(answer.headers), "503")
        if answer.status not in (200, 201, 202):
            return _refusal(answer, _DECLINES, creating=True)
        return _judged(order, answer.body)

    def confirm(self, order: Order) -> Conversation:
        """validatePayment when there is a code, then confirmPayment, then retrievePayment."""
        if not order.payment_id:
            return Unknown("payment_id: empty; only a payment that the carrier has named can be confirmed")
        if order.code and (refused := (yield from self._validate(order))):
            return refused
        answer = yield from self._second_step(order, "confirm")
        if not isinstance(answer, HttpAnswer):
            return answer
        if (answer.status, code_and_message(answer)[0]) == (409, "CARRIER_BILLING.PAYMENT_CANCELLED"):
            return outcomes.Cancelled(order.payment_id)
        if answer.status not in (200, 202, 204, 409):
            return _refusal(answer, _CONFIRM_DECLINES)
        return _settling(order, (yield from self._retrieve(order)))

    def cancel(self, order: Order) -> Conversation:
        """cancelPayment, then retrievePayment. An order that the carrier never named is looked for first, and
        prepared where nothing is found, only to be cancelled: that is the tombstone (docs/decisions/0007).
        """
        if not order.payment_id:
            found = yield from self._search(order)
            if isinstance(found, outcomes.NotFound):
                found = yield from self._prepare_tombstone(order)
            if not isinstance(found, _Voidable):
                return found
            order = replace(order, payment_id=found.payment_id)
        answer = yield from self._second_step(order, "cancel")
        if isinstance(answer, HttpAnswer) and answer.status in (200, 202, 204, 409):
            return _settling(order, (yield from self._retrieve(order)))
        refused = _refusal(answer, {}) if isinstance(answer, HttpAnswer) else answer
        # "Our fault" would say that nothing was taken.
        return Unknown(f"cancel: {refused.detail}") if isinstance(refused, outcomes.OurFault) else refused

    def inquire(self, order: Order) -> Conversation:
        """retrievePayment by the carrier's id, else retrievePayments. All but a clear answer is `Unknown`."""
        return (yield from self._retrieve(order) if order.payment_id else self._search(order))

    def read_notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """A CloudEvent with the bearer that we gave as `sinkCredential`. Its word only wakes an inquiry."""
        event, data = read_event(headers, body, self.profile.notification_secret, _EventData)
        return Notification(event.source, event.id, event.type, payment_id=data.payment_id)

    def _prepare_tombstone(self, order: Order) -> Conversation:
        """preparePayment takes our reference and charges nothing. A decline of it says nothing about the first send."""
        answer = yield from self._call(
            "POST", "/payments/prepare", self._charge(order), order, moves_money=True
        )
        if not isinstance(answer, HttpAnswer):
            return answer
        if answer.status in (200, 201, 202):
            return _judged(order, answer.body)
        refused = _refusal(answer, _DECLINES, creating=True)
        return Unknown(f"tombstone: {refused.detail}") if isinstance(refused, outcomes.OurFault) else refused

    def _charge(self, order: Order) -> bytes:
        amount = wire.to_decimal(order.amount_minor, order.currency)
        charge = {"amount": amount, "currency": order.currency, "description": order.description}
        body: dict[str, Any] = {
            "amountTransaction": {
                "phoneNumber": order.msisdn,
                "clientCorrelator": order.reference,
                "referenceCode": order.reference,
                "paymentAmount": {
                    "chargingInformation": charge,
                    "chargingMetaData": {"merchantName": self.profile.merchant_name},
                },
            }
        }
        if self.profile.notification_url:
            body["sink"] = self.profile.notification_url
            body["sinkCredential"] = {
                "credentialType": "ACCESSTOKEN",
                "accessToken": self.profile.notification_secret,
                "accessTokenExpiresUtc": wire.timestamp(datetime.now(UTC) + SINK_CREDENTIAL_LIFETIME),
                "accessTokenType": "bearer",
            }
        return wire.encode(body)

    def _validate(self, order: Order) -> Generator[HttpRequest, HttpAnswer, Outcome | None]:
        """None when the code was right, now or in an earlier try."""
        body = wire.encode({"authorizationId": order.authorization_id, "code": order.code})
        answer = yield from self._call("POST", _path(order, "validate"), body, order)
        if not isinstance(answer, HttpAnswer):
            return answer
        code = code_and_message(answer)[0]
        match answer.status, code:
            case (200 | 202 | 204, _) | (409, "ALREADY_EXISTS"):
                return None
            case 400, "CARRIER_BILLING.INVALID_CODE":
                return outcomes.CodeRejected(order.payment_id, code)
            case 400, "CARRIER_BILLING.VALIDATION_FAILED":
                return outcomes.Declined("code_too_many", code, order.payment_id)
            case 400, "CARRIER_BILLING.INVALID_AUTHORIZATION_ID":
                return Unknown(described(answer))
        return _refusal(answer, {})

    def _second_step(self, order: Order, step: str) -> _Call:
        body = wire.encode({"phoneNumber": order.msisdn})
        return (yield from self._call("POST", _path(order, step), body, order, moves_money=True))

    def _retrieve(self, order: Order) -> Conversation:
        if not isinstance(answer := (yield from self._question(_path(order), order)), HttpAnswer):
            return answer
        outcome = _judged(order, answer.body)
        if getattr(outcome, "payment_id", order.payment_id) != order.payment_id:
            return Unknown("inquiry: answered with another payment")
        return outcome

    def _search(self, order: Order) -> Conversation:
        """retrievePayments over the times at which this order can have arrived, until it turns up."""
        outcome: Outcome = Unknown("inquiry: first_sent_at or created_at is needed to search")
        for window in windows(order, self.profile):
            outcome = yield from self._search_within(order, *window)
            if not isinstance(outcome, outcomes.NotFound):
                break
        return outcome

    def _search_within(self, order: Order, since: datetime, until: datetime) -> Conversation:
        window = {"paymentCreationDate.gte": wire.timestamp(since)}
        if until < datetime.now(UTC):
            window["paymentCreationDate.lte"] = wire.timestamp(until)
        seen, total = set[str](), -1
        for page in range(1, PAGES_MAX + 1):
            query = urlencode({**window, "order": "asc", "page": page, "perPage": PER_PAGE})
            if not isinstance(answer := (yield from self._question(f"/payments?{query}", order)), HttpAnswer):
                return answer
            try:
                outcome, ids = _found(order, wire.read(answer.body, list[Any]))
            except ValueError as error:
                return Unknown(f"inquiry: {error}")
            if outcome is not None:
                return outcome
            told = answer.headers.get("x-total-count", "")
            total = int(told) if told.isdecimal() and len(told) < 10 else total
            if len(seen | ids) >= total if total >= 0 else not ids:
                return outcomes.NotFound()
            if ids <= seen:
                return Unknown("inquiry: the list ends before its own total, or repeats itself")
            seen |= ids
        return Unknown(f"inquiry: more than {PAGES_MAX} pages")

    def _question(self, path: str, order: Order) -> _Call:
        """A 200 to a GET, else `Unknown`: a question that got no answer says nothing about the money."""
        answer = yield from self._call("GET", path, b"", order)
        if isinstance(answer, HttpAnswer) and answer.status == 200:
            return answer
        detail = described(answer) if isinstance(answer, HttpAnswer) else getattr(answer, "detail", "")
        return Unknown(f"inquiry: {detail}")

    def _call(self, method: str, path: str, body: bytes, order: Order, *, moves_money: bool = False) -> _Call:
        headers = {"x-correlator": order.reference}
        request = HttpRequest(method, self._base + path, headers, body, moves_money)
        return (
            yield from self._credentials.call(
                request, lambda answer: code_and_message(answer)[0] == "UNAUTHENTICATED"
            )
        )


def _judged(order: Order, body: bytes) -> Outcome:
    try:
        return _outcome(order, wire.read(body, _Payment))
    except ValueError as error:
        return Unknown(f"answer: {error}")


def _outcome(order: Order, payment: _Payment) -> Outcome:
    """What a legible payment means for `order`. A status string that is new to us is pending (design §5)."""
    differs, payment_id = _difference(order, payment), payment.payment_id
    # Only preparePayment's answer tells the authorizationId; afterwards we know it from the order.
    told = payment.validation_info.authorization_id if payment.validation_info else ""
    authorization_id = told or order.authorization_id
    match payment.payment_status:
        case "succeeded":
            return _taken(order, payment, differs)
        case _ if differs.startswith("reference"):
            return Unknown(f"answer about another payment, {differs}")
        case "denied":
            return outcomes.Declined("carrier_declined", "denied", payment_id)
        case "cancelled":
            return outcomes.Cancelled(payment_id)
        case "reserved" if differs:
            # Confirming it would take what was not asked for. Nothing is taken yet, hence no amount.
            return Mismatch(payment_id, f"reserved, but {differs}")
        case "reserved":
            return outcomes.Reserved(payment_id)
        case "pending_validation" if authorization_id:
            return outcomes.CodeRequired(payment_id, authorization_id)
        case "pending_validation":
            return outcomes.CodeLost(payment_id)
        case _:
            return outcomes.Pending(payment_id)


def _taken(order: Order, payment: _Payment, differs: str) -> Outcome:
    told = payment.amount_transaction
    charge = told.payment_amount.charging_information
    if charge.amount is None or not (charge.currency and told.reference_code and told.phone_number):
        raise ValueError("succeeded without an amount, a currency, a referenceCode or a phoneNumber")
    minor = wire.to_minor(charge.amount, charge.currency)
    if differs or minor is None:
        currency = charge.currency if charge.currency in wire.MINOR_DIGITS else ""
        return Mismatch(payment.payment_id, f"succeeded, but {differs}", minor, currency)
    return outcomes.Approved(payment.payment_id, order.reference, minor, charge.currency)


def _difference(order: Order, payment: _Payment) -> str:
    """The first thing told that is not what was asked, "" when all is as asked. References come first."""
    told = payment.amount_transaction
    charge = told.payment_amount.charging_information
    if told.client_correlator not in ("", order.reference):
        return "reference: clientCorrelator is another"
    if told.reference_code not in ("", order.reference):
        return "reference: referenceCode is another"
    if told.phone_number not in ("", order.msisdn):
        return "phoneNumber is another"
    if charge.currency not in ("", order.currency):
        return f"currency is not {order.currency}"
    asked = wire.to_decimal(order.amount_minor, order.currency)
    if charge.amount not in (None, asked):
        return f"amount is not {asked}"
    return ""


def _found(order: Order, items: list[Any]) -> tuple[Outcome | None, set[str]]:
    """What one page of a list says about `order` (None: nothing), and the ids on it.

    ValueError when it says nothing and an item could not be read: that one may have been ours.
    """
    ours: dict[str, _Payment] = {}
    ids: set[str] = set()
    unreadable: ValueError | None = None
    for item in items:
        try:
            payment = wire.convert(item, _Payment)
        except ValueError as error:
            unreadable = error
            continue
        ids.add(payment.payment_id)
        transaction = payment.amount_transaction
        if order.reference in (transaction.client_correlator, transaction.reference_code):
            ours[payment.payment_id] = payment
    alive = [payment for payment in ours.values() if payment.payment_status not in ("denied", "cancelled")]
    if len(alive) > 1:
        return Mismatch(alive[0].payment_id, f"{len(alive)} payments under one reference"), ids
    if ours:
        return _outcome(order, (alive or list(ours.values()))[0]), ids
    if unreadable is not None:
        raise unreadable
    return None, ids


def _settling(order: Order, outcome: Outcome) -> Outcome:
    """Our second step is accepted and not carried out yet: what is held will be taken or let go."""
    return outcomes.Pending(order.payment_id) if isinstance(outcome, _Voidable) else outcome


def _refusal(
    answer: HttpAnswer, declines: Mapping[tuple[int, str], str], *, creating: bool = False
) -> Outcome:
    """What an answer but success means (design §4). Only a documented pair of status and code declines."""
    code, message = code_and_message(answer)
    told = answer.status, code
    if answer.status == 429:
        return outcomes.NotDone(wire.retry_after_s(answer.headers), described(answer), throttled=True)
    if reason := declines.get(told):
        return outcomes.Declined(reason, code)
    repeated = told == (400, "INVALID_ARGUMENT") and "clientcorrelator" in message and "exist" in message
    if creating and (repeated or told == (409, "ALREADY_EXISTS")):
        return outcomes.AlreadyKnown(code)
    # A discarded payment is no fault of ours and no word about the money; an identifier that is one too many or
    # too few means that we built the request wrongly for this carrier's kind of token.
    discarded = not creating and told == (404, "NOT_FOUND")
    mistaken = told in ((422, "MISSING_IDENTIFIER"), (422, "UNNECESSARY_IDENTIFIER"))
    if mistaken or (answer.status in (400, 401, 403, 404) and not discarded):
        return outcomes.OurFault(described(answer))
    return Unknown(described(answer))


def _path(order: Order, *step: str) -> str:
    return "/".join(("/payments", quote(order.payment_id, safe=""), *step))
