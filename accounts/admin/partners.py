"""The operators who drive deposits, and their keys."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from accounts.admin import return_addresses
from accounts.admin.acts import note_staff_act
from accounts.admin.api_keys import STANDING_COLOURS, issue_view, standing
from accounts.admin.pages import Fact, Page, Table, audit_table, cell
from accounts.admin.read_only import ReadOnlyAdmin
from accounts.models import Partner


@admin.register(Partner)
class PartnerAdmin(ReadOnlyAdmin):
    """A partner can be added; its name and slug stay, because references and keys hang off them.

    Where its players may be sent back to has a form of its own.
    """

    search_hint = "Slug"
    fields = ("name", "slug")
    list_display = ("name_link", "slug", "created_at")

    def search(self, queryset: Any, text: str) -> Any:
        return queryset.filter(slug=text.strip().lower())

    @admin.display(description="Partner")
    def name_link(self, partner: Partner) -> Fact:
        return cell(partner.name, reverse("admin:accounts_partner_change", args=[partner.pk]))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.add_partner")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        note_staff_act(
            request, "partner.added", "partner", obj.slug, after={"name": obj.name, "slug": obj.slug}
        )
        return ModelAdmin.log_addition(self, request, obj, message)

    def page(self, request: HttpRequest, row: Any) -> Page:
        facts = [Fact("Name", row.name), Fact("Slug", row.slug), Fact("Known since", row.created_at)]
        links = [
            ("Deposits", f"{reverse('admin:deposits_deposit_changelist')}?partner={row.pk}"),
            ("Players", f"{reverse('admin:accounts_player_changelist')}?partner={row.pk}"),
        ]
        if request.user.has_perm("accounts.add_apikey"):
            links.append(("Issue a key…", reverse("admin:accounts_partner_issue_key", args=[row.pk])))
        if request.user.has_perm("accounts.change_partner"):
            change = reverse("admin:accounts_partner_return_addresses", args=[row.pk])
            links.append(("Change return addresses…", change))
        tables = [_keys(row), return_addresses.table(row), audit_table("partner", row.slug)]
        return Page(f"Partner {row.name}", facts, tables, links)

    def get_urls(self) -> list[URLPattern]:
        issue = path(
            "<int:partner_id>/issue-key/",
            self.admin_site.admin_view(self.issue_key_view),
            name="accounts_partner_issue_key",
        )
        addresses = path(
            "<int:partner_id>/return-addresses/",
            self.admin_site.admin_view(self.return_addresses_view),
            name="accounts_partner_return_addresses",
        )
        return [issue, addresses, *super().get_urls()]

    def issue_key_view(self, request: HttpRequest, partner_id: int) -> HttpResponse:
        """The form that makes a key for one partner."""
        return issue_view(self, request, get_object_or_404(Partner, pk=partner_id))

    def return_addresses_view(self, request: HttpRequest, partner_id: int) -> HttpResponse:
        """The form that says where one partner's players may be sent back to."""
        return return_addresses.change_view(self, request, get_object_or_404(Partner, pk=partner_id))


def _keys(partner: Partner) -> Table:
    rows = [
        [
            cell(str(key), reverse("admin:accounts_apikey_change", args=[key.pk])),
            cell(key.name),
            cell(key.mode),
            cell(", ".join(key.scopes)),
            cell(standing(key), colour=STANDING_COLOURS[standing(key)]),
            cell(key.created_at),
        ]
        for key in partner.api_keys.order_by("-id")
    ]
    return Table("API keys", ("Key", "Name", "Mode", "May", "Standing", "Issued"), rows)
