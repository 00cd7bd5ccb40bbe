"""The Open Banking adapter against recorded answers: what is sent to the bank, and with the browser."""

from __future__ import annotations

import base64
import dataclasses
import json
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import RSAKey

from carriers.adapters.open_banking import Adapter
from carriers.binding import encoded
from carriers.interface import HttpRequest, Order
from carriers.outcomes import (
    ApprovalExchanged,
    RedirectRequired,
    Undecided,
)
from tests.carriers.bank_replies import (
    BACK,
    BARE,
    CONSENT,
    HOLDING,
    exchanged,
    profile,
    run,
    talk,
)
from tests.carriers.replies import BANK_PROFILE, ORDER, reply

NAMES = ("http://openbanking.org.uk/iat", "http://openbanking.org.uk/iss", "http://openbanking.org.uk/tan")


def ours() -> RSAKey:
    return RSAKey.import_key(dict(Adapter(BANK_PROFILE).public_keys()[0]))


def form(request: HttpRequest) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def asked_of_the_browser() -> dict[str, str]:
    redirect = run("authorise", BARE, "consent_201")
    assert isinstance(redirect, RedirectRequired)
    return {name: values[0] for name, values in parse_qs(urlsplit(redirect.url).query).items()}


def test_both_orders_carry_a_key_and_a_detached_signature_of_their_body() -> None:
    _, (consent,) = talk("authorise", BARE, "consent_201")
    _, (payment,) = talk("authorise", HOLDING, "paid_rcvd_201")
    assert consent.url.endswith("/pisp/domestic-payment-consents")
    assert payment.url.endswith("/pisp/domestic-payments")
    assert (consent.moves_money, payment.moves_money) == (False, True)
    assert payment.headers["Authorization"] == "Bearer players-token-1"
    keys = [request.headers["x-idempotency-key"] for request in (consent, payment)]
    assert len(set(keys)) == 2
    for request in (consent, payment):
        head, middle, tail = request.headers["x-jws-signature"].split(".")
        assert middle == ""
        header = json.loads(_decoded(head))
        assert (header["alg"], header["kid"]) == ("PS256", "paysite-1")
        assert sorted(header["crit"]) == sorted(NAMES)
        assert (header[NAMES[1]], header[NAMES[2]]) == ("0015800001PAYSITE", "openbanking.org.uk")
        assert header[NAMES[0]] <= time.time()
        message = f"{head}.{encoded(request.body)}".encode()
        padding = PSS(MGF1(SHA256()), SHA256.digest_size)
        ours().public_key.verify(_decoded(tail), message, padding, SHA256())


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "==")


def test_the_payment_repeats_what_was_consented_to() -> None:
    _, (consent,) = talk("authorise", BARE, "consent_201")
    _, (payment,) = talk("authorise", HOLDING, "paid_rcvd_201")
    first, second = json.loads(consent.body), json.loads(payment.body)
    assert second["Data"]["Initiation"] == first["Data"]["Initiation"]
    assert second["Risk"] == first["Risk"]
    assert second["Data"]["ConsentId"] == CONSENT
    assert first["Data"]["Initiation"]["InstructedAmount"] == {"Amount": "20.00", "Currency": "GBP"}
    assert first["Data"]["Initiation"]["EndToEndIdentification"] == ORDER.reference


@pytest.mark.parametrize(("asked", "answer"), [(BARE, "consent_201"), (HOLDING, "paid_rcvd_201")])
def test_sent_again_it_is_the_same_body_under_the_same_key(asked: Order, answer: str) -> None:
    (first,), (second,) = (talk("authorise", asked, answer)[1] for _ in range(2))
    assert first.body == second.body
    assert first.headers["x-idempotency-key"] == second.headers["x-idempotency-key"]


