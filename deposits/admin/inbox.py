"""The inbox of what carriers pushed to us, and which deposit each was about."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.admin.filters import FilterForm
from accounts.admin.pages import Fact, Page, cell
from accounts.admin.read_only import ReadOnlyAdmin
from carriers import registry
from carriers.redaction import redact_text
from deposits.admin import words
from deposits.admin.search import matching
from deposits.models import CarrierNotification, Deposit


class InboxFilters(FilterForm):
    """Those that no deposit was found for."""

    unmatched = forms.BooleanField(label="Unmatched only")

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return `queryset` with the chosen filter applied."""
        return queryset.filter(deposit=None) if self.cleaned_data["unmatched"] else queryset


@admin.register(CarrierNotification)
class InboxAdmin(ReadOnlyAdmin):
    """Notifications as they came, redacted."""

    filter_form = InboxFilters
    search_hint = "Any reference of a deposit, or a carrier's payment id"
    list_display = ("kind_link", "carrier_name", "deposit_link", "payment_id", "deliveries", "received_at")
    list_select_related = ("deposit",)

    @admin.display(description="Notification")
    def kind_link(self, row: CarrierNotification) -> Fact:
        return cell(row.kind, reverse("admin:deposits_carriernotification_change", args=[row.pk]))

    @admin.display(description="Carrier")
    def carrier_name(self, row: CarrierNotification) -> str:
        return words.network(row.carrier)

    @admin.display(description="Deposit")
    def deposit_link(self, row: CarrierNotification) -> Fact:
        if row.deposit is None:
            return cell("unmatched", colour="warning")
        return cell(row.deposit.reference, reverse("admin:deposits_deposit_change", args=[row.deposit_id]))

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        deposits = list(
            Deposit.objects.filter(matching(text)).values_list("pk", flat=True)[: self.list_per_page]
        )
        carriers = list(registry.registry().profiles)
        return queryset.filter(Q(deposit__in=deposits) | Q(carrier__in=carriers, payment_id=text.strip()))

    def page(self, request: HttpRequest, row: Any) -> Page:
        deposit = row.deposit
        facts = [
            Fact("Kind", row.kind),
            Fact("Carrier", words.network(row.carrier)),
            Fact(
                "Deposit",
                deposit.reference if deposit else "unmatched",
                reverse("admin:deposits_deposit_change", args=[deposit.pk]) if deposit else "",
            ),
            Fact("Carrier's payment id", row.payment_id),
            Fact("Reference in it", row.reference),
            Fact("Source", row.source),
            Fact("Event id", row.event_id),
            Fact("Deliveries", str(row.deliveries)),
            Fact("First received", row.received_at),
        ]
        return Page(f"Notification {row.kind}", facts, note=redact_text(row.body))
