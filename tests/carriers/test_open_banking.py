"""The Open Banking adapter against recorded answers: each step on the way to the payment, and what it may conclude."""

from __future__ import annotations

import dataclasses
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OctKey

from carriers.adapters.open_banking import Adapter
from carriers.interface import HttpAnswer, Order
from carriers.outcomes import (
    AlreadyKnown,
    Cancelled,
    Declined,
    Mismatch,
    NotDone,
    NotSent,
    OurFault,
    Pending,
    RedirectRequired,
    Undecided,
    Unknown,
)
from carriers.signatures import Signer
from tests.carriers.bank_replies import (
    APPROVED,
    BACK,
    BARE,
    CONSENT,
    CONSENTED,
    HOLDING,
    NAMED,
    PAYMENT,
    RUN_OUT,
    exchanged,
    profile,
    run,
    talk,
)
from tests.carriers.replies import BANK_PROFILE, ORDER, reply

UNDER = "http://openbanking.org.uk/"


def test_a_consent_sends_the_player_to_the_bank() -> None:
    redirect = run("authorise", BARE, "consent_201")
    assert isinstance(redirect, RedirectRequired)
    assert redirect.consent_id == CONSENT
    assert redirect.url.startswith(f"{BANK_PROFILE.authorise_url}?")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("consent_unsigned_201", OurFault),
        ("consent_other_amount_201", OurFault),
        ("consent_400", OurFault),
        ("consent_403", OurFault),
        ("payment_500", NotDone),
        ("payment_503", NotDone),
        ("busy_429", NotDone),
    ],
)
def test_a_consent_that_is_not_ours_sends_nobody_anywhere(answer: str, outcome: type) -> None:
    assert isinstance(run("authorise", BARE, answer), outcome)


@pytest.mark.parametrize(
    "claims",
    [
        {"openbanking_intent_id": "C-1"},
        {"nonce": "another"},
        {"iss": "https://elsewhere.example"},
        {"aud": "client-2"},
    ],
)
def test_f84_a_token_for_something_else_is_refused(claims: dict[str, Any]) -> None:
    assert isinstance(run("confirm", BACK, exchanged(**claims)), Declined)


def test_an_id_token_that_nobody_signed_is_no_answer() -> None:
    assert isinstance(run("confirm", BACK, "exchanged"), NotSent)
    assert isinstance(run("confirm", BACK, exchanged(exp=int(time.time()) - 3_600)), NotSent)


def test_a_spent_code_asks_the_player_again_unless_they_refused() -> None:
    assert isinstance(run("confirm", BACK, "invalid_grant_400", "authorised"), RedirectRequired)
    assert run("confirm", BACK, "invalid_grant_400", "refused") == Declined("bank_not_approved", "U033")
    assert isinstance(run("confirm", BACK, "invalid_client_401"), OurFault)


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (("paid_rcvd_201",), Pending(PAYMENT)),
        (("paid_pdng_201",), Pending(PAYMENT)),
        (("paid_acsp_201",), Pending(PAYMENT)),
        (("paid_acsc_201",), APPROVED),
        (("busy_429",), NotDone(7.0, "payment: 429", throttled=True)),
        (("payment_409",), AlreadyKnown("409 U009")),
        (("payment_500",), Unknown("payment: 500 U000")),
        (("payment_503",), Unknown("payment: 503")),
        (("payment_400", "authorised"), Declined("bank_declined", "400 U008")),
        # An earlier order of ours has used the consent: this refusal says nothing about that one.
        (("payment_403", "consumed"), Undecided("used, by a payment that we cannot name")),
        (("payment_400", "payment_500"), Unknown("inquiry: 500 U000")),
    ],
)
def test_what_the_order_of_a_payment_comes_to(answers: tuple[str, ...], outcome: object) -> None:
    assert run("authorise", HOLDING, *answers) == outcome


