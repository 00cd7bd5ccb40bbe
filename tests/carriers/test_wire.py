"""Bodies: amounts are exact, and what cannot be read for certain is not read at all."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carriers import wire
from carriers.adapters.camara import Adapter
from carriers.interface import Notification, NotificationRefused
from tests.carriers.replies import FIXTURES, PROFILE

# How long an example takes is not what is looked at here.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
currencies = st.sampled_from(sorted(wire.MINOR_DIGITS))


@unhurried
@given(st.integers(min_value=1, max_value=10**14), currencies)
def test_an_amount_survives_the_way_out_and_back(minor: int, currency: str) -> None:
    body = wire.encode({"amount": wire.to_decimal(minor, currency)})
    assert b"e" not in body.removeprefix(b'{"amount"').lower()
    assert wire.to_minor(wire.read(body, dict[str, int | Decimal])["amount"], currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("20.005", "GBP"), ("0", "GBP"), ("-1", "GBP"), ("0.5", "JPY"), ("20", "XTS"), ("1e999999999", "GBP")],
)
def test_what_is_no_amount_of_minor_units_is_none(amount: str, currency: str) -> None:
    assert wire.to_minor(Decimal(amount), currency) is None


@unhurried
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_reading_anything_ends_in_a_value_or_a_value_error(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        wire.read(body, dict[str, int | Decimal])


def test_retry_after_takes_seconds_and_dates() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=250), usegmt=True)
    assert wire.retry_after_s({"retry-after": "3"}) == 3
    assert 200 < wire.retry_after_s({"retry-after": soon}) <= 250
    assert wire.retry_after_s({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert wire.retry_after_s({"retry-after": "9" * 400}) == wire.RETRY_AFTER_MAX_S
    for told in ("", "soon", "-1", "1.5", "Wed, 99 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00"):
        assert wire.retry_after_s({"retry-after": told}) == wire.RETRY_AFTER_DEFAULT_S


# Notifications.

EVENT = (FIXTURES / "camara" / "notification.json").read_bytes()
HEADERS = {
    "authorization": f"Bearer {PROFILE.notification_secret}",
    "content-type": "application/cloudevents+json; charset=utf-8",
}


def test_a_notification_says_which_payment_to_ask_about() -> None:
    expected = Notification(
        "https://notify.carrier.example",
        "sd5e-uy52",
        "org.camaraproject.carrier-billing.v0.payment-completed",
        payment_id="AK234rfweS",
    )
    assert Adapter(PROFILE).read_notification(HEADERS, EVENT) == expected


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({**HEADERS, "authorization": "Bearer x"}, EVENT, 401),
        ({**HEADERS, "content-type": "text/plain"}, EVENT, 415),
        ({**HEADERS, "content-type": ""}, EVENT, 415),
        (HEADERS, EVENT + b" " * 65_536, 413),
        (HEADERS, EVENT.replace(b'"1.0"', b'"0.3"'), 400),
        (HEADERS, EVENT.replace(b"AK234rfweS", b""), 400),
        (HEADERS, EVENT.replace(b"AK234rfweS", b"a b\\u0000"), 400),
        (HEADERS, EVENT.replace(b"2026-11-22T13:00:02.120Z", b"yesterday"), 400),
        (HEADERS, EVENT.replace(b"2026-11-22T13:00:02.120Z", b"2026-11-22T13:00:02"), 400),
        (HEADERS, EVENT.replace(b'"sd5e-uy52"', b'"x", "id": "y"'), 400),
        *((HEADERS, EVENT.replace(b'"%s"' % name, b'"other"'), 400) for name in (b"id", b"source", b"data")),
    ],
)
def test_a_notification_out_of_form_is_refused(headers: dict[str, str], body: bytes, status: int) -> None:
    with pytest.raises(NotificationRefused) as refused:
        Adapter(PROFILE).read_notification(headers, body)
    assert refused.value.status == status
