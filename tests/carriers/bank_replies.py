"""The Open Banking adapter played against its recorded answers."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from carriers.adapters.open_banking import Adapter
from carriers.interface import Conversation, HttpAnswer, HttpRequest, Order
from carriers.outcomes import Approved, Outcome, RedirectRequired
from carriers.profiles import CarrierProfile
from tests.carriers.replies import BANK, BANK_KEYS, BANK_PROFILE, ORDER, order, reply

CONSENT, PAYMENT = "C-58923", "P-7290"
#: At each step: nothing yet, sent to approve, back with a code, with a token, with a payment.
BARE = order(msisdn="")
CONSENTED = order(msisdn="", consent_id=CONSENT)
BACK = order(msisdn="", consent_id=CONSENT, approval_code="code-1")
CREDENTIAL = json.dumps({"token": "players-token-1", "until": 4_000_000_000})
RUN_OUT = json.dumps({"token": "players-token-1", "until": time.time() - 1})
HOLDING = order(msisdn="", consent_id=CONSENT, credential=CREDENTIAL)
NAMED = order(msisdn="", consent_id=CONSENT, payment_id=PAYMENT)
APPROVED = Approved(PAYMENT, ORDER.reference, 2_000, "GBP")


def profile(**changes: Any) -> CarrierProfile:
    """The bank's profile, changed."""
    return dataclasses.replace(BANK_PROFILE, **changes)


def talk(
    operation: str, asked: Order, *names: str | HttpAnswer, adapter: Adapter | None = None
) -> tuple[Outcome, list[HttpRequest]]:
    """Play one operation: tokens of our own and keys are given as they are asked for, the rest in this order."""
    conversation: Conversation = getattr(adapter or Adapter(BANK_PROFILE), operation)(asked)
    left, sent = list(names), list[HttpRequest]()
    outcome: Outcome | None = None
    try:
        request = next(conversation)
        while True:
            request = conversation.send(_answer(request, left, sent))
    except StopIteration as end:
        outcome = end.value
    assert outcome is not None
    assert not left, f"not asked for: {left}; the outcome is {outcome}"
    return outcome, sent


def run(operation: str, asked: Order, *names: str | HttpAnswer, adapter: Adapter | None = None) -> Outcome:
    """Only how it ended."""
    return talk(operation, asked, *names, adapter=adapter)[0]


def exchanged(**changes: Any) -> HttpAnswer:
    """The answer to an exchange, with the id token of our deposit and consent; `changes` are other claims."""
    recorded = reply("open_banking", "exchanged")
    redirect = run("authorise", BARE, "consent_201")
    assert isinstance(redirect, RedirectRequired)
    (nonce,) = parse_qs(urlsplit(redirect.url).query)["nonce"]
    claims = {
        "iss": BANK_PROFILE.issuer,
        "aud": BANK_PROFILE.client_id,
        "exp": int(time.time()) + 300,
        "nonce": nonce,
        "openbanking_intent_id": CONSENT,
        **changes,
    }
    body = {**json.loads(recorded.body), "id_token": BANK.token(claims)}
    return dataclasses.replace(recorded, body=json.dumps(body).encode())


def _answer(request: HttpRequest, left: list[str | HttpAnswer], sent: list[HttpRequest]) -> HttpAnswer:
    if request.url == BANK_PROFILE.jwks_url:
        return BANK_KEYS
    if request.body.startswith(b"grant_type=client_credentials"):
        return reply("open_banking", "token")
    sent.append(request)
    assert left, f"asked for more than was given: {request.method} {request.url}"
    given = left.pop(0)
    return reply("open_banking", given) if isinstance(given, str) else given
