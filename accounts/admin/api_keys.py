"""Partners' API keys: seen in part, issued once, revoked with a reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin

from accounts import api_keys
from accounts.admin.acts import note_staff_act
from accounts.admin.filters import FilterForm
from accounts.admin.forms import ActForm, act_page
from accounts.admin.pages import Fact, Page, audit_table, cell
from accounts.admin.read_only import ReadOnlyAdmin
from accounts.models import ApiKey, Partner

STANDING_COLOURS = {"in use": "success", "revoked": "danger", "expired": "default"}
_KIND = "api_key"


class ApiKeyFilters(FilterForm):
    """By partner."""

    partner = forms.ModelChoiceField(Partner.objects.order_by("name"), label="Partner", empty_label="Any")

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return `queryset` with the chosen filter applied."""
        partner = self.cleaned_data["partner"]
        return queryset.filter(partner=partner) if partner else queryset


class IssueKeyForm(ActForm):
    """What a new key is called and may do."""

    name = forms.CharField(
        label="Name", max_length=100, help_text="Where it is used, such as “production server”."
    )
    mode = forms.ChoiceField(
        label="Mode", choices=ApiKey.Mode.choices, help_text="A live key charges real phones."
    )
    scopes = forms.MultipleChoiceField(
        label="May",
        choices=[(scope, scope) for scope in api_keys.SCOPES],
        initial=list(api_keys.SCOPES),
        widget=forms.CheckboxSelectMultiple,
    )
    field_order = ("name", "mode", "scopes", "reason")


def standing(key: ApiKey) -> str:
    """Return whether the key opens anything: "in use", "revoked" or "expired"."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= timezone.now() else "in use"


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """The secret of a key is nowhere: only its hash is kept."""

    filter_form = ApiKeyFilters
    subject_kind = ""
    search_hint = "Beginning of the key, such as ps_test_4f8Kq2Zs"
    list_display = ("key", "partner", "name", "mode", "may", "standing", "created_at")
    list_select_related = ("partner",)

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return queryset.filter(prefix="_".join(text.strip().split("_")[:3]))

    @admin.display(description="Key")
    def key(self, key: ApiKey) -> Fact:
        return cell(str(key), reverse("admin:accounts_apikey_change", args=[key.pk]))

    @admin.display(description="May")
    def may(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="Standing")
    def standing(self, key: ApiKey) -> Fact:
        return cell(standing(key), colour=STANDING_COLOURS[standing(key)])

    def page(self, request: HttpRequest, row: Any) -> Page:
        facts = [
            Fact("Key", str(row)),
            Fact(
                "Partner", row.partner.name, reverse("admin:accounts_partner_change", args=[row.partner_id])
            ),
            Fact("Name", row.name),
            Fact("Mode", row.mode),
            Fact("May", ", ".join(row.scopes)),
            Fact("Standing", standing(row), colour=STANDING_COLOURS[standing(row)]),
            Fact("Issued", row.created_at),
            Fact("Expires", row.expires_at),
            Fact("Revoked", row.revoked_at),
        ]
        may_revoke = row.revoked_at is None and request.user.has_perm("accounts.change_apikey")
        buttons = [("Revoke…", reverse("admin:accounts_apikey_revoke", args=[row.pk]))] if may_revoke else []
        return Page(f"API key {row}", facts, [audit_table(_KIND, row.prefix)], buttons)

    def get_urls(self) -> list[URLPattern]:
        revoke = path(
            "<int:key_id>/revoke/",
            self.admin_site.admin_view(self.revoke_view),
            name="accounts_apikey_revoke",
        )
        return [revoke, *super().get_urls()]

    def revoke_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        """Ask why, then end the key for good: the next request with it is refused."""
        if not request.user.has_perm("accounts.change_apikey"):
            raise PermissionDenied
        key = get_object_or_404(ApiKey, pk=key_id)
        form = ActForm(request)
        if request.method == "POST" and form.is_valid():
            with transaction.atomic():
                if ApiKey.objects.filter(pk=key_id, revoked_at=None).update(revoked_at=Now()):
                    note_staff_act(
                        request, "api_key.revoked", _KIND, key.prefix, reason=form.cleaned_data["reason"]
                    )
            messages.success(request, f"{key} is revoked.")
            return HttpResponseRedirect(reverse("admin:accounts_apikey_change", args=[key_id]))
        explanation = (
            f"{key} of {key.partner} stops working at once. This cannot be undone; a new key can be issued."
        )
        return act_page(
            self, request, form, title="Revoke API key", explanation=explanation, button="Revoke the key"
        )


def issue_view(admin: ModelAdmin, request: HttpRequest, partner: Partner) -> HttpResponse:
    """Ask what for and why, then make a key and show it, for the only time."""
    if not request.user.has_perm("accounts.add_apikey"):
        raise PermissionDenied
    form = IssueKeyForm(request)
    if request.method != "POST" or not form.is_valid():
        explanation = (
            "The key is shown once, on the next page. We keep only its hash and cannot show it again."
        )
        title = f"Issue a key for {partner}"
        return act_page(admin, request, form, title=title, explanation=explanation, button="Issue the key")
    given = form.cleaned_data
    with transaction.atomic():
        key = api_keys.issue(partner, given["name"], ApiKey.Mode(given["mode"]), given["scopes"])
        prefix = key.rpartition("_")[0]
        note_staff_act(
            request,
            "api_key.issued",
            _KIND,
            prefix,
            after={name: given[name] for name in ("name", "mode", "scopes")} | {"partner": partner.slug},
            reason=given["reason"],
        )
    context = {
        **admin.admin_site.each_context(request),
        "title": "Key issued",
        "opts": admin.opts,
        "key": key,
        "partner": partner,
        "key_address": reverse("admin:accounts_apikey_change", args=[ApiKey.objects.get(prefix=prefix).pk]),
    }
    response = TemplateResponse(request, "admin/api_key_issued.html", context)
    response["Cache-Control"] = "no-store"
    return response
