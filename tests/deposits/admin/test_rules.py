"""A rule is changed by two people, is never changed behind their backs, and holds from the next deposit on."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import AuditRecord
from deposits import rule_sets
from deposits.actions import change_rules
from deposits.actions.accept import accept
from deposits.actions.refusal import NotPossibleNow, Refusal
from deposits.models import Consent, Rule, RuleProposal
from tests.deposits.admin.test_keys_and_people import form_of
from tests.deposits.making import request
from tests.faults_evidence.staff import clerk

pytestmark = pytest.mark.django_db

WHY = "the carrier wrote to us on Monday"
CODE = "gb-psr-payment"


def newest(code: str = CODE) -> Rule:
    return Rule.objects.filter(code=code).latest("version")


def changed(**fields: Any) -> dict[str, Any]:
    an_hour_ago = timezone.now() - timedelta(hours=1)
    return {**change_rules.content_of(newest()), "effective_from": an_hour_ago.isoformat(), **fields}


def test_one_person_proposes_on_the_page_and_another_makes_it_a_rule(staff: Client) -> None:
    address = f"/admin/deposits/rule/{newest().pk}/propose/"
    sent = form_of(staff, address) | {"content": json.dumps(changed(amount=3_500)), "reason": WHY}
    assert staff.post(address, sent).status_code == 302
    proposal = RuleProposal.objects.get(code=CODE)
    page = staff.get(f"/admin/deposits/ruleproposal/{proposal.pk}/change/").content.decode()
    assert "Send back…" in page
    assert "Approve…" not in page
    # Not even by hand.
    approving = f"/admin/deposits/ruleproposal/{proposal.pk}/approve/"
    staff.post(approving, form_of(staff, approving) | {"reason": WHY})
    assert newest().version == 1

    rule = change_rules.approve(proposal.pk, clerk("second"), "read it, it is so")
    assert (rule.version, rule.amount, rule.reviewer) == (2, 3_500, "root-staff, evidence-second")
    noted = AuditRecord.objects.filter(subject_kind="rule", subject=CODE).order_by("id")
    assert [record.action for record in noted] == ["rule.proposed", "rule.approved"]
    with pytest.raises(NotPossibleNow):
        change_rules.approve(proposal.pk, clerk("third"), "once more, to be sure")


def test_the_next_deposit_keeps_to_the_new_version_and_says_so() -> None:
    before = accept(request("120", amount_minor=3_600)).deposit
    proposal = change_rules.propose(changed(amount=3_500), clerk("first"), WHY)
    with pytest.raises(Refusal, match="Another person"):
        change_rules.approve(proposal.pk, clerk("first"), WHY)
    old = newest()
    new = change_rules.approve(proposal.pk, clerk("second"), WHY)
    with pytest.raises(Refusal) as refused:
        accept(request("120", amount_minor=3_600))
    assert refused.value.code == "carrier_payment_limit"
    after = accept(request("120", amount_minor=3_500)).deposit
    kept = {one.deposit_id: one.rules for one in Consent.objects.filter(deposit__in=[before.pk, after.pk])}
    assert old.pk in kept[before.pk]
    assert new.pk not in kept[before.pk]
    assert new.pk in kept[after.pk]
    assert old.pk not in kept[after.pk]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"measure": "feeling"}, "measure"),
        ({"zone": "Europe/Nowhere"}, "zone"),
        ({"effective_from": "2026-09-30T00:00:00"}, "effective_from"),
        ({"colour": "red"}, "colour"),
        ({"amount": None}, "amount"),
        ({"source": " "}, "source"),
        ({"window": "month"}, "window"),
        ({"measure": "gross", "window": "rolling", "length": "2 months"}, "length"),
        ({"measure": "gross", "window": "rolling", "length": "60 days"}, "length"),
        ({"measure": "gross", "window": "billing_cycle"}, "anchor_day"),
    ],
)
def test_a_rule_that_makes_no_sense_is_not_proposed(change: dict[str, Any], named: str) -> None:
    with pytest.raises(Refusal, match=named):
        change_rules.propose(changed(**change), clerk("first"), WHY)


def test_a_version_is_for_ever() -> None:
    for act in (lambda: Rule.objects.update(amount=1), lambda: Rule.objects.all().delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()


def test_what_ships_is_loaded_once(capsys: pytest.CaptureFixture[str]) -> None:
    number = Rule.objects.count()
    call_command("rules", "load")
    assert Rule.objects.count() == number
    assert {fields["code"] for fields in rule_sets.shipped()} <= set(
        Rule.objects.values_list("code", flat=True)
    )


def test_the_command_tells_what_applied_on_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("rules", "at", "2026-09-29", "--jurisdiction", "GB")
    last_day = capsys.readouterr().out
    call_command("rules", "at", "2026-09-30", "--jurisdiction", "GB")
    first_day = capsys.readouterr().out
    assert "gb-rts12-own-24h v1" in last_day
    assert "gb-rts12b-own-24h" not in last_day
    assert "gb-rts12b-own-24h v1" in first_day
    assert "gb-rts12-own-24h" not in first_day
    assert "at most £240.00" in first_day
    assert "Payment Services Regulations 2017" in first_day
    assert "eu-psd2" not in first_day
    with pytest.raises(CommandError, match="must be like"):
        call_command("rules", "at", "yesterday")
