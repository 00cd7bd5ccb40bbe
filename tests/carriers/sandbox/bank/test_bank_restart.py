"""What the bank has taken survives its death: consents, payments, keys, codes, tokens and the record."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Callable

from tests.carriers.sandbox.bank.client import CONSENTS, JWKS, PAYMENTS, REDIRECT_URI, Bank
from tests.carriers.sandbox.harness import Sandbox, wait_until

REGISTERED = {"jwks": JWKS, "redirect_uris": [REDIRECT_URI]}


def test_nothing_is_lost_by_a_kill(fresh: Callable[..., Sandbox], ref: str) -> None:
    sandbox = fresh()
    sandbox.call("PUT", "/sandbox/bank/client", REGISTERED)
    bank = Bank(sandbox, "sandbox-bank-slow")
    body, token = bank.approved(ref[:35])
    key = uuid.uuid4().hex
    payment_id = bank.post(PAYMENTS, body, token, key).json["Data"]["DomesticPaymentId"]
    keys = bank.call("GET", "/jwks").json

    sandbox.stop(signal.SIGKILL)
    sandbox.start()
    sandbox.call("PUT", "/sandbox/bank/client", REGISTERED)
    bank = Bank(sandbox, "sandbox-bank-slow")

    assert bank.call("GET", "/jwks").json == keys
    assert bank.get(f"{CONSENTS}/{body['Data']['ConsentId']}").json["Data"]["Status"] == "COND"
    again = bank.post(PAYMENTS, body, token, key)
    assert (again.status, again.json["Data"]["DomesticPaymentId"]) == (201, payment_id)
    wait_until(lambda: bank.record(ref[:35]) == [("payment", 2000)])


def test_what_a_kill_left_half_written_is_completed(fresh: Callable[..., Sandbox], ref: str) -> None:
    sandbox = fresh()
    sandbox.call("PUT", "/sandbox/bank/client", REGISTERED)
    bank = Bank(sandbox)
    body, token = bank.approved(ref[:35])
    assert bank.post(PAYMENTS, body, token).status == 201
    wait_until(lambda: bank.record(ref[:35]) == [("payment", 2000)])
    sandbox.stop(signal.SIGKILL)
    journal = sandbox.folder / "bank.jsonl"
    kept = [line for line in journal.read_text().splitlines() if '"COND"' not in line]
    journal.write_text("\n".join([*kept, '{"line":"consent","id":"torn']))
    (sandbox.folder / "bank-ledger.jsonl").write_text("")

    sandbox.start()
    sandbox.call("PUT", "/sandbox/bank/client", REGISTERED)
    bank = Bank(sandbox)

    assert bank.record(ref[:35]) == [("payment", 2000)]
    assert bank.get(f"{CONSENTS}/{body['Data']['ConsentId']}").json["Data"]["Status"] == "COND"
    assert bank.post(PAYMENTS, body, token).json["Errors"][0]["ErrorCode"] == "U009"
