"""Refunds in both protocols: what is sent, what each answer means, and that no nonsense ever settles one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from carriers import outcomes
from carriers.adapters import camara, open_banking
from carriers.interface import CarrierAdapter, Conversation, HttpAnswer, HttpRequest, RefundOrder
from carriers.outcomes import Outcome
from tests.carriers.replies import BANK, BANK_KEYS, BANK_PROFILE, PROFILE, reply
from tests.carriers.test_contract import HOSTILE_BODIES, STATUSES

REFERENCE, PAYMENT, PAYER = "R-2M8H-5TQV", "P-7290", "20000112345678"
ORDER = RefundOrder(
    reference=REFERENCE,
    payment_id=PAYMENT,
    payment_reference="D-7F3K-92QX",
    amount_minor=550,
    paid_minor=2_000,
    currency="GBP",
    description=f"Refund {REFERENCE}",
    msisdn="+447700900001",
)
NAMED = dataclasses.replace(ORDER, refund_id="F-1")
DONE = outcomes.Refunded("F-1", REFERENCE, 550, "GBP")
_NOT_BELIEVED = (outcomes.Refunded, outcomes.RefundPending, outcomes.RefundRefused, outcomes.NotFound)


def carrier() -> CarrierAdapter:
    """A carrier with a refund API."""
    return camara.Adapter(
        dataclasses.replace(PROFILE, refund_url="https://carrier.example/carrier-billing-refund/v0.3")
    )


def bank() -> CarrierAdapter:
    """A bank that pays back from our account there."""
    return open_banking.Adapter(dataclasses.replace(BANK_PROFILE, pays_back=True))


def talk(conversation: Conversation, *answers: HttpAnswer) -> tuple[Outcome, list[HttpRequest]]:
    """Play to the end; tokens and keys are given as they are asked for, the rest in this order."""
    left, sent = list(answers), list[HttpRequest]()
    try:
        request = next(conversation)
        while True:
            if request.url == BANK_PROFILE.jwks_url:
                request = conversation.send(BANK_KEYS)
            elif request.body.startswith(b"grant_type"):
                request = conversation.send(reply("camara", "token"))
            else:
                sent.append(request)
                request = conversation.send(left.pop(0))
    except StopIteration as end:
        assert not left, f"not asked for: {left}"
        outcome: Outcome = end.value
        return outcome, sent


def answer(status: int, body: object, **headers: str) -> HttpAnswer:
    return HttpAnswer(status, headers, json.dumps(body).encode())


def refused(status: int, code: str, message: str = "No.") -> HttpAnswer:
    return answer(status, {"status": status, "code": code, "message": message})


def refund(
    status: str = "succeeded", amount: float = 5.5, currency: str = "GBP", **changes: Any
) -> dict[str, Any]:
    """A refund as the carrier shows it."""
    charge = {"amount": amount, "currency": currency, "description": "Refund"}
    transaction = {
        "clientCorrelator": REFERENCE,
        "referenceCode": REFERENCE,
        "refundAmount": {"chargingInformation": charge},
    }
    return {
        "refundId": "F-1",
        "refundStatus": status,
        "type": "partial",
        "refundCreationDate": "2026-11-22T13:00:00.000Z",
        "amountTransaction": transaction | changes,
    }


def test_a_refund_by_phone_bill_names_its_amount_and_our_reference() -> None:
    outcome, (sent,) = talk(carrier().refund(ORDER), answer(201, refund()))
    assert outcome == DONE
    assert sent.url == f"https://carrier.example/carrier-billing-refund/v0.3/payments/{PAYMENT}/refunds"
    assert sent.moves_money
    body = json.loads(sent.body)
    assert body["type"] == "partial"
    assert body["amountTransaction"]["clientCorrelator"] == REFERENCE
    charge = body["amountTransaction"]["refundAmount"]["chargingInformation"]
    assert (charge["amount"], charge["currency"]) == (5.5, "GBP")
    assert b'"amount":5.50' in sent.body


CODE = "CARRIER_BILLING_REFUND"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer(201, refund("processing")), outcomes.RefundPending("F-1")),
        (answer(201, refund("something new")), outcomes.RefundPending("F-1")),
        (answer(201, refund("denied")), outcomes.RefundRefused("denied", refund_id="F-1")),
        (answer(201, refund(amount=5.51)), outcomes.Mismatch),
        (answer(201, refund(currency="EUR")), outcomes.Mismatch),
        (answer(201, refund(clientCorrelator="R-1", referenceCode="R-1")), outcomes.Unknown),
        (refused(403, f"{CODE}.REFUND_DENIED"), outcomes.RefundRefused(f"{CODE}.REFUND_DENIED")),
        (refused(422, f"{CODE}.UNAUTHORIZED_AMOUNT"), outcomes.RefundRefused(f"{CODE}.UNAUTHORIZED_AMOUNT")),
        (refused(422, f"{CODE}.TAXES_MANAGEMENT_MISMATCH"), outcomes.Unknown),
        (refused(403, "PERMISSION_DENIED"), outcomes.OurFault("403 PERMISSION_DENIED")),
        (refused(404, "NOT_FOUND"), outcomes.OurFault("404 NOT_FOUND")),
        (refused(409, "ALREADY_EXISTS"), outcomes.AlreadyKnown("ALREADY_EXISTS")),
        (
            refused(400, "INVALID_ARGUMENT", "clientCorrelator already exist on server."),
            outcomes.AlreadyKnown("INVALID_ARGUMENT"),
        ),
        (refused(400, "INVALID_ARGUMENT"), outcomes.OurFault("400 INVALID_ARGUMENT")),
        (refused(429, "TOO_MANY_REQUESTS"), outcomes.NotDone),
        (refused(500, "INTERNAL"), outcomes.Unknown),
        (refused(503, "UNAVAILABLE"), outcomes.Unknown),
    ],
)
def test_each_answer_to_a_refund_by_phone_bill_means_one_thing(given: HttpAnswer, expected: Any) -> None:
    outcome, _ = talk(carrier().refund(ORDER), given)
    assert isinstance(outcome, expected) if isinstance(expected, type) else outcome == expected


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ([], outcomes.NotFound()),
        ([refund(clientCorrelator="R-1", referenceCode="R-1")], outcomes.NotFound()),
        ([refund()], DONE),
        ([refund("denied"), refund()], DONE),
        ([refund(), refund()], outcomes.Mismatch),
        ([{"refundId": "F-1"}], outcomes.Unknown),
        ([refund(clientCorrelator=f"R-{n}", referenceCode="x") for n in range(50)], outcomes.Unknown),
    ],
)
def test_a_refund_without_an_id_is_looked_for_among_its_payments(listed: list[Any], expected: Any) -> None:
    outcome, (sent,) = talk(carrier().inquire_refund(ORDER), answer(200, listed))
    assert isinstance(outcome, expected) if isinstance(expected, type) else outcome == expected
    assert (sent.method, sent.moves_money) == ("GET", False)


def test_a_refund_with_an_id_is_read_by_it() -> None:
    outcome, (sent,) = talk(carrier().inquire_refund(NAMED), answer(200, refund()))
    assert outcome == DONE
    assert sent.url.endswith(f"/payments/{PAYMENT}/refunds/F-1")
    other, _ = talk(carrier().inquire_refund(NAMED), answer(200, {**refund(), "refundId": "F-2"}))
    assert isinstance(other, outcomes.Unknown)


def signed(status: int, data: dict[str, Any]) -> HttpAnswer:
    """An answer of the bank's."""
    body = json.dumps({"Data": data, "Risk": {}}).encode()
    return HttpAnswer(status, {"x-jws-signature": BANK.detached(body)}, body)


