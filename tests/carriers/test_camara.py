"""The CAMARA adapter against recorded answers to a charge: each means exactly one thing."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from carriers.adapters.camara import Adapter
from carriers.outcomes import (
    AlreadyKnown,
    Cancelled,
    CodeRequired,
    Declined,
    Mismatch,
    NotDone,
    NotSent,
    OurFault,
    Outcome,
    Pending,
    Reserved,
    Unknown,
)
from tests.carriers.camara_replies import APPROVED, ID, NAMED, replies, requests_of, run
from tests.carriers.replies import ORDER, PROFILE, order, play, reply


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("succeeded", APPROVED),
        ("succeeded_without_correlator", APPROVED),
        ("succeeded_whole_number", APPROVED),
        ("denied", Declined("carrier_declined", "denied", ID)),
        ("cancelled", Cancelled(ID)),
        ("processing", Pending(ID)),
        ("new_status", Pending(ID)),
        ("status_in_capitals", Pending(ID)),
        ("reserved", Reserved(ID)),
        ("pending_validation", Pending(ID)),
        ("pending_validation_open", Pending(ID)),
        ("pending_validation_code", CodeRequired(ID, "Fn34o8g239")),
        ("denied_403", Declined("carrier_declined", "CARRIER_BILLING.PAYMENT_DENIED")),
        (
            "threshold_422",
            Declined("carrier_monthly_limit", "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED"),
        ),
        ("amount_422", Declined("carrier_payment_limit", "CARRIER_BILLING.UNAUTHORIZED_AMOUNT")),
        ("not_applicable_422", Declined("carrier_not_supported", "SERVICE_NOT_APPLICABLE")),
        ("identifier_404", Declined("carrier_number_unknown", "IDENTIFIER_NOT_FOUND")),
        ("correlator_400", AlreadyKnown("INVALID_ARGUMENT")),
        ("exists_409", AlreadyKnown("ALREADY_EXISTS")),
        ("argument_400", OurFault("400 INVALID_ARGUMENT")),
        ("invalid_sink_400", OurFault("400 INVALID_SINK")),
        ("missing_identifier_422", OurFault("422 MISSING_IDENTIFIER")),
        ("unauthorized_html_401", OurFault("401")),
        ("permission_403", OurFault("403 PERMISSION_DENIED")),
        ("forbidden_html_403", OurFault("403")),
        ("not_found_404", OurFault("404 NOT_FOUND")),
        ("busy_429", NotDone(3.0, "429 TOO_MANY_REQUESTS", throttled=True)),
        ("busy_no_hint_429", NotDone(2.0, "429", throttled=True)),
        # Not documented as "not processed", or not said by a legible ErrorInfo: nobody knows.
        ("unavailable_503", Unknown("503 UNAVAILABLE")),
        ("internal_500", Unknown("500 INTERNAL")),
        ("denied_422", Unknown("422 CARRIER_BILLING.PAYMENT_DENIED")),
        ("denied_code_on_500", Unknown("500 CARRIER_BILLING.PAYMENT_DENIED")),
        ("unknown_code_422", Unknown("422 CARRIER_BILLING.MOON_PHASE")),
        ("no_content_204", Unknown("204")),
    ],
)
@pytest.mark.parametrize("proof_needed", [False, True])
def test_each_answer_to_a_charge_means_one_thing(name: str, expected: Outcome, proof_needed: bool) -> None:
    assert run("authorise", order(proof_needed=proof_needed), name) == expected


def test_a_status_in_the_body_that_differs_from_the_answers_own_is_not_a_decline() -> None:
    assert not isinstance(run("authorise", ORDER, "denied_status_disagrees"), Declined)


@pytest.mark.parametrize(
    ("name", "amount_minor", "currency"),
    [
        ("mismatch_amount", 2_500, "GBP"),
        ("mismatch_fraction", None, "GBP"),
        ("mismatch_currency", 2_000, "EUR"),
        ("mismatch_correlator", 2_000, "GBP"),
        ("mismatch_reference", 2_000, "GBP"),
        ("mismatch_number", 2_000, "GBP"),
        ("body_long_fraction", None, "GBP"),
        ("body_huge_exponent", None, "GBP"),
        ("body_negative_amount", None, "GBP"),
    ],
)
@pytest.mark.parametrize("operation", ["authorise", "inquire"])
def test_success_for_something_else_is_a_mismatch(
    operation: str, name: str, amount_minor: int | None, currency: str
) -> None:
    asked = ORDER if operation == "authorise" else NAMED
    answers = replies(name)
    answers[1] = dataclasses.replace(answers[1], status=201 if operation == "authorise" else 200)
    outcome, _ = play(getattr(Adapter(PROFILE), operation)(asked), answers)
    assert isinstance(outcome, Mismatch)
    assert (outcome.payment_id, outcome.amount_minor, outcome.currency) == (ID, amount_minor, currency)
    assert outcome.detail.startswith("succeeded, but ")


@pytest.mark.parametrize(
    "name",
    [
        *("body_empty", "body_html", "body_truncated", "body_nan_amount", "body_infinite_amount"),
        *("body_duplicate_keys", "body_array", "body_deep", "body_utf16", "body_amount_text"),
        *("body_amount_boolean", "body_amount_missing", "body_id_number", "body_id_nul", "body_id_dots"),
    ],
)
@pytest.mark.parametrize("operation", ["authorise", "inquire", "confirm", "cancel"])
def test_an_illegible_body_is_unknown(operation: str, name: str) -> None:
    answers = replies(name)
    if operation != "authorise":
        answers[1] = dataclasses.replace(answers[1], status=200)
    if operation in ("confirm", "cancel"):
        answers.insert(1, reply("camara", "accepted_202"))
    asked = ORDER if operation == "authorise" else NAMED
    outcome, _ = play(getattr(Adapter(PROFILE), operation)(asked), answers)
    assert isinstance(outcome, Unknown)


def test_a_reservation_of_another_amount_is_not_confirmed_later() -> None:
    outcome = run("authorise", order(proof_needed=True), "reserved_other_amount")
    assert outcome == Mismatch(ID, "reserved, but amount is not 20.00", None, "")


def test_a_decline_of_another_deposit_does_not_decline_ours() -> None:
    assert isinstance(run("authorise", ORDER, "denied_other_reference"), Unknown)


# What is sent.


def test_a_charge_carries_our_reference_and_the_exact_amount() -> None:
    (request,) = requests_of("authorise", ORDER, "succeeded")
    assert (request.method, request.url) == ("POST", f"{PROFILE.base_url}/payments")
    assert request.moves_money
    assert b'"amount":20.00,' in request.body
    body = json.loads(request.body)
    transaction = body["amountTransaction"]
    assert transaction["clientCorrelator"] == transaction["referenceCode"] == ORDER.reference
    assert transaction["phoneNumber"] == ORDER.msisdn
    charging = transaction["paymentAmount"]["chargingInformation"]
    assert (charging["currency"], charging["description"]) == ("GBP", ORDER.description)
    assert transaction["paymentAmount"]["chargingMetaData"] == {"merchantName": "Paysite"}
    assert body["sink"] == PROFILE.notification_url
    credential = body["sinkCredential"]
    assert credential["credentialType"] == "ACCESSTOKEN"
    assert credential["accessToken"] == PROFILE.notification_secret
    assert datetime.fromisoformat(credential["accessTokenExpiresUtc"]) > datetime.now(UTC) + timedelta(days=7)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (2_000, "GBP", b"20.00"),
        (1, "EUR", b"0.01"),
        (12_345, "USD", b"123.45"),
        (2_000, "JPY", b"2000"),
        (2_500, "KWD", b"2.500"),
        (1, "KWD", b"0.001"),
        (9_007_199_254_740_993, "GBP", b"90071992547409.93"),
    ],
)
def test_amounts_are_written_exactly(minor: int, currency: str, text: bytes) -> None:
    adapter = Adapter(dataclasses.replace(PROFILE, currencies=(currency,)))
    conversation = adapter.authorise(order(amount_minor=minor, currency=currency))
    next(conversation)
    request = conversation.send(reply("camara", "token"))
    assert b'"amount":' + text + b"," in request.body


def test_an_unproved_number_is_prepared_and_not_charged() -> None:
    (request,) = requests_of("authorise", order(proof_needed=True), "pending_validation_code")
    assert request.url == f"{PROFILE.base_url}/payments/prepare"
    assert request.moves_money


def test_without_an_address_for_notifications_none_is_asked_for() -> None:
    adapter = Adapter(dataclasses.replace(PROFILE, notification_url=""))
    _, requests = play(adapter.authorise(ORDER), replies("succeeded"))
    assert json.loads(requests[1].body).keys() == {"amountTransaction"}


def test_a_currency_without_known_decimals_is_refused_when_the_adapter_is_built() -> None:
    with pytest.raises(ValueError, match="currencies"):
        Adapter(dataclasses.replace(PROFILE, currencies=("GBP", "XTS")))


# The access token.


def test_the_token_is_fetched_once_and_shared() -> None:
    adapter = Adapter(PROFILE)
    _, first = play(adapter.authorise(ORDER), replies("succeeded"))
    _, second = play(adapter.authorise(ORDER), replies("succeeded")[1:])
    assert [request.url for request in first] == [PROFILE.token_url, f"{PROFILE.base_url}/payments"]
    assert first[0].body == b"grant_type=client_credentials"
    assert not first[0].moves_money
    assert second[0].headers["Authorization"] == "Bearer tok-1"


def test_a_refused_token_is_fetched_anew_once() -> None:
    outcome = run("authorise", ORDER, "unauthenticated_401", "token", "succeeded")
    assert outcome == APPROVED


def test_a_token_refused_twice_is_our_fault() -> None:
    names = ("unauthenticated_401", "token", "unauthenticated_401")
    assert run("authorise", ORDER, *names) == OurFault("401 UNAUTHENTICATED")


def test_a_401_that_proves_nothing_is_not_repeated_but_drops_the_token() -> None:
    adapter = Adapter(PROFILE)
    assert play(adapter.authorise(ORDER), replies("unauthorized_html_401"))[0] == OurFault("401")
    assert play(adapter.authorise(ORDER), replies("succeeded"))[0] == APPROVED


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("busy_429", NotDone),
        ("unauthorized_html_401", OurFault),
        ("argument_400", OurFault),
        ("unavailable_503", NotSent),
        ("body_html", NotSent),
        ("list_object", NotSent),
    ],
)
def test_without_a_token_nothing_is_charged(name: str, expected: type[Outcome]) -> None:
    outcome, requests = play(Adapter(PROFILE).authorise(ORDER), [reply("camara", name)])
    assert isinstance(outcome, expected)
    assert not any(request.moves_money for request in requests)
