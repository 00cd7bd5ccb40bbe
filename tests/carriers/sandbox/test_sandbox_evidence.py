"""What a carrier does later: caps, reversals, forgetting, late arrivals, and the settlement file of its own record."""

from __future__ import annotations

from tests.carriers.sandbox.harness import Sandbox


def test_a_monthly_cap_counts_what_was_charged(sandbox: Sandbox) -> None:
    sandbox.call("PUT", "/sandbox/settings", {"monthly_cap_minor": 3_000})
    assert sandbox.pay("3001", "cap-1").status == 201
    refused = sandbox.pay("3001", "cap-2")
    assert refused.error == (422, "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED")
    assert sandbox.pay("3002", "cap-3").status == 201
    assert sandbox.charges("cap-2") == []


def test_a_reversal_is_recorded_and_only_once(sandbox: Sandbox) -> None:
    sandbox.pay("3003", "back-1")
    assert sandbox.call("POST", "/sandbox/reversals", {"reference": "back-1"}).status == 200
    assert [kind for kind, _ in sandbox.charges("back-1")] == ["charge", "reversal"]
    assert sandbox.listed("back-1")[0]["paymentStatus"] == "cancelled"
    for reference in ("back-1", "nobody"):
        assert sandbox.call("POST", "/sandbox/reversals", {"reference": reference}).status == 400


def test_a_forgotten_payment_is_not_found_and_its_reference_not_refused(sandbox: Sandbox) -> None:
    first = sandbox.pay("3004", "forget-1").json["paymentId"]
    sandbox.call("PUT", "/sandbox/settings", {"forget_after_s": 500})
    assert sandbox.pay("3004", "forget-1").status == 400
    assert len(sandbox.listed("forget-1")) == 1
    sandbox.call("POST", "/sandbox/clock", {"advance_s": 501})
    assert sandbox.api("GET", f"/payments/{first}").status == 404
    assert sandbox.listed("forget-1") == []
    second = sandbox.pay("3004", "forget-1")
    assert second.status == 201
    assert second.json["paymentId"] != first
    assert len(sandbox.charges("forget-1")) == 2


def late(sandbox: Sandbox, number: str, reference: str) -> None:
    """A payment that is lost on its way for 6,000 s: only the clock decides when it arrives."""
    force = [{"phone_number": f"+44770090{number}", "fault": "late_arrival", "next_n": 1}]
    sandbox.call("PUT", "/sandbox/settings", {"force": force, "time_divisor": 0.01})
    try:
        sandbox.pay(number, reference)
    except (ConnectionError, OSError):
        return
    raise AssertionError("the connection was not cut")


def test_a_late_arrival_leaves_no_trace_until_it_is_there(sandbox: Sandbox) -> None:
    late(sandbox, "3005", "late-1")
    assert sandbox.listed("late-1") == []
    sandbox.call("POST", "/sandbox/clock", {"advance_s": 6_001})
    assert [one["paymentStatus"] for one in sandbox.listed("late-1")] == ["succeeded"]
    assert len(sandbox.charges("late-1")) == 1


def test_a_late_arrival_is_refused_when_its_reference_is_taken(sandbox: Sandbox) -> None:
    late(sandbox, "3006", "late-2")
    payment = sandbox.pay("3006", "late-2", "/prepare").json["paymentId"]
    sandbox.api("POST", f"/payments/{payment}/cancel", {"phoneNumber": "+447700903006"})
    sandbox.call("POST", "/sandbox/clock", {"advance_s": 6_001})
    assert sandbox.charges("late-2") == []


def test_the_settlement_file_says_what_the_record_says(sandbox: Sandbox) -> None:
    payment = sandbox.pay("3007", "settle-1").json["paymentId"]
    sandbox.call("POST", "/sandbox/reversals", {"reference": "settle-1"})
    today = sandbox.call("GET", "/sandbox/clock").json["now"][:10]
    told = sandbox.call("GET", f"/sandbox/settlement?date={today}")
    lines = told.body.decode().splitlines()
    assert told.headers["content-type"].startswith("text/csv")
    assert lines[0] == "date,reference,payment_id,amount,currency,kind"
    assert [line for line in lines if "settle-1" in line] == [
        f"{today},code-settle-1,{payment},20.00,GBP,charge",
        f"{today},code-settle-1,{payment},20.00,GBP,reversal",
    ]
    assert len(sandbox.call("GET", "/sandbox/settlement?date=2020-01-01").body.splitlines()) == 1
    assert sandbox.call("GET", "/sandbox/settlement?date=yesterday").status == 400
