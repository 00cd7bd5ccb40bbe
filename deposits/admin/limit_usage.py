"""How much of each limit is used up, by period."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.admin.pages import Fact, Page, cell
from accounts.admin.read_only import ReadOnlyAdmin
from accounts.models import Player
from carriers.redaction import mask_msisdn
from deposits.models import LimitUsage
from deposits.presentation import format_money

_MOST_NAMESAKES = 200


@admin.register(LimitUsage)
class LimitUsageAdmin(ReadOnlyAdmin):
    """One row per phone number or player and period. Counted by the product alone."""

    search_hint = "Phone number with +44…, or a partner's name for a player"
    list_display = ("subject_link", "subject_kind_text", "period_start", "used")

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        players = Player.objects.filter(external_id=text.strip()).values_list("pk", flat=True)[
            :_MOST_NAMESAKES
        ]
        number = f"+{text.strip().lstrip('+').replace(' ', '')}"
        kinds = LimitUsage.Subject
        return queryset.filter(
            Q(subject_kind=kinds.PHONE_MONTH, subject=number)
            | Q(subject_kind=kinds.PLAYER_WEEK, subject__in=[str(key) for key in players])
        )

    @admin.display(description="Whose")
    def subject_link(self, row: LimitUsage) -> Fact:
        return cell(_whose(row), reverse("admin:deposits_limitusage_change", args=[row.pk]))

    @admin.display(description="Limit")
    def subject_kind_text(self, row: LimitUsage) -> str:
        return row.get_subject_kind_display()

    @admin.display(description="Used")
    def used(self, row: LimitUsage) -> str:
        return format_money(row.used_minor, row.currency)

    def page(self, request: HttpRequest, row: Any) -> Page:
        is_player = row.subject_kind == LimitUsage.Subject.PLAYER_WEEK
        link = reverse("admin:accounts_player_change", args=[row.subject]) if is_player else ""
        facts = [
            Fact("Limit", row.get_subject_kind_display()),
            Fact("Whose", _whose(row), link),
            Fact("Period begins", row.period_start.isoformat()),
            Fact("Used", format_money(row.used_minor, row.currency)),
        ]
        return Page("Limit usage", facts)


def _whose(row: LimitUsage) -> str:
    return mask_msisdn(row.subject) if row.subject.startswith("+") else f"player {row.subject}"
