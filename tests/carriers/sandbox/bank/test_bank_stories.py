"""What each bank plays, and the faults that tests and the chaos runs ask for."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from carriers.sandbox.bank.stories import BANK_FAULTS, BANKS
from tests.carriers.sandbox.bank.client import CONSENTS, PAYMENTS, Bank, payment_body, refund_body
from tests.carriers.sandbox.harness import ROOT, wait_until

BankOf = Callable[[str], Bank]


def ended(bank: Bank, payment_id: str, status: str) -> dict[str, Any]:
    """The payment, once it has the status."""
    wait_until(lambda: bank.payment(payment_id)["Status"] == status)
    return bank.payment(payment_id)


@pytest.mark.parametrize(
    ("bank_id", "after_s", "status", "reason"),
    [
        ("sandbox-bank-rejects", 2, "RJCT", "MS03"),
        ("sandbox-bank-blocks", 2, "RJCT", "AG01"),
        ("sandbox-bank-holds", 4, "BLCK", ""),
    ],
)
def test_a_payment_that_was_taken_may_still_end_badly(
    bank_of: BankOf, ref: str, bank_id: str, after_s: float, status: str, reason: str
) -> None:
    bank = bank_of(bank_id)
    taken = bank.pay(ref[:35])
    assert (taken.status, taken.json["Data"]["Status"]) == (201, "RCVD")

    found = ended(bank, taken.json["Data"]["DomesticPaymentId"], status)

    assert [one["StatusReasonCode"] for one in found.get("StatusReason", [])] == ([reason] if reason else [])
    assert bank.record(ref[:35]) == []


def test_any_documented_reason_can_be_set(bank_of: BankOf, ref: str) -> None:
    bank = bank_of("sandbox-bank-rejects")
    bank.sandbox.set(bank_reject_reason="AM14")

    taken = bank.pay(ref[:35]).json["Data"]

    assert ended(bank, taken["DomesticPaymentId"], "RJCT")["StatusReason"][0]["StatusReasonCode"] == "AM14"


def test_a_slow_bank_tells_where_the_payment_is(bank_of: BankOf, ref: str) -> None:
    bank = bank_of("sandbox-bank-slow")
    bank.sandbox.set(time_divisor=0.001)
    payment_id = bank.pay(ref[:35]).json["Data"]["DomesticPaymentId"]
    seen = []

    for _ in range(7):
        seen.append(bank.payment(payment_id)["Status"])
        bank.sandbox.advance(1_550)
    bank.sandbox.advance(10_000)

    assert seen == ["RCVD", "PDNG", "ACTC", "ACCP", "ACFC", "ACSP", "ACSP"]
    assert bank.payment(payment_id)["Status"] == "ACSC"
    assert bank.record(ref[:35]) == [("payment", 2000)]


def test_a_lost_answer_is_found_by_the_same_order(bank_of: BankOf, ref: str) -> None:
    bank = bank_of("sandbox-bank-lost")
    body, token = bank.approved(ref[:35])
    key = uuid.uuid4().hex

    with pytest.raises(ConnectionError):
        bank.post(PAYMENTS, body, token, key)

    assert bank.get(f"{CONSENTS}/{body['Data']['ConsentId']}").json["Data"]["Status"] == "COND"
    assert bank.post(PAYMENTS, body, token, key).status == 201
    wait_until(lambda: bank.record(ref[:35]) == [("payment", 2000)])


def test_an_account_may_be_somebody_elses(bank_of: BankOf, ref: str) -> None:
    paid = bank_of("sandbox-bank-name").pay(ref[:35]).json["Data"]

    assert paid["Refund"]["Account"]["Name"] == "Somebody Else"
    assert paid["Debtor"]["Name"] == "Somebody Else"


def test_a_bank_may_be_down(bank_of: BankOf) -> None:
    bank = bank_of("sandbox-bank-down")

    assert bank.form("/token", {"grant_type": "client_credentials"}).status == 503
    assert bank.call("GET", f"{CONSENTS}/x").headers["retry-after"]


@pytest.mark.parametrize(
    ("bank_id", "status", "reason"),
    [("sandbox-bank-refund-rejects", "RJCT", "AC04"), ("sandbox-bank-refund-slow", "ACSC", "")],
)
def test_a_payment_back_has_its_own_stories(
    bank_of: BankOf, ref: str, bank_id: str, status: str, reason: str
) -> None:
    bank = bank_of(bank_id)
    bank.sandbox.set(time_divisor=0.01)  # 2 s become 200, 15 s 1,500: only the clock decides here
    paid = bank.pay(ref[:35]).json["Data"]
    back = refund_body(f"r{ref}"[:35], paid["Refund"]["Account"])
    consent_id = bank.post(CONSENTS, back).json["Data"]["ConsentId"]
    taken = bank.post(PAYMENTS, payment_body(back, consent_id)).json["Data"]
    bank.sandbox.advance(150)
    assert bank.payment(taken["DomesticPaymentId"])["Status"] not in ("RJCT", "ACSC")

    bank.sandbox.advance(1_400)

    found = bank.payment(taken["DomesticPaymentId"])
    assert found["Status"] == status
    assert [one["StatusReasonCode"] for one in found.get("StatusReason", [])] == ([reason] if reason else [])
    assert bank.record(ref[:35]) == [("payment", 2000)]
    assert bank.record(f"r{ref}"[:35]) == ([("refund", 2000)] if status == "ACSC" else [])


def test_the_answer_to_a_payment_back_may_be_lost(bank_of: BankOf, ref: str) -> None:
    bank = bank_of("sandbox-bank-refund-lost")
    paid = bank.pay(ref[:35]).json["Data"]
    back = refund_body(f"r{ref}"[:35], paid["Refund"]["Account"])
    body = payment_body(back, bank.post(CONSENTS, back).json["Data"]["ConsentId"])
    key = uuid.uuid4().hex

    with pytest.raises(ConnectionError):
        bank.post(PAYMENTS, body, key=key)

    assert bank.post(PAYMENTS, body, key=key).status == 201
    wait_until(lambda: bank.record(f"r{ref}"[:35]) == [("refund", 2000)])


@pytest.mark.parametrize(
    ("fault", "status", "paid"),
    [
        ("drop_after_payment", 0, True),
        ("drop_before_payment", 0, False),
        ("error_500_paid", 500, True),
        ("error_500_not_paid", 500, False),
        ("error_503_not_paid", 503, False),
        ("hang_paid", 0, True),
        ("garbage_paid", 200, True),
        ("wrong_signature", 201, True),
        ("no_signature", 201, True),
        ("wrong_amount", 201, True),
        ("other_consent", 201, True),
        ("payment_rejected", 201, False),
    ],
)
def test_an_order_can_be_spoilt_once_and_repeated(
    bank: Bank, ref: str, fault: str, status: int, paid: bool
) -> None:
    body, token = bank.approved(ref[:35])
    key = uuid.uuid4().hex
    bank.sandbox.set(bank_force=[{"fault": fault, "next_n": 1}], time_divisor=1_000)

    if status:
        spoilt = bank.post(PAYMENTS, body, token, key)
        assert spoilt.status == status
        if fault == "wrong_signature":
            with pytest.raises(ValueError, match="does not verify"):
                bank.check_signature(spoilt)
        else:
            assert ("x-jws-signature" in spoilt.headers) == (status != 503 and fault != "no_signature")
        if status == 201:
            data = spoilt.json["Data"]
            assert (data["Initiation"]["InstructedAmount"]["Amount"] == "21.00") == (fault == "wrong_amount")
            assert (data["ConsentId"] != body["Data"]["ConsentId"]) == (fault == "other_consent")
    else:
        with pytest.raises(ConnectionError):
            bank.post(PAYMENTS, body, token, key)

    consent = bank.get(f"{CONSENTS}/{body['Data']['ConsentId']}").json["Data"]
    assert consent["Status"] == ("COND" if paid or fault == "payment_rejected" else "AUTH")
    again = bank.post(PAYMENTS, body, token, key)
    assert again.status == 201
    bank.check_signature(again)
    if fault == "payment_rejected":
        ended(bank, again.json["Data"]["DomesticPaymentId"], "RJCT")
    else:
        wait_until(lambda: bank.record(ref[:35]) == [("payment", 2000)])


def test_the_exchange_and_the_questions_can_be_spoilt(bank: Bank, ref: str) -> None:
    bank.stage(f"b{ref}"[:35])
    body, data = bank.stage(ref[:35])
    path = bank.authorize_path(data["ConsentId"])
    bank.sandbox.set(bank_force=[{"fault": "exchange_lost", "next_n": 1}])
    lost = bank.decide(path)["code"]
    with pytest.raises(ConnectionError):
        bank.exchange(lost)
    assert bank.exchange(lost).json["error"] == "invalid_grant"

    bank.sandbox.set(bank_force=[{"fault": "other_consents_token", "next_n": 1}])
    others = bank.exchange(bank.decide(path)["code"]).json["access_token"]
    assert bank.post(PAYMENTS, payment_body(body, data["ConsentId"]), others).status == 403

    bank.sandbox.set(bank_force=[{"fault": "read_wrong_signature", "next_n": 1}])
    with pytest.raises(ValueError, match="does not verify"):
        bank.check_signature(bank.get(f"{CONSENTS}/{data['ConsentId']}"))
    bank.check_signature(bank.get(f"{CONSENTS}/{data['ConsentId']}"))


def test_faults_are_drawn_by_seed_and_never_for_banks_with_a_story(bank_of: BankOf, ref: str) -> None:
    bank, slow = bank_of("sandbox-bank"), bank_of("sandbox-bank-slow")
    bank.sandbox.set(seed=7, bank_faults={"error_500_not_paid": 1})
    body, token = bank.approved(ref[:35])
    other, others_token = slow.approved(f"s{ref}"[:35])

    assert bank.post(PAYMENTS, body, token).status == 500
    assert slow.post(PAYMENTS, other, others_token).status == 201


@pytest.mark.parametrize(
    "settings",
    [
        {"bank_faults": {"no such": 0.1}},
        {"bank_faults": {"wrong_amount": 0.6, "other_consent": 0.6}},
        {"bank_force": [{"fault": "wrong_amount"}]},
        {"bank_force": [{"fault": "wrong_amount", "bank_id": "nobody"}]},
        {"bank_decisions": {"shrug": 1}},
        {"bank_reject_reason": "long reason"},
    ],
)
def test_settings_that_mean_nothing_are_refused(bank: Bank, settings: dict[str, Any]) -> None:
    assert bank.sandbox.set(**settings).status == 400


def test_the_control_page_shows_the_banks_and_sets_their_faults(bank: Bank, ref: str) -> None:
    bank.pay(ref[:35])
    wait_until(lambda: bank.record(ref[:35]) == [("payment", 2000)])
    form = b"seed=7&answer_delay_ms=0&delay_jitter_ms=0&time_divisor=20&bank_fault.wrong_amount=0.5&fault.late_answer=0"
    given = {"Content-Type": "application/x-www-form-urlencoded"}

    assert bank.sandbox.call("POST", "/sandbox/settings", form, given).status == 303
    assert bank.sandbox.call("GET", "/sandbox/settings").json["bank_faults"] == {"wrong_amount": "0.5"}
    page = bank.sandbox.call("GET", "/sandbox/").body.decode()
    for shown in (*BANKS, bank.origin, ref[:35], 'name="bank_fault.wrong_amount" type="number" value="0.5"'):
        assert shown in page, shown


def test_every_bank_and_fault_is_documented() -> None:
    told = (ROOT / "docs" / "sandbox.md").read_text()

    assert [name for name in [*BANKS, *BANK_FAULTS] if f"`{name}`" not in told] == []
