"""The page of one deposit: everything that happened, in order, nothing given away, nothing executed."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import AuditRecord
from deposits.admin.words import span
from deposits.models import CarrierNotification, Command, Deposit
from tests.deposits.admin.staging import LIST, declined, in_review, page_of, sent
from tests.deposits.making import accepted

ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def opened(staff: Client, deposit: Deposit) -> str:
    response = staff.get(page_of(deposit))
    assert response.status_code == 200
    return response.content.decode()


def test_the_timeline_tells_it_in_order(staff: Client, deposit: Deposit) -> None:
    Command.objects.create(
        deposit=deposit,
        kind="cancel",
        client="partner:1:test",
        idempotency_key="cancel-1",
        idempotency_hash=b"",
    )
    CarrierNotification.objects.create(
        carrier=deposit.carrier,
        source="urn:sandbox",
        event_id=f"e-{deposit.reference}",
        kind="payment.succeeded",
        body='{"note": "from the carrier"}',
        deposit=deposit,
    )
    whole = text_of(opened(staff, deposit))
    page = whole[whole.index("Timeline") :]
    told = [
        "Accepted",
        "Asked to cancel",
        "About to be sent to the carrier",
        "received → submitting",
        "Attempt 1, authorise: approved",
        "POST /payments",
        "201 · 42 ms",
        "transactionOperationStatus",
        "Booked: deposit",
        "Approved by the carrier",
        "Notification payment.succeeded",
        "from the carrier",
        "−£20.00",
        "+£20.00",
    ]
    assert [piece for piece in told if piece not in page] == []
    places = [page.index(piece) for piece in told if piece not in ("Asked to cancel", "−£20.00", "+£20.00")]
    assert places == sorted(places)


def test_the_number_is_masked_everywhere(staff: Client, deposit: Deposit) -> None:
    for page in (
        opened(staff, deposit),
        staff.get(f"{LIST}?partner={deposit.partner_id}").content.decode(),
        staff.get(f"/admin/accounts/player/{deposit.player_id}/change/").content.decode(),
        staff.get("/admin/deposits/accumulator/").content.decode(),
    ):
        assert deposit.phone_number not in page
        assert deposit.phone_number.lstrip("+") not in page
        assert "+44******001" in page


def test_it_says_what_the_player_reads_and_what_happens_next(staff: Client) -> None:
    page = text_of(opened(staff, declined(accepted("002"))))
    assert "You have not been charged." in page
    assert "Nothing more happens by itself." in page
    held = text_of(opened(staff, in_review(accepted("015"), 2_100)))
    assert "A person has to settle it." in held
    assert "£21.00" in held
    assert "It is sent to Sandbox Mobile now" in text_of(opened(staff, accepted("001")))


def test_what_others_wrote_is_shown_as_text(staff: Client) -> None:
    deposit = accepted("002", partner_reference=ATTACK[:64], player=ATTACK[:64])
    sent(deposit, path=ATTACK, request=ATTACK, answer=ATTACK, error=ATTACK)
    Deposit.objects.filter(pk=deposit.pk).update(carrier_code=ATTACK[:80], carrier_payment_id=ATTACK[:100])
    CarrierNotification.objects.create(
        carrier=deposit.carrier, source=ATTACK, event_id=ATTACK, kind=ATTACK, body=ATTACK, deposit=deposit
    )
    for page in (
        opened(staff, deposit),
        staff.get(f"{LIST}?partner={deposit.partner_id}").content.decode(),
        staff.get("/admin/deposits/carriernotification/").content.decode(),
        staff.get(f"/admin/accounts/player/{deposit.player_id}/change/").content.decode(),
        staff.get(LIST, {"q": ATTACK}).content.decode(),
    ):
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_secrets_in_a_stored_exchange_are_masked_once_more(staff: Client) -> None:
    deposit = sent(accepted("001"), answer='{"access_token": "s3cret-token", "phone": "+447700900001"}')
    page = opened(staff, deposit)
    assert "s3cret-token" not in page
    assert "+447700900001" not in page


def test_a_deposit_of_a_carrier_that_is_gone_still_opens(staff: Client, deposit: Deposit) -> None:
    Deposit.objects.filter(pk=deposit.pk).update(carrier="gone-mobile", reason_code="no_such_reason")
    page = opened(staff, deposit)
    assert "gone-mobile" in page
    assert "no_such_reason" in page


def test_looking_is_noted(staff: Client, deposit: Deposit) -> None:
    opened(staff, deposit)
    staff.get(f"/admin/accounts/player/{deposit.player_id}/change/")
    seen = AuditRecord.objects.get(action="deposit.viewed", subject=deposit.reference)
    assert (seen.actor_kind, seen.actor, seen.subject_kind) == ("staff", "root-staff", "deposit")
    assert seen.address == "127.0.0.1"
    assert AuditRecord.objects.filter(action="player.viewed", subject=str(deposit.player_id)).count() == 1
    trail = staff.get(
        "/admin/accounts/auditrecord/", {"subject_kind": "deposit", "subject": deposit.reference}
    )
    assert "deposit.viewed" in trail.content.decode()


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.34, "340 ms"),
        (4.23, "4.2 s"),
        (185, "3 min 5 s"),
        (7_500, "2 h 5 min"),
        (187_300, "2 days 4 h"),
        (-1, "0 ms"),
    ],
)
def test_spans_are_told_as_people_say_them(seconds: float, told: str) -> None:
    assert span(seconds) == told


def test_it_shows_what_the_player_agreed_to(staff: Client) -> None:
    shown = accepted(
        player="p-of-consent", words="Deposit £20 by phone bill", language="en-gb", channel="page"
    )
    page = text_of(opened(staff, shown))
    evidence = page[page.index("Kept as evidence") :]
    for told in (
        "our page",
        "Deposit £20 by phone bill",
        "en-gb",
        "£20.00",
        "+44******001",
        "gb-psr-payment v1",
    ):
        assert told in evidence, told
    silent = text_of(opened(staff, accepted(player="p-of-consent", words=ATTACK)))
    assert "the partner" in silent
    assert "<script>" not in opened(staff, accepted(player="p-of-consent", words=ATTACK))
