"""Staff refund a deposit from its page; above the line somebody else decides."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts import ledger
from accounts.models import AuditRecord, User
from deposits.models import Deposit, Refund
from deposits.refund_states import State
from tests.deposits.admin.staging import credited, page_of
from tests.deposits.making import accepted

pytestmark = pytest.mark.django_db
NOTE = "Charged twice, the player says on the phone."


def person(name: str, *permissions: str) -> Client:
    """The browser of a member of staff with these permissions, and those to look."""
    user = User.objects.create_user(f"{name}-{uuid.uuid4().hex[:6]}", is_staff=True)
    named = (*permissions, "view_deposit", "view_refund")
    user.user_permissions.set(Permission.objects.filter(codename__in=named))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def deposit(monkeypatch: pytest.MonkeyPatch) -> Deposit:
    monkeypatch.setattr("deposits.doorbell.ring", lambda: None)
    return credited(accepted(player=f"p-{uuid.uuid4().hex[:12]}"))


def submit(client: Client, address: str, **fields: Any) -> Any:
    """Open the form at `address` and send it with `fields`."""
    shown = client.get(address)
    assert shown.status_code == 200, shown.content
    once = re.search(r'name="once" value="([^"]+)"', shown.content.decode())
    assert once
    return client.post(address, {"once": once[1], **fields})


def refund_form(deposit: Deposit) -> str:
    return f"/admin/deposits/deposit/{deposit.pk}/refund/"


def test_the_dialog_says_what_is_left_what_it_does_and_what_the_player_reads(deposit: Deposit) -> None:
    anna = person("anna", "add_refund")
    assert "Refund…" in anna.get(page_of(deposit)).content.decode()
    text = anna.get(refund_form(deposit)).content.decode()
    for told in (
        "£20.00 of £20.00 is left to refund.",
        "is £20.00; after all of it £0.00.",
        "£20.00 is on its way back to your phone bill. It has been taken from your balance.",
    ):
        assert told in text
    assert 'value="20.00"' in text


def test_a_small_refund_is_one_persons_and_shows_on_the_page(deposit: Deposit) -> None:
    anna = person("anna", "add_refund")
    answer = submit(anna, refund_form(deposit), amount="5.50", why="duplicate", reason=NOTE)
    assert answer.status_code == 302
    refund = Refund.objects.get(deposit=deposit)
    assert (refund.amount_minor, refund.reason, refund.note, refund.state) == (
        550,
        "duplicate",
        NOTE,
        State.APPROVED,
    )
    assert refund.reference in anna.get(page_of(deposit)).content.decode()
    assert AuditRecord.objects.filter(action="refund.requested", subject=deposit.reference).exists()
    shown = anna.get(f"/admin/deposits/refund/{refund.pk}/change/").content.decode()
    assert "refund held" in shown
    assert refund.reference in anna.get("/admin/deposits/refund/").content.decode()
    # Any reference leads to the deposit.
    assert anna.get(f"/admin/deposits/deposit/?q={refund.reference.lower()}")["Location"].endswith(
        page_of(deposit)
    )


def test_above_the_line_somebody_else_approves(deposit: Deposit, settings: Any) -> None:
    settings.REFUND_ALONE_MINOR = 1_000
    anna = person("anna", "add_refund", "request_large_refund", "approve_refund")
    bert = person("bert", "approve_refund")
    assert "a second person has to approve it" in anna.get(refund_form(deposit)).content.decode()
    submit(anna, refund_form(deposit), amount="20", why="goodwill", reason=NOTE)
    refund = Refund.objects.get(deposit=deposit)
    assert refund.state == State.REQUESTED
    address = f"/admin/deposits/refund/{refund.pk}/approve/"
    assert anna.get(address).status_code == 403
    assert person("carl").get(address).status_code == 403
    assert submit(bert, address, reason="The double charge is in the file.").status_code == 302
    refund.refresh_from_db()
    assert refund.state == State.APPROVED
    assert refund.decided_by_id != refund.requested_by_id


@pytest.mark.parametrize("more", [{"amount": "10.01"}, {"amount": "5", "beyond_balance": "on"}])
def test_support_asks_for_nothing_above_the_line(
    deposit: Deposit, settings: Any, more: dict[str, str]
) -> None:
    settings.REFUND_ALONE_MINOR = 1_000
    anna, fields = person("anna", "add_refund"), {"why": "goodwill", "reason": NOTE}
    assert "somebody else has to request it" in anna.get(refund_form(deposit)).content.decode()
    refused = submit(anna, refund_form(deposit), **fields, **more)
    assert "You may refund up to £10.00 of a deposit in all" in refused.content.decode()
    assert not Refund.objects.filter(deposit=deposit).exists()
    submit(anna, refund_form(deposit), amount="10", **fields)
    # Nor in parts.
    submit(anna, refund_form(deposit), amount="0.01", **fields)
    assert [one.amount_minor for one in Refund.objects.filter(deposit=deposit)] == [1_000]


def test_a_rejected_refund_is_in_the_balance_again(deposit: Deposit, settings: Any) -> None:
    settings.REFUND_ALONE_MINOR = 0
    anna = person("anna", "add_refund", "request_large_refund")
    submit(anna, refund_form(deposit), amount="20", why="fraud", reason=NOTE)
    refund = Refund.objects.get(deposit=deposit)
    submit(
        person("bert", "approve_refund"),
        f"/admin/deposits/refund/{refund.pk}/reject/",
        reason="It is not a duplicate.",
    )
    refund.refresh_from_db()
    assert refund.state == State.REFUSED
    assert ledger.player_balance_minor(deposit.player_id, "GBP") == 2_000


@pytest.mark.parametrize(
    "wrong",
    [{"reason": "too short"}, {"reason": ""}, {"amount": "0"}, {"amount": "20.01"}, {"why": "because"}],
)
def test_a_wrong_dialog_refunds_nothing(deposit: Deposit, wrong: dict[str, str]) -> None:
    fields = {"amount": "5", "why": "fraud", "reason": NOTE, **wrong}
    submit(person("anna", "add_refund"), refund_form(deposit), **fields)
    assert not Refund.objects.filter(deposit=deposit).exists()


def test_who_may_not_refund_sees_no_button_and_gets_403(deposit: Deposit) -> None:
    carl = person("carl")
    assert "Refund…" not in carl.get(page_of(deposit)).content.decode()
    assert carl.get(refund_form(deposit)).status_code == 403