def test_the_browser_is_sent_with_what_belongs_to_this_deposit_alone() -> None:
    asked = asked_of_the_browser()
    whole = jwt.decode(asked["request"], ours(), ["PS256"]).claims
    for name in ("state", "nonce", "code_challenge", "redirect_uri", "client_id", "scope", "response_type"):
        assert whole[name] == asked[name]
    assert asked["redirect_uri"] == BANK_PROFILE.redirect_url
    assert asked["code_challenge_method"] == "S256"
    assert whole["aud"] == BANK_PROFILE.issuer
    assert whole["claims"]["id_token"]["openbanking_intent_id"]["value"] == CONSENT
    _, (other,) = talk("authorise", BACK, exchanged())
    assert form(other)["code_verifier"] not in json.dumps(asked)
    again = asked_of_the_browser()
    assert {name: asked[name] for name in ("state", "nonce", "code_challenge")} == {
        name: again[name] for name in ("state", "nonce", "code_challenge")
    }


def test_the_client_signs_for_itself_where_the_bank_wants_that() -> None:
    adapter = Adapter(profile(client_auth="private_key_jwt"))
    _, (exchange,) = talk("authorise", BACK, exchanged(), adapter=adapter)
    sent = form(exchange)
    claims = jwt.decode(sent["client_assertion"], ours(), ["PS256"]).claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("client-1", "client-1", BANK_PROFILE.token_url)
    assert "Authorization" not in exchange.headers
    assert BANK_PROFILE.client_secret not in exchange.body.decode()


def test_with_a_certificate_every_request_shows_it() -> None:
    adapter = Adapter(profile(certificate="our certificate", certificate_key="its key"))
    conversation = adapter.authorise(BARE)
    token = next(conversation)
    consent = conversation.send(reply("open_banking", "token"))
    keys = conversation.send(reply("open_banking", "consent_201"))
    assert keys.url == BANK_PROFILE.jwks_url
    for request in (token, consent, keys):
        assert (request.certificate, request.certificate_key) == ("our certificate", "its key")


def test_a_code_is_exchanged_for_a_token_with_its_verifier() -> None:
    outcome, (exchange,) = talk("confirm", BACK, exchanged())
    assert isinstance(outcome, ApprovalExchanged)
    assert json.loads(outcome.credential)["token"] == "players-token-1"
    sent = form(exchange)
    assert (sent["grant_type"], sent["code"]) == ("authorization_code", "code-1")
    assert sent["redirect_uri"] == BANK_PROFILE.redirect_url
    assert len(sent["code_verifier"]) >= 43
    assert not exchange.moves_money


@pytest.mark.parametrize("ahead", [timedelta(hours=1), -timedelta(minutes=5)])
def test_what_others_check_goes_by_the_databases_clock(ahead: timedelta) -> None:
    """This machine's clock may be wrong by as much; the bank's and the database's are right."""
    asked_at = datetime.now(UTC) + ahead
    adapter = Adapter(profile(client_auth="private_key_jwt"))
    conversation = adapter.authorise(dataclasses.replace(BARE, asked_at=asked_at))
    token = next(conversation)
    claims = jwt.decode(form(token)["client_assertion"], ours(), ["PS256"]).claims
    consent = conversation.send(reply("open_banking", "token"))
    header = json.loads(_decoded(consent.headers["x-jws-signature"].partition(".")[0]))
    for moment in (claims["iat"], header[NAMES[0]]):
        assert abs(moment - asked_at.timestamp()) < 60
    assert claims["exp"] > asked_at.timestamp()
    # A token that the bank's clock holds for good is exchanged for, and still good for the next worker.
    expires = int(asked_at.timestamp()) + 300
    back = dataclasses.replace(BACK, asked_at=asked_at)
    outcome = run("confirm", back, exchanged(exp=expires))
    assert isinstance(outcome, ApprovalExchanged)
    holding = dataclasses.replace(back, approval_code="", credential=outcome.credential)
    assert isinstance(run("inquire", holding, "authorised"), Undecided)
