"""The operations of UK Open Banking payment initiation for domestic payments."""

from __future__ import annotations

import re
import time
import uuid
from hashlib import blake2b, sha256
from typing import Any

from msgspec import UnsetType

from carriers.sandbox.bank import answers, signatures
from carriers.sandbox.bank.answers import BankAnswer
from carriers.sandbox.bank.older import check_version
from carriers.sandbox.bank.records import BankPayment, Consent
from carriers.sandbox.bank.refusals import BankRefused, bad
from carriers.sandbox.bank.stories import CONSENT_FAULTS, PAYMENT_FAULTS, READ_FAULTS
from carriers.sandbox.bank.tokens import BankToken
from carriers.sandbox.bank.wire import (
    ConsentRequest,
    Initiation,
    PaymentRequest,
    amount_minor,
    check_accounts,
    completion_at,
    difference,
    read_body,
)
from carriers.sandbox.bank.world import BankCall, BankWorld
from carriers.sandbox.errors import Dropped

KEY_LIMIT = 40
# The specification's own pattern: at most 40 characters, neither blank nor blank at an end.
_KEY = re.compile(r"(?!\s)(.*)(\S)\Z")
_JSON = re.compile(r"application/json\s*(;\s*charset\s*=\s*\"?utf-8\"?\s*)?\Z", re.IGNORECASE)
_MEDIA = ("application/json", "application/*", "*/*")
_AUTH_DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
    r"\d{2}:\d{2}:\d{2} (GMT|UTC)\Z"
)


