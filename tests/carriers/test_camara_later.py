"""What comes after a CAMARA charge: the code, the second step, cancelling, and asking what became of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from carriers.adapters.camara import PAGES_MAX, PER_PAGE, Adapter
from carriers.interface import HttpAnswer
from carriers.outcomes import (
    AlreadyKnown,
    Approved,
    Cancelled,
    CodeLost,
    CodeRejected,
    CodeRequired,
    Declined,
    Mismatch,
    NotDone,
    NotFound,
    OurFault,
    Outcome,
    Pending,
    Unknown,
)
from tests.carriers.camara_replies import APPROVED, ID, NAMED, replies, requests_of, run
from tests.carriers.replies import ORDER, PROFILE, order, play, reply

# Two steps.

WITH_CODE = order(payment_id=ID, authorization_id="Fn34o8g239", code="123456")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("no_content_204", "accepted_202", "succeeded"), APPROVED),
        (("no_content_204", "accepted_202", "reserved"), Pending(ID)),
        (("no_content_204", "accepted_202", "pending_validation"), Pending(ID)),
        (("no_content_204", "accepted_202", "processing"), Pending(ID)),
        (("no_content_204", "accepted_202", "denied"), Declined("carrier_declined", "denied", ID)),
        (("exists_409", "accepted_202", "succeeded"), APPROVED),
        (("validate_wrong_400",), CodeRejected(ID, "CARRIER_BILLING.INVALID_CODE")),
        (("validate_failed_400",), Declined("code_too_many", "CARRIER_BILLING.VALIDATION_FAILED", ID)),
        (("validate_id_400",), Unknown("400 CARRIER_BILLING.INVALID_AUTHORIZATION_ID")),
        (("not_found_404",), Unknown("404 NOT_FOUND")),
        (("unavailable_503",), Unknown("503 UNAVAILABLE")),
        (("busy_429",), NotDone(3.0, "429 TOO_MANY_REQUESTS", throttled=True)),
        (("no_content_204", "confirmed_409", "succeeded"), APPROVED),
        (("no_content_204", "cancelled_409"), Cancelled(ID)),
        (
            ("no_content_204", "denied_403"),
            Declined("carrier_declined", "CARRIER_BILLING.PAYMENT_DENIED"),
        ),
        (
            ("no_content_204", "denied_422"),
            Declined("carrier_declined", "CARRIER_BILLING.PAYMENT_DENIED"),
        ),
        (("no_content_204", "not_found_404"), Unknown("404 NOT_FOUND")),
        (("no_content_204", "permission_403"), OurFault("403 PERMISSION_DENIED")),
        (("no_content_204", "unavailable_503"), Unknown("503 UNAVAILABLE")),
        (("no_content_204", "accepted_202", "unavailable_503"), Unknown("inquiry: 503 UNAVAILABLE")),
        (("no_content_204", "accepted_202", "busy_429"), Unknown("inquiry: 429 TOO_MANY_REQUESTS")),
    ],
)
def test_confirming_with_a_code(names: Sequence[str], expected: Outcome) -> None:
    answers = replies(*names)
    if len(answers) == 4 and answers[-1].status == 201:
        answers[-1] = dataclasses.replace(answers[-1], status=200)
    assert play(Adapter(PROFILE).confirm(WITH_CODE), answers)[0] == expected


def test_confirming_sends_the_code_once_and_only_the_second_step_moves_money() -> None:
    answers = replies("no_content_204", "accepted_202", "succeeded")
    answers[-1] = dataclasses.replace(answers[-1], status=200)
    _, requests = play(Adapter(PROFILE).confirm(WITH_CODE), answers)
    base = f"{PROFILE.base_url}/payments/{ID}"
    assert [(request.method, request.url, request.moves_money) for request in requests[1:]] == [
        ("POST", f"{base}/validate", False),
        ("POST", f"{base}/confirm", True),
        ("GET", base, False),
    ]
    assert json.loads(requests[1].body) == {"authorizationId": "Fn34o8g239", "code": "123456"}
    assert json.loads(requests[2].body) == {"phoneNumber": ORDER.msisdn}


def test_confirming_an_order_that_the_carrier_never_named_sends_nothing() -> None:
    outcome, requests = play(Adapter(PROFILE).confirm(ORDER), [])
    assert isinstance(outcome, Unknown)
    assert requests == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("accepted_202", "cancelled"), Cancelled(ID)),
        (("cancelled_409", "cancelled"), Cancelled(ID)),
        (("accepted_202", "reserved"), Pending(ID)),
        (("cancelled_409", "reserved"), Pending(ID)),
        (("confirmed_409", "succeeded"), APPROVED),
        (("confirmed_409", "processing"), Pending(ID)),
        (("accepted_202", "unavailable_503"), Unknown("inquiry: 503 UNAVAILABLE")),
        (("permission_403",), Unknown("cancel: 403 PERMISSION_DENIED")),
        (("denied_403",), Unknown("cancel: 403 CARRIER_BILLING.PAYMENT_DENIED")),
        (("not_found_404",), Unknown("404 NOT_FOUND")),
        (("busy_429",), NotDone(3.0, "429 TOO_MANY_REQUESTS", throttled=True)),
    ],
)
def test_cancelling_believes_only_the_payment_itself(names: Sequence[str], expected: Outcome) -> None:
    answers = replies(*names)
    if len(answers) == 3 and answers[-1].status == 201:
        answers[-1] = dataclasses.replace(answers[-1], status=200)
    assert play(Adapter(PROFILE).cancel(NAMED), answers)[0] == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # Nothing to be found: our reference is taken by a payment that is void at once.
        (("list_empty", "pending_validation_code", "accepted_202", "cancelled"), Cancelled(ID)),
        (("list_empty", "reserved", "accepted_202", "cancelled"), Cancelled(ID)),
        (("list_empty", "reserved", "accepted_202", "reserved"), Pending(ID)),
        (("list_empty", "reserved", "unavailable_503"), Unknown("503 UNAVAILABLE")),
        # It has our reference after all: asked about, never closed.
        (("list_empty", "correlator_400"), AlreadyKnown("INVALID_ARGUMENT")),
        # Declined: the lifecycle knows that this says nothing about the first send.
        (("list_empty", "denied_403"), Declined("carrier_declined", "CARRIER_BILLING.PAYMENT_DENIED")),
        (
            ("list_empty", "threshold_422"),
            Declined("carrier_monthly_limit", "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED"),
        ),
        (("list_empty", "unavailable_503"), Unknown("503 UNAVAILABLE")),
        (("list_empty", "busy_429"), NotDone(3.0, "429 TOO_MANY_REQUESTS", throttled=True)),
        # The answer to our prepare was lost before: what we find of it is voided.
        (("list_lost_prepare", "accepted_202", "cancelled"), Cancelled(ID)),
    ],
)
def test_a_tombstone_closes_an_order_that_the_carrier_never_named(
    names: Sequence[str], expected: Outcome
) -> None:
    answers = replies(*names)
    if answers[-1].status == 201:
        answers[-1] = dataclasses.replace(answers[-1], status=200)
    assert play(Adapter(PROFILE).cancel(ORDER), answers)[0] == expected


def test_a_tombstone_takes_our_reference_and_charges_nothing() -> None:
    answers = replies("list_empty", "reserved", "accepted_202", "cancelled")
    answers[-1] = dataclasses.replace(answers[-1], status=200)
    _, requests = play(Adapter(PROFILE).cancel(ORDER), answers)
    paths = [urlsplit(request.url).path.removeprefix("/carrier-billing/v0.5") for request in requests[1:]]
    assert paths == ["/payments", "/payments/prepare", f"/payments/{ID}/cancel", f"/payments/{ID}"]
    assert json.loads(requests[2].body)["amountTransaction"]["clientCorrelator"] == ORDER.reference


def test_an_inquiry_that_finds_a_lost_prepare_says_so() -> None:
    assert run("inquire", ORDER, "list_lost_prepare") == CodeLost(ID)
    assert run("cancel", ORDER, "list_ours_by_reference_only") == APPROVED


# Inquiries.


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("list_empty",), NotFound()),
        (("list_empty_without_total",), NotFound()),
        (("list_others",), NotFound()),
        (("list_others_without_total", "list_empty_without_total"), NotFound()),
        (("list_page_1_of_2", "list_page_2_others"), NotFound()),
        (("list_page_1_of_2", "list_page_2_ours"), APPROVED),
        (("list_ours_by_reference_only",), APPROVED),
        (("list_ours_denied",), Declined("carrier_declined", "denied", ID)),
        (("list_ours_denied_then_taken",), Approved("SECOND", ORDER.reference, 2_000, "GBP")),
        (("list_ours_twice",), Mismatch(ID, "2 payments under one reference")),
        (("list_unreadable_item_and_ours",), APPROVED),
    ],
)
def test_searching_by_our_own_reference(names: Sequence[str], expected: Outcome) -> None:
    assert run("inquire", ORDER, *names) == expected


@pytest.mark.parametrize(
    "names",
    [
        ("list_unreadable_item",),
        ("list_object",),
        ("body_html",),
        ("body_truncated",),
        ("unavailable_503",),
        ("busy_429",),
        ("permission_403",),
        ("not_found_404",),
        ("too_many_records_400",),
        ("list_page_1_of_2", "list_page_1_of_2"),
        ("list_page_1_of_2", "unavailable_503"),
        ("list_page_1_of_2", "list_empty_without_total"),
    ],
)
def test_a_search_that_was_not_complete_never_says_not_found(names: Sequence[str]) -> None:
    assert isinstance(run("inquire", ORDER, *names), Unknown)


def test_a_search_ends_after_a_bounded_number_of_pages() -> None:
    def page(number: int) -> HttpAnswer:
        template = reply("camara", "list_ours_denied").body.decode()
        body = template.replace(ID, f"P{number}").replace(ORDER.reference, f"D-{number}")
        return HttpAnswer(200, {"x-total-count": "100000"}, body.encode())

    answers = [reply("camara", "token"), *(page(number) for number in range(PAGES_MAX))]
    outcome, requests = play(Adapter(PROFILE).inquire(ORDER), answers)
    assert outcome == Unknown(f"inquiry: more than {PAGES_MAX} pages")
    assert len(requests) == PAGES_MAX + 1


def test_a_search_covers_every_try_of_this_order() -> None:
    sent = datetime(2026, 11, 22, 12, 0, tzinfo=UTC) - timedelta(days=300)
    (request,) = requests_of("inquire", order(first_sent_at=sent), "list_empty")
    query = {name: texts[0] for name, texts in parse_qs(urlsplit(request.url).query).items()}
    assert request.method == "GET"
    assert not request.moves_money
    assert datetime.fromisoformat(query["paymentCreationDate.gte"]) == sent - timedelta(minutes=2)
    last = sent + timedelta(seconds=PROFILE.resend_within_s + PROFILE.horizon_s) + timedelta(minutes=2)
    assert datetime.fromisoformat(query["paymentCreationDate.lte"]) == last
    assert (query["order"], query["page"], query["perPage"]) == ("asc", "1", str(PER_PAGE))


def test_a_search_looks_for_a_late_tombstone_where_it_was_sent_and_nowhere_between() -> None:
    sent = datetime(2026, 11, 22, 12, 0, tzinfo=UTC) - timedelta(days=300)
    buried = sent + timedelta(hours=10)
    looked = order(first_sent_at=sent, last_sent_at=buried)
    requests = requests_of("inquire", looked, "list_empty", "list_empty")
    asked = [parse_qs(urlsplit(request.url).query) for request in requests]
    windows = [
        tuple(datetime.fromisoformat(query[f"paymentCreationDate.{end}"][0]) for end in ("gte", "lte"))
        for query in asked
    ]
    apart, late = timedelta(minutes=2), timedelta(seconds=PROFILE.horizon_s) + timedelta(minutes=2)
    charged_by = sent + timedelta(seconds=PROFILE.resend_within_s)
    assert windows == [(sent - apart, charged_by + late), (buried - apart, buried + late)]
    assert run("inquire", looked, "list_empty", "list_empty") == NotFound()


def test_a_search_of_a_young_order_is_open_towards_now() -> None:
    (request,) = requests_of("inquire", order(first_sent_at=datetime.now(UTC)), "list_empty")
    assert "lte" not in request.url


def test_a_search_without_any_time_is_not_made() -> None:
    outcome, requests = play(Adapter(PROFILE).inquire(order(created_at=None)), [])
    assert isinstance(outcome, Unknown)
    assert requests == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("not_found_404", Unknown("inquiry: 404 NOT_FOUND")),
        ("unavailable_503", Unknown("inquiry: 503 UNAVAILABLE")),
        ("permission_403", Unknown("inquiry: 403 PERMISSION_DENIED")),
        ("cancelled", Cancelled(ID)),
        ("succeeded_other_payment", Unknown("inquiry: answered with another payment")),
    ],
)
def test_inquiring_by_the_carriers_own_id(name: str, expected: Outcome) -> None:
    assert run("inquire", NAMED, name) == expected


def test_an_inquiry_finds_the_code_still_wanted() -> None:
    answers = replies("pending_validation")
    answers[1] = dataclasses.replace(answers[1], status=200)
    asked = order(payment_id=ID, authorization_id="Fn34o8g239")
    assert play(Adapter(PROFILE).inquire(asked), answers)[0] == CodeRequired(ID, "Fn34o8g239")


def test_a_payment_id_cannot_lead_out_of_its_path() -> None:
    (request,) = requests_of("inquire", order(payment_id="../../admin?x=1"), "not_found_404")
    assert request.url == f"{PROFILE.base_url}/payments/..%2F..%2Fadmin%3Fx%3D1"


def test_an_inquiry_has_no_outcome_that_says_nothing_was_taken_by_it() -> None:
    """`NotSent`, `NotDone` and `OurFault` would put an order back that may have been charged."""
    for name in ("busy_429", "unauthorized_html_401", "unavailable_503"):
        outcome, _ = play(Adapter(PROFILE).inquire(NAMED), [reply("camara", name)])
        assert isinstance(outcome, Unknown)
