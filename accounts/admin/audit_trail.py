"""The audit trail: who did what, when, from where and why. Nothing here can be changed, by anybody."""

from __future__ import annotations

from typing import Any

import msgspec
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.admin.filters import FilterForm, MomentField
from accounts.admin.pages import Fact, Page, audit_address, cell
from accounts.admin.read_only import ReadOnlyAdmin
from accounts.models import AuditRecord


class AuditFilters(FilterForm):
    """Who, what, on what and when; each exactly as it is written in the list."""

    actor = forms.CharField(label="Who", max_length=100)
    action = forms.CharField(label="Action", max_length=60)
    subject_kind = forms.CharField(label="Subject's kind", max_length=40)
    subject = forms.CharField(label="Subject", max_length=100)
    at_from = MomentField("From")
    at_to = MomentField("Before")

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return `queryset` with the chosen filters applied."""
        chosen = self.cleaned_data
        for name in ("actor", "action", "subject_kind", "subject"):
            if chosen[name]:
                queryset = queryset.filter(**{name: chosen[name]})
        if chosen["at_from"]:
            queryset = queryset.filter(at__gte=chosen["at_from"])
        if chosen["at_to"]:
            queryset = queryset.filter(at__lt=chosen["at_to"])
        return queryset

    def clean(self) -> dict[str, Any]:
        """A subject is found by its kind and name together."""
        chosen = super().clean() or {}
        if chosen.get("subject") and not chosen.get("subject_kind"):
            self.add_error("subject_kind", ValidationError("Say of which kind, such as deposit or user."))
        return chosen


@admin.register(AuditRecord)
class AuditRecordAdmin(ReadOnlyAdmin):
    """Append-only by trigger, chained by hash; `manage.py audit verify` walks the chain."""

    filter_form = AuditFilters
    newest_first = ("-at", "-id")
    list_display = ("action_link", "at", "who", "subject_link", "reason", "address", "sealed")

    @admin.display(description="Action")
    def action_link(self, record: AuditRecord) -> Fact:
        return cell(record.action, reverse("admin:accounts_auditrecord_change", args=[record.pk]))

    @admin.display(description="Who")
    def who(self, record: AuditRecord) -> str:
        return f"{record.actor} ({record.actor_kind})" if record.actor else record.actor_kind

    @admin.display(description="Subject")
    def subject_link(self, record: AuditRecord) -> Fact:
        if not record.subject:
            return cell("–")
        address = audit_address(record.subject_kind, record.subject)
        return cell(f"{record.subject_kind} {record.subject}", address)

    @admin.display(description="Sealed")
    def sealed(self, record: AuditRecord) -> str:
        return str(record.sealed_as) if record.sealed_as else "not yet"

    def page(self, request: HttpRequest, row: Any) -> Page:
        facts = [
            Fact("Action", row.action),
            Fact("When", row.at),
            Fact("Who", self.who(row)),
            Fact("From", row.address),
            Fact(
                "Subject", f"{row.subject_kind} {row.subject}", audit_address(row.subject_kind, row.subject)
            ),
            Fact("Reason", row.reason),
            Fact("Request id", row.request_id),
            Fact("Place in the chain", str(row.sealed_as) if row.sealed_as else "not sealed yet"),
            Fact("Hash", bytes(row.hash).hex() if row.hash else ""),
        ]
        sides = {"before": row.before, "after": row.after} if row.before or row.after else None
        note = msgspec.json.format(msgspec.json.encode(sides), indent=2).decode() if sides else ""
        return Page(f"Audit record {row.pk}", facts, note=note)