class Pisp:
    """Answers the requests below `/open-banking/v4.0/pisp`, or `v3.1`."""

    def __init__(self, world: BankWorld) -> None:
        self._world = world

    async def answer(self, call: BankCall) -> BankAnswer:
        """Route one request. Raises `BankRefused`."""
        match call.path.split("/")[4:]:
            case ["domestic-payment-consents"]:
                return await self._create_consent(call, self._admit(call, "POST"))
            case ["domestic-payment-consents", consent_id]:
                self._client_only(self._admit(call, "GET"))
                return self._read_consent(call, consent_id)
            case ["domestic-payment-consents", consent_id, "funds-confirmation"]:
                return self._confirm_funds(call, self._admit(call, "GET"), consent_id)
            case ["domestic-payments"]:
                return await self._create_payment(call, self._admit(call, "POST"))
            case ["domestic-payments", payment_id]:
                self._client_only(self._admit(call, "GET"))
                payment, consent = self._payment(call, payment_id)
                self._spoil_read(call)
                return BankAnswer(200, answers.payment_object(payment, consent, call.pisp))
            case ["domestic-payments", payment_id, "payment-details"]:
                self._client_only(self._admit(call, "GET"))
                payment, _ = self._payment(call, payment_id)
                self._spoil_read(call)
                return BankAnswer(200, answers.details_object(payment, call.pisp))
        raise BankRefused(404)

    def _admit(self, call: BankCall, method: str) -> BankToken:
        """Method, headers and token. Raises 405, 406, 415, 401, 403 and 400."""
        headers = call.request.headers
        if call.request.method != method:
            raise BankRefused(405, allow=method)
        wanted = [part.split(";")[0].strip().lower() for part in headers.get("Accept", "*/*").split(",")]
        if not any(one in _MEDIA for one in wanted):
            raise BankRefused(406)
        if method == "POST" and not _JSON.match(headers.get("Content-Type", "").strip()):
            raise BankRefused(415)
        if "Authorization" not in headers:
            raise BankRefused(401)
        token = self._world.tokens.check(headers["Authorization"], call.bank_id)
        if not _AUTH_DATE.match(headers.get("x-fapi-auth-date", "Sun, 10 Sep 2017 19:43:31 UTC")):
            raise bad("U006", "An RFC 7231 date, like Sun, 10 Sep 2017 19:43:31 UTC.", "x-fapi-auth-date")
        return token

    @staticmethod
    def _client_only(token: BankToken) -> None:
        if token.consent_id:
            raise BankRefused(403, "U042", "This needs a token of the client's own (client credentials).")

    async def _checked(self, call: BankCall) -> tuple[str, str]:
        """The idempotency key and the body's hash. Raises 400 for a wrong key or signature."""
        key = call.request.headers.get("x-idempotency-key")
        if key is None:
            raise bad("U007", "The request needs x-idempotency-key.", "x-idempotency-key")
        if len(key) > KEY_LIMIT or not _KEY.match(key):
            raise bad("U006", f"1 to {KEY_LIMIT} characters, no blank at an end.", "x-idempotency-key")
        signature = call.request.headers.get("x-jws-signature", "")
        await signatures.verify(signature, call.body, self._world.client)
        return key, sha256(call.body).hexdigest()

    async def _create_consent(self, call: BankCall, token: BankToken) -> BankAnswer:
        self._client_only(token)
        world = self._world
        key, body_hash = await self._checked(call)
        consent = world.store.consent_of_key(call.bank_id, key, world.clock.now())
        if consent is not None:
            call.seen.reference = consent.reference
            _same_body(consent.body_hash, body_hash)
        asked, plain = read_body(ConsentRequest, call.body)
        check_version(asked, call.version)
        call.seen.reference = asked.data.initiation.end_to_end_identification
        call.fault = world.faults.draw(CONSENT_FAULTS, call.bank_id, call.seen.reference)
        if call.fault == "consent_error_500":
            raise BankRefused(500, "U000", "Something went wrong.")
        if consent is None:
            consent = self._new_consent(call, asked, key)
            consent.body, consent.body_hash = plain, body_hash
            world.lifecycle.open(consent)
        world.lifecycle.current(consent)
        return BankAnswer(201, answers.consent_object(consent, call.pisp))

    def _new_consent(self, call: BankCall, asked: ConsentRequest, key: str) -> Consent:
        world, initiation = self._world, asked.data.initiation
        check_accounts(initiation)
        now = world.clock.now()
        expires_at = now + world.settings.bank_consent_lifetime_s
        if (completion := completion_at(asked.data)) is not None:
            # The client counts by real time, from which this clock may have been moved away.
            expires_at = min(expires_at, now + completion - time.time())
        own, debtor = self._own_account(initiation)
        return Consent(
            id=self._mint("consent", call.bank_id, key),
            bank_id=call.bank_id,
            key=key,
            body_hash="",
            body={},
            amount_minor=amount_minor(initiation),
            created_at=now,
            expires_at=expires_at,
            own=own,
            debtor=debtor,
        )

    def _own_account(self, initiation: Initiation) -> tuple[bool, dict[str, object] | None]:
        """Whether the client pays from its own account here, and that account."""
        account = initiation.debtor_account
        if (
            isinstance(account, UnsetType)
            or account.identification != self._world.client.registration.account
        ):
            return False, None
        shown = {"SchemeName": account.scheme_name, "Identification": account.identification}
        return True, {**shown, "Name": account.name or "Business account"}

    def _read_consent(self, call: BankCall, consent_id: str) -> BankAnswer:
        consent = self._consent(call, consent_id)
        self._spoil_read(call)
        return BankAnswer(200, answers.consent_object(consent, call.pisp))

    def _confirm_funds(self, call: BankCall, token: BankToken, consent_id: str) -> BankAnswer:
        consent = self._consent(call, consent_id)
        _of_consent(token, consent)
        if consent.status != "AUTH":
            raise bad("U009", f"The consent is {consent.status}; AUTH is needed.", "ConsentId")
        self._spoil_read(call)
        return BankAnswer(200, answers.funds_object(consent, call.pisp, self._world.clock.now()))

    async def _create_payment(self, call: BankCall, token: BankToken) -> BankAnswer:
        world = self._world
        key, body_hash = await self._checked(call)
        payment = world.store.payment_of_key(call.bank_id, key, world.clock.now())
        if payment is not None:
            call.seen.reference = world.store.consents[payment.consent_id].reference
            _same_body(payment.body_hash, body_hash)
        asked, plain = read_body(PaymentRequest, call.body)
        check_version(asked, call.version)
        call.seen.reference = asked.data.initiation.end_to_end_identification
        consent = self._consent(call, asked.data.consent_id)
        _of_consent(token, consent)
        call.fault = world.faults.draw(PAYMENT_FAULTS, call.bank_id, call.seen.reference)
        self._turn_away(call.fault)
        if payment is None:
            payment = self._order(call, consent, plain, key, body_hash)
        return BankAnswer(201, answers.payment_object(payment, consent, call.pisp))

    @staticmethod
    def _turn_away(fault: str) -> None:
        if fault == "drop_before_payment":
            raise Dropped
        if fault == "error_500_not_paid":
            raise BankRefused(500, "U000", "Something went wrong.")
        if fault == "error_503_not_paid":
            raise BankRefused(503)

    def _order(
        self, call: BankCall, consent: Consent, plain: dict[str, Any], key: str, body_hash: str
    ) -> BankPayment:
        """Take a new payment. Raises 400 when the consent does not allow it or says something else."""
        world = self._world
        if consent.status != "AUTH" or world.store.payment_of(consent) is not None:
            raise bad("U009", f"The consent is {consent.status}; AUTH is needed.", "Data.ConsentId")
        path = difference(consent.initiation, plain["Data"]["Initiation"], "Data.Initiation")
        path = path or difference(consent.body["Risk"], plain["Risk"], "Risk")
        if path:
            raise bad("U008", "This is not what the customer has approved.", path)
        payment = BankPayment(
            id=self._mint("payment", call.bank_id, key),
            consent_id=consent.id,
            bank_id=call.bank_id,
            key=key,
            body_hash=body_hash,
            created_at=world.clock.now(),
        )
        flow = call.story.refund if consent.own else call.story.payment
        if flow.answer_lost and not call.fault:
            call.fault = "drop_after_payment"
        world.lifecycle.order(payment, consent, rejected=call.fault == "payment_rejected")
        return payment

    def _consent(self, call: BankCall, consent_id: str) -> Consent:
        consent = self._world.store.consents.get(consent_id)
        if consent is None or consent.bank_id != call.bank_id:
            raise bad("U011", "There is no such consent.", "ConsentId")
        call.seen.reference = consent.reference
        return self._world.lifecycle.current(consent)

    def _payment(self, call: BankCall, payment_id: str) -> tuple[BankPayment, Consent]:
        payment = self._world.store.payments.get(payment_id)
        if payment is None or payment.bank_id != call.bank_id:
            raise bad("U011", "There is no such payment.", "DomesticPaymentId")
        consent = self._world.store.consents[payment.consent_id]
        call.seen.reference = consent.reference
        return payment, consent

    def _spoil_read(self, call: BankCall) -> None:
        call.fault = self._world.faults.draw(READ_FAULTS, call.bank_id, call.seen.reference)
        if call.fault == "read_error_500":
            raise BankRefused(500, "U000", "Something went wrong.")

    def _mint(self, kind: str, bank_id: str, key: str) -> str:
        """An id that the seed and the client's key decide, so that runs can be compared."""
        store, seed = self._world.store, self._world.settings.seed
        known = store.consents if kind == "consent" else store.payments
        made = blake2b(f"{seed}\n{kind}\n{bank_id}\n{key}".encode(), digest_size=12).hexdigest()
        # A key used once more after its 24 hours.
        return made if made not in known else uuid.uuid4().hex[:24]


def _same_body(kept: str, came: str) -> None:
    if kept != came:
        raise bad("U006", "This key was used within 24 hours for another body.", "x-idempotency-key")


def _of_consent(token: BankToken, consent: Consent) -> None:
    """Raises 403 unless the token is for this consent; the client's own account needs only the client's own token."""
    if token.consent_id != ("" if consent.own else consent.id):
        raise BankRefused(403, "U042", "The token is not for this consent.")
