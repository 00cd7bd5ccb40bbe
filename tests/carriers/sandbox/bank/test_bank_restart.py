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


def test_a_settled_payment_without_a_line_gets_one(fresh: Callable[..., Sandbox], ref: str) -> None:
    sandbox = fresh()
    sandbox.call("PUT", "/sandbox/bank/client", REGISTERED)
    bank = Bank(sandbox)
    bank.pay(ref[:35])
    wait_until(lambda: bank.record(ref[:35]) == [("payment", 2000)])
    sandbox.stop(signal.SIGKILL)
    sandbox.folder.joinpath("bank-ledger.jsonl").write_text("")

    sandbox.start()

    assert Bank(sandbox).record(ref[:35]) == [("payment", 2000)]
