"""Recorded answers, and a conversation played against them without a socket."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from joserfc.jwk import RSAKey

from carriers.interface import Conversation, HttpAnswer, HttpRequest, Order
from carriers.outcomes import Outcome
from carriers.profiles import CarrierProfile
from carriers.signatures import Signer
from carriers.wire import encode

#: The bank that signs recorded answers, and what it publishes.
BANK = Signer(
    RSAKey.generate_key(2_048).as_pem(private=True).decode(),
    "bank-1",
    "0015800000BANK",
    "openbanking.org.uk",
    claims_under="http://openbanking.org.uk/",
)
BANK_KEYS = HttpAnswer(200, {"content-type": "application/json"}, encode({"keys": [BANK.public_key()]}))
FIXTURES = Path(__file__).parent / "fixtures"

PROFILE = CarrierProfile(
    code="sandbox-mobile",
    adapter="camara",
    name="Sandbox Mobile",
    base_url="https://carrier.example/carrier-billing/v0.5",
    token_url="https://carrier.example/oauth2/token",
    client_id="client-1",
    client_secret="keep-it",
    prefixes=("+44770090",),
    notification_url="https://pay.example/carriers/sandbox-mobile/notifications",
    notification_secret="notify-me-0123456789",
)

BANK_PROFILE = CarrierProfile(
    code="bank",
    adapter="open_banking",
    method_type="bank",
    name="Bank",
    base_url="https://bank.example/open-banking/v4.0/pisp",
    token_url="https://bank.example/token",
    authorise_url="https://bank.example/authorize",
    jwks_url="https://bank.example/jwks",
    issuer="https://bank.example",
    redirect_url="https://pay.example/deposit/return/bank/",
    client_id="client-1",
    client_secret="keep-it",
    signing_key=RSAKey.generate_key(2_048).as_pem(private=True).decode(),
    signing_key_id="paysite-1",
    signer="0015800001PAYSITE",
    trust_anchor="openbanking.org.uk",
    binding_secret="bind-it-0123456789",
    creditor_scheme="UK.OBIE.SortCodeAccountNumber",
    creditor_account="20000055779911",
    creditor_name="Paysite Casino",
)
#: By the name of the adapter.
PROFILES = {"camara": PROFILE, "open_banking": BANK_PROFILE}

ORDER = Order(
    reference="D-7F3K-92QX",
    msisdn="+447700900001",
    amount_minor=2_000,
    currency="GBP",
    description="Deposit D-7F3K-92QX",
    created_at=datetime(2026, 11, 22, 13, 0, tzinfo=UTC),
)


def order(**changes: object) -> Order:
    """The usual order, changed."""
    return dataclasses.replace(ORDER, **changes)  # type: ignore[arg-type]


def reply(adapter: str, name: str) -> HttpAnswer:
    """The answer recorded in fixtures/<adapter>/<name>.txt: status line, headers, empty line, body as it came."""
    head, _, body = (FIXTURES / adapter / f"{name}.txt").read_bytes().partition(b"\n\n")
    status, *lines = head.decode().splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    if "x-jws-signature" in headers:
        # A recorded signature would need a recorded private key; the bank of the tests signs for itself.
        headers["x-jws-signature"] = BANK.detached(body)
    return HttpAnswer(int(status.split()[1]), headers, body)


def play(conversation: Conversation, answers: Sequence[HttpAnswer]) -> tuple[Outcome, list[HttpRequest]]:
    """Run to the end. Every answer must have been asked for, and nothing more."""
    requests: list[HttpRequest] = []
    outcome: Outcome | None = None
    try:
        requests.append(next(conversation))
        for answer in answers:
            request = conversation.send(answer)
            requests.append(request)
    except StopIteration as end:
        outcome = end.value
    assert outcome is not None, f"asked for more than was recorded: {requests[-1].method} {requests[-1].url}"
    assert len(requests) == len(answers), f"not all answers were asked for; the outcome is {outcome}"
    return outcome, requests
