"""Staff open and close a breaker with a reason, and both are kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditRecord
from deposits import breakers
from deposits.models import Breaker
from tests.deposits.admin.test_keys_and_people import form_of

WHY = "the carrier rang: maintenance until noon"


@pytest.fixture
def breaker() -> Breaker:
    breakers.make_known(["sandbox-mobile"])
    return Breaker.objects.get(carrier="sandbox-mobile", operation="authorise")


def test_a_breaker_is_opened_and_closed_by_hand(staff: Client, breaker: Breaker) -> None:
    page = f"/admin/deposits/breaker/{breaker.pk}"
    staff.post(f"{page}/open/", form_of(staff, f"{page}/open/") | {"reason": WHY})
    breaker.refresh_from_db()
    assert (breaker.state, breaker.held, breaker.reason) == ("open", True, f"root-staff: {WHY}")
    shown = staff.get(f"{page}/change/").content.decode()
    assert "held open" in shown
    assert WHY in shown
    staff.post(f"{page}/close/", form_of(staff, f"{page}/close/") | {"reason": "they are back"})
    breaker.refresh_from_db()
    assert (breaker.state, breaker.held) == ("closed", False)
    noted = AuditRecord.objects.filter(subject_kind="breaker", subject=str(breaker)).order_by("id")
    assert [(record.action, record.reason) for record in noted] == [
        ("breaker.opened", WHY),
        ("breaker.closed", "they are back"),
    ]


def test_when_it_is_expected_back_is_kept_if_it_is_still_to_come(staff: Client, breaker: Breaker) -> None:
    address = f"/admin/deposits/breaker/{breaker.pk}/open/"
    for hours, expected in ((-1, False), (2, True)):
        back_at = timezone.localtime() + timedelta(hours=hours)
        given = {"reason": WHY, "back_at": f"{back_at:%Y-%m-%dT%H:%M}"}
        staff.post(address, form_of(staff, address) | given)
        breaker.refresh_from_db()
        assert breaker.held is expected
    assert breaker.back_at == back_at.replace(second=0, microsecond=0)
    noted = AuditRecord.objects.get(action="breaker.opened", subject=str(breaker))
    assert noted.after == {"back_at": breaker.back_at.isoformat()}


def test_without_a_reason_nothing_changes(staff: Client, breaker: Breaker) -> None:
    address = f"/admin/deposits/breaker/{breaker.pk}/open/"
    staff.post(address, form_of(staff, address))
    breaker.refresh_from_db()
    assert breaker.state == "closed"


def test_the_list_shows_how_each_stands(staff: Client, breaker: Breaker) -> None:
    breakers.hold_open(breaker, WHY)
    shown = staff.get("/admin/deposits/breaker/").content.decode()
    assert "sandbox-mobile: authorise" in shown
    assert "held open" in shown
