"""Wrong requests: each refused with its documented code, and nothing kept."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from tests.carriers.sandbox.bank.client import (
    CONSENTS,
    IAT,
    ISS,
    JWKS,
    PAYMENTS,
    TAN,
    Bank,
    consent_body,
    detached,
    jose_header,
)
from tests.carriers.sandbox.harness import Reply, Sandbox, wait_until

BODY = b"{}"


def code(reply: Reply) -> tuple[int, str]:
    """Status and error code of an OBErrorResponse1."""
    error: str = reply.json["Errors"][0]["ErrorCode"]
    return reply.status, error


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"alg": "RS256"}, "U016"),
        ({"kid": "nobody"}, "U016"),
        ({"kid": None}, "U017"),
        ({IAT: None, "crit": [ISS, TAN]}, "U017"),
        ({IAT: 4_000_000_000}, "U016"),
        ({TAN: "elsewhere.example"}, "U016"),
        ({"crit": [IAT, ISS]}, "U016"),
        ({"typ": "JWT"}, "U016"),
        ({"cty": "text/plain"}, "U016"),
    ],
)
def test_a_signature_with_another_header_is_refused(
    bank: Bank, ref: str, change: dict[str, Any], wrong: str
) -> None:
    body = b'{"not": "looked at"}'
    registered = {**jose_header(), **change}
    header = {name: value for name, value in registered.items() if value is not None}
    signature = detached_freely(body, header)

    refused = bank.post(CONSENTS, body, headers={"x-jws-signature": signature})

    assert code(refused) == (400, wrong)
    bank.check_signature(refused)


def detached_freely(body: bytes, header: dict[str, Any]) -> str:
    """A signature whose header is not what it was made with, where a library would not make it."""
    if header.get("alg") == "PS256" and "kid" in header:
        return detached(body, header)
    made = detached(body)
    return f"{encoded(header)}..{made.split('.')[2]}"


def encoded(header: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()


def test_a_body_that_was_not_signed_is_refused(bank: Bank, ref: str) -> None:
    signature = detached(b"{}")

    for header, wrong in (
        (signature, "U015"),
        ("", "U019"),
        ("a.b.c", "U018"),
        ("a..c", "U018"),
        ("x", "U018"),
    ):
        given: dict[str, str | None] = {"x-jws-signature": header or None}
        assert code(bank.post(CONSENTS, consent_body(ref[:35]), headers=given)) == (400, wrong)
    other = RSAKey.generate_key(2048)
    forged = detached(BODY, jose_header(), other)
    assert code(bank.post(CONSENTS, BODY, headers={"x-jws-signature": forged})) == (400, "U015")
    found = bank.sandbox.call("GET", f"/sandbox/bank/consents?reference={ref[:35]}").json
    assert found["total"] == 0


def test_the_older_unencoded_form_is_taken(bank: Bank, ref: str) -> None:
    body = json.dumps(consent_body(ref[:35])).encode()
    header = jose_header(b64=False, crit=["b64", IAT, ISS, TAN])

    assert bank.post(CONSENTS, body, headers={"x-jws-signature": detached(body, header)}).status == 201


@pytest.mark.parametrize(
    ("change", "wrong", "path"),
    [
        ({"InstructedAmount": {"Amount": "20"}}, "U004", "Data.Initiation.InstructedAmount.Currency"),
        ({"InstructedAmount": {"Amount": "-1", "Currency": "GBP"}}, "U002", "InstructedAmount.Amount"),
        ({"InstructedAmount": {"Amount": "0.00", "Currency": "GBP"}}, "U002", "InstructedAmount.Amount"),
        ({"InstructedAmount": {"Amount": "1.005", "Currency": "GBP"}}, "U002", "InstructedAmount.Amount"),
        ({"InstructedAmount": {"Amount": "20", "Currency": "EUR"}}, "U023", "InstructedAmount.Currency"),
        ({"EndToEndIdentification": "x" * 36}, "U002", "Data.Initiation.EndToEndIdentification"),
        ({"Surprise": 1}, "U005", "Data.Initiation.Surprise"),
        (
            {"CreditorAccount": {"SchemeName": "UK.OBIE.PAN", "Identification": "1", "Name": "N"}},
            "U027",
            "CreditorAccount.SchemeName",
        ),
        (
            {
                "CreditorAccount": {
                    "SchemeName": "UK.OBIE.SortCodeAccountNumber",
                    "Identification": "123",
                    "Name": "N",
                }
            },
            "U021",
            "CreditorAccount.Identification",
        ),
    ],
)
def test_a_wrong_field_is_named(bank: Bank, ref: str, change: dict[str, Any], wrong: str, path: str) -> None:
    body = consent_body(ref[:35])
    body["Data"]["Initiation"] |= change

    refused = bank.post(CONSENTS, body)

    assert code(refused) == (400, wrong)
    assert refused.json["Errors"][0]["Path"].endswith(path)


def test_a_body_that_is_no_json_is_refused(bank: Bank) -> None:
    assert code(bank.post(CONSENTS, b"<html>")) == (400, "U010")
    assert code(bank.post(PAYMENTS, b'{"Data": 1}')) == (400, "U002")


def test_headers_are_checked_and_the_interaction_is_echoed(bank: Bank, ref: str) -> None:
    body = consent_body(ref[:35])
    told = {"x-fapi-interaction-id": "c770aef3-6784-41f7-8e0e-ff5f97bddb3a"}

    assert code(bank.post(CONSENTS, body, headers={"x-idempotency-key": None})) == (400, "U007")
    assert code(bank.post(CONSENTS, body, headers={"x-idempotency-key": "x" * 41})) == (400, "U006")
    assert bank.post(CONSENTS, body, headers={"Authorization": None}).status == 401
    assert bank.post(CONSENTS, body, "forged.token").status == 401
    assert bank.post(CONSENTS, body, headers={"Content-Type": "text/plain"}).status == 415
    assert bank.get(f"{CONSENTS}/none", Accept="text/html").status == 406
    assert bank.call("DELETE", CONSENTS).headers["allow"] == "POST"
    missing = bank.get(f"{CONSENTS}/none", **told)
    assert code(missing) == (400, "U011")
    assert missing.headers["x-fapi-interaction-id"] == told["x-fapi-interaction-id"]
    assert bank.get("/open-banking/v4.0/pisp/file-payments/1").status == 404


def test_keys_are_read_where_the_client_publishes_them(fresh: Callable[..., Sandbox], ref: str) -> None:
    bank = Bank(fresh())
    with published() as (url, served):
        bank.sandbox.call("PUT", "/sandbox/bank/client", {"jwks_url": url})
        assert bank.post(CONSENTS, consent_body(ref[:35])).status == 503, (
            "nobody can say whose signature it is"
        )
        served.append({"keys": []})
        wait_until(lambda: bank.post(CONSENTS, consent_body(ref[:35])).status == 400)
        served.append(JWKS)
        wait_until(lambda: bank.post(CONSENTS, consent_body(ref[:35])).status == 201)
    assert bank.post(CONSENTS, consent_body(ref[:35])).status == 201, "a key that was read is kept"


@contextlib.contextmanager
def published() -> Iterator[tuple[str, list[object]]]:
    """The client's own site: it answers with the last of what is served, 500 before there is any."""
    served: list[object] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if served else 500)
            body = json.dumps(served[-1]).encode() if served else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/.well-known/jwks.json", served
        server.shutdown()


def test_a_token_of_another_bank_is_refused(bank: Bank) -> None:
    other = Bank(bank.sandbox, "sandbox-bank-slow")

    assert other.get(f"{CONSENTS}/none", bank.token()).status == 401
