"""What is stored and logged names nobody and opens nothing."""

from __future__ import annotations

import pytest

from carriers.redaction import mask_msisdn, redact_text


@pytest.mark.parametrize(
    ("msisdn", "masked"),
    [
        ("+447700900001", "+44******001"),
        ("447700900001", "+44******001"),
        ("+12025550123", "+12******123"),
        ("+290123", "+******"),
        ("", "+******"),
    ],
)
def test_a_number_keeps_its_ends_only(msisdn: str, masked: str) -> None:
    assert mask_msisdn(msisdn) == masked


@pytest.mark.parametrize(
    "text",
    [
        '{"phoneNumber":"+447700900001"}',
        '{"phoneNumber":"447700900001"}',
        '{"phoneNumber":"\\u002b447700900001"}',
        "phone=%2B447700900001&x=1",
        "tel:+447700900001",
        "Unknown number +447700900001.",
        '{"phoneNumber":"+44770090000',
        "447700900001",
    ],
)
def test_numbers_are_masked_wherever_they_stand(text: str) -> None:
    assert "7700900" not in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer s3cr3t-token.x",
        "authorization: basic czNjcjN0LXRva2Vu s3cr3t"[:41],
        '{"access_token":"s3cr3t-token"}',
        '{"accessToken" : "s3cr3t-token"}',
        '{"refresh_token":"s3cr3t-token"}',
        '{"client_secret":"s3cr3t-token"}',
        '{"access_token":"s3cr3t-tok',
        "grant_type=x&client_secret=s3cr3t-token&y=1",
        "code=s3cr3t&state=1",
        '{"token":"eyJhbGciOi.s3cr3t.s3cr3t"}',
    ],
)
def test_tokens_and_secrets_are_masked(text: str) -> None:
    redacted = redact_text(text)
    assert "s3cr3t" not in redacted
    assert "***" in redacted


def test_a_one_time_code_is_masked_and_an_error_code_is_not() -> None:
    assert redact_text('{"code":"ABCDEF"}', ours=True) == '{"code":"***"}'
    assert redact_text('{"code": "123456"}') == '{"code": "***"}'
    assert redact_text('{"code":123456}') == '{"code":***}'
    error = '{"status":400,"code":"CARRIER_BILLING.INVALID_CODE","message":"Invalid code."}'
    assert redact_text(error) == error


def test_what_is_no_secret_stays() -> None:
    text = (
        '{"paymentId":"AK234rfweS","amount":20.00,"paymentCreationDate":"2026-11-22T13:00:00.123456Z",'
        '"referenceCode":"D-7F3K-92QX","basic":"plan"}'
    )
    assert redact_text(text) == text
