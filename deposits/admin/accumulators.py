"""What counts towards limits: how much each player, number and partner has deposited of late."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.admin.pages import Fact, Page, Table, cell
from accounts.admin.read_only import ReadOnlyAdmin
from accounts.models import Player
from carriers.redaction import mask_msisdn
from deposits import limits
from deposits.formats import format_money
from deposits.models import Accumulator, Rule
from deposits.rules import minute_of
from deposits.windows import length_of

_MOST_NAMESAKES = 200
_SPANS = ("24 hours", "7 days", "31 days")
_PLAYER, _PHONE = Rule.Subject.PLAYER, Rule.Subject.PHONE_NUMBER


@admin.register(Accumulator)
class AccumulatorAdmin(ReadOnlyAdmin):
    """One row per phone number, player or partner. Counted by the product alone."""

    search_hint = "Phone number with +44…, or a partner's name for a player"
    list_display = ("subject_link", "kind", "recent", "reserved_now")

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        players = Player.objects.filter(external_id=text.strip()).values_list("pk", flat=True)
        number = f"+{text.strip().lstrip('+').replace(' ', '')}"
        return queryset.filter(
            Q(subject_kind=_PHONE, subject=number)
            | Q(subject_kind=_PLAYER, subject__in=[str(key) for key in players[:_MOST_NAMESAKES]])
        )

    @admin.display(description="Whose")
    def subject_link(self, row: Accumulator) -> Fact:
        return cell(_whose(row), reverse("admin:deposits_accumulator_change", args=[row.pk]))

    @admin.display(description="Kind")
    def kind(self, row: Accumulator) -> str:
        return row.get_subject_kind_display()

    @admin.display(description="In 31 days")
    def recent(self, row: Accumulator) -> str:
        return format_money(_used(row, Rule.Measure.GROSS, "31 days"), row.currency)

    @admin.display(description="Of it reserved")
    def reserved_now(self, row: Accumulator) -> str:
        return format_money(sum(row.reserved), row.currency)

    def page(self, request: HttpRequest, row: Any) -> Page:
        link = (
            reverse("admin:accounts_player_change", args=[row.subject]) if row.subject_kind == _PLAYER else ""
        )
        facts = [
            Fact("Whose", _whose(row), link),
            Fact("Kind", row.get_subject_kind_display()),
            Fact("Reserved for what is not settled yet", format_money(sum(row.reserved), row.currency)),
        ]
        if row.refused_minor is not None:
            refused = format_money(row.refused_minor, row.currency)
            facts += [
                Fact("Refused by the carrier for its own cap", refused),
                Fact("Until", row.refused_until),
            ]
        spans = [
            [
                cell(span),
                cell(format_money(_used(row, Rule.Measure.GROSS, span), row.currency)),
                cell(format_money(_used(row, Rule.Measure.NET, span), row.currency)),
                cell(str(_used(row, Rule.Measure.COUNT, span))),
            ]
            for span in _SPANS
        ]
        columns = ("In the last", "Deposited", "Less what went back", "Deposits")
        return Page("Counted towards limits", facts, [Table("Of late", columns, spans)])


def _used(row: Accumulator, measure: str, span: str) -> int:
    return limits.used(row, measure, minute_of(timezone.now() - length_of(span)))


def _whose(row: Accumulator) -> str:
    return mask_msisdn(row.subject) if row.subject_kind == _PHONE else f"{row.subject_kind} {row.subject}"