def test_a_token_that_is_refused_sends_the_player_to_approve_again() -> None:
    assert isinstance(run("authorise", HOLDING, "payment_401", "authorised"), RedirectRequired)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("paid_unsigned_201", Unknown),
        ("paid_other_consent_201", Unknown),
        ("paid_other_reference_201", Unknown),
        ("paid_other_amount_201", Mismatch),
        ("paid_other_currency_201", Mismatch),
        ("paid_other_account_201", Mismatch),
    ],
)
def test_success_for_something_else_is_never_a_credit(answer: str, outcome: type) -> None:
    assert isinstance(run("authorise", HOLDING, answer), outcome)


def test_what_was_taken_instead_is_told() -> None:
    mismatch = run("authorise", HOLDING, "paid_other_amount_201")
    assert isinstance(mismatch, Mismatch)
    assert (mismatch.amount_minor, mismatch.currency) == (2_100, "GBP")


def _signed(answer: HttpAnswer, signature: str) -> HttpAnswer:
    return dataclasses.replace(answer, headers={**answer.headers, "x-jws-signature": signature})


@pytest.mark.parametrize(
    "kind", ["other body", "other key", "no signature", "not detached", "other algorithm"]
)
def test_f82_an_answer_is_worth_nothing_without_the_banks_signature(kind: str) -> None:
    good = reply("open_banking", "paid_acsc_201")
    signature = good.headers["x-jws-signature"]
    stranger = Signer(BANK_PROFILE.signing_key, "bank-1", "X", "openbanking.org.uk", claims_under=UNDER)
    head, _, tail = signature.split(".")
    weak_key = OctKey.import_key("secret of the bank, long enough for this")
    weak = jws.serialize_compact({"alg": "HS256", "kid": "bank-1"}, good.body, weak_key, ["HS256"])
    answer = {
        "other body": dataclasses.replace(good, body=good.body.replace(b"P-7290", b"P-7291")),
        "other key": _signed(good, stranger.detached(good.body)),
        "no signature": _signed(good, ""),
        "not detached": _signed(good, f"{head}.eyJhIjoxfQ.{tail}"),
        "other algorithm": _signed(good, "..".join(weak.split(".")[::2])),
    }[kind]
    assert isinstance(run("authorise", HOLDING, answer), Unknown)
    assert isinstance(run("inquire", NAMED, dataclasses.replace(answer, status=200)), Unknown)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("payment_acsp", Pending(PAYMENT)),
        ("payment_acwp", Pending(PAYMENT)),
        ("payment_xxxx", Pending(PAYMENT)),
        ("payment_acsc", APPROVED),
        ("payment_accc", APPROVED),
        ("payment_rjct", Declined("bank_declined", "RJCT", PAYMENT)),
        ("payment_rjct_am04", Declined("bank_insufficient_funds", "AM04", PAYMENT)),
        ("payment_rjct_am21", Declined("bank_limit", "AM21", PAYMENT)),
        ("payment_rjct_ag01", Declined("bank_gambling_block", "AG01", PAYMENT)),
        ("payment_rjct_be01", Declined("bank_name_mismatch", "BE01", PAYMENT)),
        ("payment_rjct_cust", Declined("bank_not_approved", "CUST", PAYMENT)),
        ("payment_rjct_ac04", Declined("bank_declined", "AC04", PAYMENT)),
        ("payment_rjct_ms03", Declined("bank_declined", "MS03", PAYMENT)),
        ("v31_payment_completed", APPROVED),
        ("v31_payment_in_process", Pending(PAYMENT)),
        ("v31_payment_rejected", Declined("bank_declined", "RJCT", PAYMENT)),
    ],
)
def test_what_a_status_of_a_payment_means(answer: str, outcome: object) -> None:
    assert run("inquire", NAMED, answer) == outcome


def test_what_is_blocked_after_it_was_accepted_is_for_people() -> None:
    blocked = run("inquire", NAMED, "payment_blck")
    assert isinstance(blocked, Mismatch)
    assert blocked.amount_minor is None