def initiation(reference: str = REFERENCE, amount: str = "5.50") -> dict[str, Any]:
    return {
        "InstructionIdentification": reference,
        "EndToEndIdentification": reference,
        "InstructedAmount": {"Amount": amount, "Currency": "GBP"},
        "CreditorAccount": {"SchemeName": "UK.OBIE.SortCodeAccountNumber", "Identification": PAYER},
    }


ACCOUNT = {"SchemeName": "UK.OBIE.SortCodeAccountNumber", "Identification": PAYER, "Name": "Ms P Layer"}
PAID = {
    "DomesticPaymentId": PAYMENT,
    "ConsentId": "C-1",
    "Status": "ACSC",
    "Initiation": initiation("D-7F3K-92QX", "20.00"),
    "Refund": {"Account": ACCOUNT},
}
CONSENT = {"ConsentId": "C-2", "Status": "AUTH", "Initiation": initiation()}
BACK = {"DomesticPaymentId": "F-1", "ConsentId": "C-2", "Status": "ACSC", "Initiation": initiation()}


def test_a_bank_refund_is_ordered_to_the_account_that_paid_and_to_no_other() -> None:
    outcome, sent = talk(bank().refund(ORDER), signed(200, PAID), signed(201, CONSENT), signed(201, BACK))
    assert outcome == DONE
    assert [request.moves_money for request in sent] == [False, False, True]
    consent, payment = json.loads(sent[1].body)["Data"], json.loads(sent[2].body)["Data"]
    assert consent["Initiation"] == payment["Initiation"]
    assert payment["Initiation"]["CreditorAccount"] == ACCOUNT
    assert payment["Initiation"]["DebtorAccount"]["Identification"] == BANK_PROFILE.creditor_account
    keys = [request.headers["x-idempotency-key"] for request in sent[1:]]
    assert keys == [f"{REFERENCE}-consent", f"{REFERENCE}-payment"]
    assert all(request.headers["x-jws-signature"] for request in sent[1:])
    again, repeated = talk(bank().refund(ORDER), signed(200, PAID), signed(201, CONSENT), signed(201, BACK))
    assert again == DONE
    assert [request.body for request in repeated] == [request.body for request in sent]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([signed(200, {**PAID, "Refund": None})], outcomes.RefundRefused),
        (
            [signed(200, {key: value for key, value in PAID.items() if key != "Refund"})],
            outcomes.RefundRefused,
        ),
        ([signed(200, {**PAID, "DomesticPaymentId": "P-1"})], outcomes.NotSent),
        ([signed(200, {**PAID, "Initiation": initiation("D-1", "20.00")})], outcomes.NotSent),
        ([HttpAnswer(200, {}, json.dumps({"Data": PAID}).encode())], outcomes.NotSent),
        ([HttpAnswer(500, {}, b"")], outcomes.NotSent),
        ([signed(200, PAID), HttpAnswer(503, {}, b"")], outcomes.NotDone),
        ([signed(200, PAID), HttpAnswer(400, {}, b"")], outcomes.OurFault),
        ([signed(200, PAID), signed(201, {**CONSENT, "Status": "AWAU"})], outcomes.OurFault),
        (
            [signed(200, PAID), signed(201, {**CONSENT, "Initiation": initiation(amount="5.51")})],
            outcomes.OurFault,
        ),
    ],
)
def test_nothing_is_ordered_before_account_and_consent_are_certain(
    answers: list[HttpAnswer], expected: type[Outcome]
) -> None:
    outcome, sent = talk(bank().refund(ORDER), *answers)
    assert isinstance(outcome, expected)
    assert not any(request.moves_money for request in sent)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([signed(201, {**BACK, "Status": "ACSP"})], outcomes.RefundPending("F-1")),
        ([signed(201, {**BACK, "Status": "NEW!"})], outcomes.RefundPending("F-1")),
        (
            [signed(201, {**BACK, "Status": "RJCT", "StatusReason": [{"StatusReasonCode": "AC04"}]})],
            outcomes.RefundRefused("AC04", "rejected by the bank", "F-1"),
        ),
        ([signed(201, {**BACK, "Status": "BLCK"})], outcomes.Mismatch),
        ([signed(201, {**BACK, "Initiation": initiation(amount="5.51")})], outcomes.Mismatch),
        ([signed(201, {**BACK, "Initiation": initiation("R-1")})], outcomes.Unknown),
        ([HttpAnswer(201, {}, json.dumps({"Data": BACK}).encode())], outcomes.Unknown),
        ([HttpAnswer(500, {}, b"")], outcomes.Unknown),
        ([HttpAnswer(429, {}, b"")], outcomes.NotDone),
        ([HttpAnswer(409, {}, b"")], outcomes.AlreadyKnown),
        ([HttpAnswer(400, {}, b""), signed(200, CONSENT)], outcomes.RefundRefused),
        ([HttpAnswer(400, {}, b""), signed(200, {**CONSENT, "Status": "COND"})], outcomes.Unknown),
        ([HttpAnswer(403, {}, b""), signed(200, CONSENT)], outcomes.OurFault),
        ([HttpAnswer(403, {}, b""), HttpAnswer(500, {}, b"")], outcomes.Unknown),
    ],
)
def test_each_answer_to_a_bank_refund_means_one_thing(answers: list[HttpAnswer], expected: Any) -> None:
    outcome, _ = talk(bank().refund(ORDER), signed(200, PAID), signed(201, CONSENT), *answers)
    assert isinstance(outcome, expected) if isinstance(expected, type) else outcome == expected


