"""Settings, faults, the records of charges and requests, and the control page."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from http.client import HTTPException

import pytest

from tests.carriers.sandbox.harness import BASE, PATIENCE_S, ROOT, Sandbox, Sink, wait_until
from tests.carriers.sandbox.test_sandbox_stories import confirm, reserved


def outcome(sandbox: Sandbox, number: str, reference: str) -> str:
    """What one payment came to for its client, and whether it was charged."""
    try:
        seen = str(sandbox.pay(number, reference).status)
    except (ConnectionError, HTTPException):
        seen = "reset"
    return f"{seen} {len(sandbox.charges(reference))}"


def test_settings_change_only_what_is_named(sandbox: Sandbox) -> None:
    before = sandbox.call("GET", "/sandbox/settings").json
    after = sandbox.set(answer_delay_ms=2, faults={"late_answer": 0.25}).json
    assert after == {**before, "answer_delay_ms": "2.0", "faults": {"late_answer": "0.25"}}
    assert sandbox.call("DELETE", "/sandbox/settings").json == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"answer_delay": 3},
        {"answer_delay_ms": -1},
        {"time_divisor": 0},
        {"faults": {"earthquake": 0.5}},
        {"faults": {"late_answer": 1.5}},
        {"faults": {"late_answer": 0.6, "rate_limited": 0.6}},
        {"force": [{"fault": "late_answer"}]},
        {"force": [{"fault": "earthquake", "next_n": 1}]},
        {"minimum_minor": 5000},
        [],
    ],
)
def test_wrong_settings_are_refused_and_change_nothing(sandbox: Sandbox, wrong: object) -> None:
    before = sandbox.call("GET", "/sandbox/settings").json
    assert sandbox.call("PUT", "/sandbox/settings", wrong).error == (400, "INVALID_ARGUMENT")
    assert sandbox.call("GET", "/sandbox/settings").json == before


def test_browser_pages_of_others_cannot_set_anything(sandbox: Sandbox) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        reply = sandbox.call("POST", "/sandbox/clock", {"advance_s": 1}, headers)
        assert reply.error == (403, "PERMISSION_DENIED")


FAULTS = {
    "drop_after_charge": "reset 1",
    "drop_before_charge": "reset 0",
    "error_503_charged": "503 1",
    "error_503_not_charged": "503 0",
    "rate_limited": "429 0",
    "garbage_charged": "200 1",
    "other_amount": "201 1",
}


@pytest.mark.parametrize(("fault", "came"), FAULTS.items())
def test_forced_faults(sandbox: Sandbox, ref: str, fault: str, came: str) -> None:
    sandbox.set(force=[{"phone_number": "+447700900777", "fault": fault, "next_n": 1}])
    assert outcome(sandbox, "0778", f"{ref}-other") == "201 1", "another number is not concerned"
    assert outcome(sandbox, "0777", ref) == came
    assert outcome(sandbox, "0777", f"{ref}-next") == "201 1"


def test_forced_faults_of_the_next_requests_reach_any_number(sandbox: Sandbox, ref: str) -> None:
    sandbox.set(force=[{"next_n": 2, "fault": "error_503_not_charged"}])
    assert [outcome(sandbox, f"077{n}", f"{ref}-{n}") for n in range(3)] == ["503 0", "503 0", "201 1"]


def test_late_answers_and_late_charges(sandbox: Sandbox, ref: str) -> None:
    sandbox.set(
        time_divisor=0.01,  # 25 s become 2,500, 30 s 3,000: only the clock decides here
        force=[
            {"phone_number": "+447700900771", "fault": "late_answer"},
            {"phone_number": "+447700900772", "fault": "late_charge"},
        ],
    )
    for number in ("0771", "0772"):
        with pytest.raises(TimeoutError):
            sandbox.pay(number, f"{ref}-{number}", timeout=0.3)
    assert sandbox.charges(f"{ref}-0771") == [("charge", 2000)]
    assert sandbox.charges(f"{ref}-0772") == []
    sandbox.advance(3_001)
    assert sandbox.charges(f"{ref}-0772") == [("charge", 2000)]


def test_faults_reach_confirm_as_well(sandbox: Sandbox, ref: str) -> None:
    payment_id = reserved(sandbox, "0777", ref)
    sandbox.set(force=[{"phone_number": "+447700900777", "fault": "error_503_charged", "next_n": 1}])
    assert confirm(sandbox, "0777", payment_id) == 503
    assert sandbox.payment(payment_id)["paymentStatus"] == "succeeded"


def test_inquiry_errors(sandbox: Sandbox, ref: str) -> None:
    payment_id = sandbox.pay("0001", ref).json["paymentId"]
    sandbox.set(faults={"inquiry_error": 1})
    for path in (f"/payments/{payment_id}", "/payments"):
        assert sandbox.api("GET", path).error == (500, "INTERNAL")


def test_notification_faults(sandbox: Sandbox, ref: str, sink: Sink) -> None:
    sandbox.set(force=[{"phone_number": "+447700900008", "fault": "notification_doubled", "next_n": 1}])
    sandbox.pay("0008", f"{ref}-double", sink=sink.url)
    assert sink.next()["id"] == sink.next()["id"]
    sandbox.set(force=[{"phone_number": "+447700900008", "fault": "notification_lost", "next_n": 1}])
    sandbox.pay("0008", f"{ref}-lost", sink=sink.url)

    def states() -> list[str]:
        sent = sandbox.call("GET", f"/sandbox/notifications?reference={ref}-lost").json["notifications"]
        return [one["state"] for one in sent]

    wait_until(lambda: states() == ["lost"])
    assert sink.events.empty()


def test_the_same_seed_gives_the_same_run_in_any_order(fresh: Callable[..., Sandbox]) -> None:
    faults = dict.fromkeys(("drop_after_charge", "drop_before_charge", "error_503_not_charged"), 0.12)
    references = [f"order-{number}" for number in range(60)]

    def run(sandbox: Sandbox, order: list[str]) -> dict[str, str]:
        sandbox.set(faults=faults)
        came = {reference: outcome(sandbox, "1234", reference) for reference in order}
        sandbox.stop()
        return came

    first = run(fresh("a", 20, "--seed", "7"), references)
    second = run(fresh("b", 20, "--seed", "7"), references[::-1])
    other = run(fresh("c", 20, "--seed", "8"), references)
    assert first == second
    assert first != other
    assert {"201 1", "reset 1", "reset 0", "503 0"} == set(first.values())


def is_paid(sandbox: Sandbox, reference: str) -> bool:
    """Ask for the payment; whether it was made now."""
    return outcome(sandbox, "0777", reference) == "201 1"


def test_a_fault_is_drawn_again_for_each_try(sandbox: Sandbox, ref: str) -> None:
    sandbox.set(faults={"error_503_not_charged": 0.5})
    references = [f"{ref}-{number}" for number in range(20)]
    for one in references:
        wait_until(partial(is_paid, sandbox, one))
    assert {outcome(sandbox, "0777", one) for one in references} == {"400 1"}
    assert [sandbox.charges(one) for one in references] == [[("charge", 2000)]] * 20


def test_answer_delay(sandbox: Sandbox, ref: str) -> None:
    sandbox.token()  # the delay is for this answer too
    sandbox.set(answer_delay_ms=30_000, delay_jitter_ms=50)
    with pytest.raises(TimeoutError):
        sandbox.pay("0001", ref, timeout=0.25)
    assert sandbox.charges(ref) == [("charge", 2000)]


def test_ledger_pages(sandbox: Sandbox, ref: str) -> None:
    before = sandbox.call("GET", "/sandbox/ledger").json["total"]
    for number in range(3):
        sandbox.pay("0001", f"{ref}-{number}", amount=f"{number + 1}.50")
    newer = sandbox.call("GET", f"/sandbox/ledger?after={before}").json
    assert [entry["seq"] for entry in newer["entries"]] == [before + 1, before + 2, before + 3]
    assert newer["total"] == before + 3
    first = sandbox.call("GET", f"/sandbox/ledger?after={before}&limit=1").json["entries"]
    assert len(first) == 1
    entry = first[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("at"))
    assert entry == {
        "seq": before + 1,
        "kind": "charge",
        "reference": f"{ref}-0",
        "reference_code": f"code-{ref}-0",
        "payment_id": sandbox.listed(f"{ref}-0")[0]["paymentId"],
        "phone_number": "+447700900001",
        "amount_minor": 150,
        "currency": "GBP",
    }


def test_requests_seen_can_be_counted(sandbox: Sandbox, ref: str) -> None:
    payment_id = sandbox.pay("0001", ref).json["paymentId"]
    sandbox.pay("0001", ref)
    sandbox.api("GET", f"/payments/{payment_id}", headers={"x-correlator": "c-9"})
    with pytest.raises(ConnectionError):
        sandbox.pay("0011", f"{ref}-dropped")
    seen = sandbox.call("GET", f"/sandbox/requests?reference={ref}").json["requests"]
    assert [(one["method"], one["path"], one["status"], one["outcome"]) for one in seen] == [
        ("POST", f"{BASE}/payments", 201, "answered"),
        ("POST", f"{BASE}/payments", 400, "answered"),
        ("GET", f"{BASE}/payments/{payment_id}", 200, "answered"),
    ]
    assert seen[-1]["correlator"] == "c-9"
    dropped = sandbox.call("GET", f"/sandbox/requests?reference={ref}-dropped").json["requests"]
    assert [(one["status"], one["outcome"]) for one in dropped] == [(None, "dropped")]


def test_control_page_works_without_script(sandbox: Sandbox, ref: str) -> None:
    sandbox.pay("0001", f"{ref}<b>&")
    page = sandbox.call("GET", "/sandbox/")
    text = page.body.decode()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "+447700900020" in text
    assert f"{ref}&lt;b&gt;&amp;" in text
    assert "<script" not in text
    assert "style=" not in text
    assert not re.search(r'(src|href)="(?!/sandbox/|#)', text), "nothing comes from elsewhere"
    assert sandbox.call("GET", "/sandbox/page.css").headers["content-type"].startswith("text/css")
    form = "seed=1&answer_delay_ms=1.5&delay_jitter_ms=0&time_divisor=20&fault.late_answer=0.5&fault.rate_limited=0"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = sandbox.call("POST", "/sandbox/settings", form.encode(), kind)
    assert (reply.status, reply.headers["location"]) == (303, "/sandbox/")
    now = sandbox.call("GET", "/sandbox/settings").json
    assert (now["answer_delay_ms"], now["faults"]) == ("1.5", {"late_answer": "0.5"})
    before = float(sandbox.call("GET", "/sandbox/clock").json["offset_s"])
    assert sandbox.call("POST", "/sandbox/settings", b"advance_s=60", kind).status == 303
    assert float(sandbox.call("GET", "/sandbox/clock").json["offset_s"]) == before + 60
    assert sandbox.call("GET", "/sandbox/settings").json == now


def test_it_imports_nothing_of_the_product() -> None:
    code = (
        "import sys, carriers.sandbox.__main__\n"
        "product = ('django', 'paysite', 'accounts', 'deposits')\n"
        "loaded = [m for m in sys.modules if m.split('.')[0] in product"
        " or (m.startswith('carriers.') and not m.startswith('carriers.sandbox'))]\n"
        "sys.exit(repr(loaded) if loaded else 0)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