def test_which_statuses_credit_is_the_profiles_to_say() -> None:
    careful = Adapter(profile(credited_statuses=("ACCC",)))
    assert run("inquire", NAMED, "payment_acsc", adapter=careful) == Pending(PAYMENT)
    assert run("inquire", NAMED, "payment_accc", adapter=Adapter(profile())) == APPROVED


@pytest.mark.parametrize(
    "answer",
    [
        *("payment_other_id", "payment_404", "payment_500", "busy_429", "body_html", "body_no_data"),
        *("body_amount_number", "body_duplicate_keys", "body_id_dots", "paid_other_consent_201"),
    ],
)
def test_an_inquiry_without_a_clear_answer_is_unknown(answer: str) -> None:
    assert isinstance(run("inquire", NAMED, answer), Unknown)


@pytest.mark.parametrize(
    ("asked", "answer", "outcome"),
    [
        (CONSENTED, "awaiting", RedirectRequired),
        (CONSENTED, "authorised", RedirectRequired),
        (CONSENTED, "v31_awaiting", RedirectRequired),
        (CONSENTED, "consumed", Unknown),
        (CONSENTED, "new_consent_status", Unknown),
        (CONSENTED, "authorised_other_amount", Unknown),
        (CONSENTED, "authorised_other_consent", Unknown),
        (BACK, "authorised", Undecided),
        (HOLDING, "authorised", Undecided),
        (HOLDING, "consumed", Undecided),
        (dataclasses.replace(HOLDING, credential=RUN_OUT), "authorised", RedirectRequired),
        (dataclasses.replace(HOLDING, credential=RUN_OUT), "consumed", Unknown),
    ],
)
def test_what_a_consent_says_before_there_is_a_payment(asked: Order, answer: str, outcome: type) -> None:
    assert isinstance(run("inquire", asked, answer), outcome)


@pytest.mark.parametrize(
    ("sent_s_ago", "answers", "outcome"),
    [
        (60.0, ("consumed", "paid_acsc_201"), APPROVED),
        # Its key is still in use: asked for again, and not at once.
        (60.0, ("consumed", "payment_409"), Unknown("payment: 409 U009")),
        (
            60.0,
            ("consumed", "payment_403", "consumed"),
            Undecided("used, by a payment that we cannot name"),
        ),
        # The bank has forgotten the key: nothing is ordered under it any more.
        (1_000.0, ("consumed",), Undecided("used, by a payment that we cannot name")),
    ],
)
def test_f76_an_inquiry_repeats_the_order_of_a_used_consent_and_no_other(
    sent_s_ago: float, answers: tuple[str, ...], outcome: object
) -> None:
    assert ORDER.created_at is not None
    asked_at = ORDER.created_at + timedelta(seconds=sent_s_ago)
    asked = dataclasses.replace(HOLDING, first_sent_at=ORDER.created_at, asked_at=asked_at)
    assert run("inquire", asked, *answers, adapter=Adapter(profile(reference_kept_s=1_000.0))) == outcome


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("refused", "bank_not_approved"),
        ("refused_without_reason", "bank_not_approved"),
        ("v31_rejected", "bank_not_approved"),
        ("approval_ran_out", "bank_approval_timeout"),
        ("blocked_at_approval", "bank_gambling_block"),
    ],
)
def test_a_consent_that_was_not_given_declines(answer: str, reason: str) -> None:
    declined = run("inquire", CONSENTED, answer)
    assert isinstance(declined, Declined)
    assert declined.reason == reason


def test_where_nothing_was_consented_to_nobody_is_asked() -> None:
    outcome, sent = talk("inquire", BARE)
    assert isinstance(outcome, Undecided)
    assert sent == []


def test_a_cancel_is_certain_as_long_as_nothing_was_ordered() -> None:
    assert talk("cancel", CONSENTED) == (Cancelled(""), [])
    assert talk("cancel", BACK) == (Cancelled(""), [])
    assert run("cancel", NAMED, "payment_acsc") == APPROVED