def test_a_bank_refund_without_an_id_is_undecided_and_with_one_it_is_read() -> None:
    assert isinstance(talk(bank().inquire_refund(ORDER))[0], outcomes.Undecided)
    assert talk(bank().inquire_refund(NAMED), signed(200, BACK))[0] == DONE
    other = signed(200, {**BACK, "DomesticPaymentId": "F-2"})
    assert isinstance(talk(bank().inquire_refund(NAMED), other)[0], outcomes.Unknown)


@pytest.mark.parametrize("adapter", [carrier, bank])
@pytest.mark.parametrize("body", HOSTILE_BODIES, ids=lambda body: repr(body[:24]))
def test_a_hostile_answer_never_settles_a_refund(adapter: Callable[[], CarrierAdapter], body: bytes) -> None:
    for status in STATUSES:
        for asked in (ORDER, NAMED):
            for conversation in (adapter().refund(asked), adapter().inquire_refund(asked)):
                outcome = _drive(conversation, HttpAnswer(status, {}, body))
                listed_nothing = isinstance(outcome, outcomes.NotFound) and body == b"[]"
                assert not isinstance(outcome, _NOT_BELIEVED) or listed_nothing, (status, outcome)


def _drive(conversation: Conversation, given: HttpAnswer) -> Outcome:
    try:
        request = next(conversation)
        while True:
            token = request.body.startswith(b"grant_type")
            request = conversation.send(reply("camara", "token") if token else given)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


def test_a_method_without_refunds_says_so() -> None:
    for adapter in (camara.Adapter(PROFILE), open_banking.Adapter(BANK_PROFILE)):
        assert not adapter.can_refund