@pytest.mark.parametrize(
    ("ago_s", "answers", "outcome"),
    [
        # Not used, and nothing is on its way any more; as long as something may be, nobody can tell.
        (BANK_PROFILE.horizon_s + 1, ("authorised",), Cancelled("")),
        (
            BANK_PROFILE.horizon_s - 1,
            ("authorised",),
            Unknown("not paid, and an order may still be on its way"),
        ),
        (BANK_PROFILE.horizon_s + 1, ("refused",), Declined("bank_not_approved", "U033")),
        (BANK_PROFILE.horizon_s + 1, ("payment_500",), Unknown("inquiry: 500 U000")),
        # Used, by an order of ours: the same again is answered as that one was.
        (BANK_PROFILE.horizon_s + 1, ("consumed", "paid_acsc_201"), APPROVED),
        (1, ("consumed", "paid_acsp_201"), Pending(PAYMENT)),
        (
            1,
            ("consumed", "payment_403", "consumed"),
            Undecided("used, by a payment that we cannot name"),
        ),
    ],
)
def test_a_cancel_of_what_may_have_been_ordered_asks_for_the_consent(
    ago_s: float, answers: tuple[str, ...], outcome: object
) -> None:
    assert ORDER.created_at is not None
    asked_at = ORDER.created_at + timedelta(seconds=ago_s)
    asked = dataclasses.replace(HOLDING, last_sent_at=ORDER.created_at, asked_at=asked_at)
    assert run("cancel", asked, *answers) == outcome


def test_funds_are_asked_for_once_and_only_before_the_first_order() -> None:
    adapter = Adapter(profile(confirm_funds=True))
    assert run("confirm", HOLDING, "funds_yes", "paid_acsc_201", adapter=adapter) == APPROVED
    assert run("confirm", HOLDING, "funds_no", adapter=adapter) == Declined(
        "bank_insufficient_funds", "funds-confirmation"
    )
    assert run("confirm", HOLDING, "payment_500", "paid_acsc_201", adapter=adapter) == APPROVED
    # Sent again the money may have gone already: that it is not there would prove nothing.
    assert run("authorise", HOLDING, "paid_acsc_201", adapter=adapter) == APPROVED


def named(player: str, asked: Order = HOLDING) -> Order:
    return dataclasses.replace(asked, player_name=player)


def test_money_from_somebody_elses_account_is_held_for_people() -> None:
    holding = Adapter(profile(name_check="hold"))
    held = run("authorise", named("Sam Jones"), "paid_acsc_201", adapter=holding)
    assert isinstance(held, Mismatch)
    assert (held.amount_minor, held.currency) == (2_000, "GBP")
    assert run("authorise", named("Alexandra Taylor"), "paid_acsc_201", adapter=holding) == APPROVED
    assert run("authorise", named("Sam Jones"), "paid_acsc_201") == APPROVED


def test_or_refused_before_it_is_taken() -> None:
    refusing = Adapter(profile(name_check="refuse"))
    assert run("confirm", named("Sam Jones"), "authorised", adapter=refusing) == Declined(
        "bank_name_mismatch", "Debtor"
    )
    answers = ("authorised", "paid_acsc_201")
    assert run("confirm", named("Alex Taylor"), *answers, adapter=refusing) == APPROVED
    # An earlier order has used the consent: what it took is held, and not denied.
    held = run("authorise", named("Sam Jones"), "consumed", "paid_acsc_201", adapter=refusing)
    assert isinstance(held, Mismatch)


def test_version_3_1_is_spoken_with_its_own_codes() -> None:
    old = Adapter(profile(version="3.1"))
    _, (consent,) = talk("authorise", BARE, "consent_201", adapter=old)
    sent = json.loads(consent.body)
    assert sent["Risk"]["PaymentContextCode"] == "EcommerceServices"
    assert sent["Data"]["Initiation"]["RemittanceInformation"] == {"Reference": ORDER.reference}
    with pytest.raises(ValueError, match=r"version: must be one of 3\.1, 4\.0"):
        Adapter(profile(version="2.0"))
    with pytest.raises(ValueError, match="signing_key: must be a private RSA key"):
        Adapter(profile(signing_key="-----BEGIN NONSENSE-----"))
