"""Breakers of the carriers' operations: how each stands and why, opened and closed by hand with a reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.admin.acts import note_staff_act
from accounts.admin.forms import ActForm, act_page
from accounts.admin.pages import Fact, Page, audit_table, cell
from accounts.admin.read_only import ReadOnlyAdmin
from deposits import breakers
from deposits.models import Breaker

_KIND = "breaker"
_COLOURS = {"closed": "success", "half open": "warning", "open": "danger", "held open": "danger"}


class OpenForm(ActForm):
    """Why, and until when, where that is known."""

    back_at = forms.DateTimeField(
        label="Expected back at",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Players are told where no other way to pay is open. Empty if it is not known: better no time than a "
        "wrong one. Nothing closes by itself.",
    )
    field_order = ("reason", "back_at")

    def clean_back_at(self) -> datetime | None:
        """Refuse a time that has passed."""
        given: datetime | None = self.cleaned_data["back_at"]
        if given is not None and given <= timezone.now():
            raise forms.ValidationError("Enter a time that is still to come.")
        return given


@admin.register(Breaker)
class BreakerAdmin(ReadOnlyAdmin):
    """A closed breaker lets everything through; an open one lets a deposit try now and then; a held one nothing."""

    list_display = ("breaker_link", "standing", "reason", "changed_at", "recent")

    @admin.display(description="Carrier and operation")
    def breaker_link(self, breaker: Breaker) -> Fact:
        return cell(str(breaker), reverse("admin:deposits_breaker_change", args=[breaker.pk]))

    @admin.display(description="Standing")
    def standing(self, breaker: Breaker) -> Fact:
        return cell(_standing(breaker), colour=_COLOURS[_standing(breaker)])

    @admin.display(description="Counted of late")
    def recent(self, breaker: Breaker) -> str:
        return _recent(breaker)

    def subject(self, row: Any) -> str:
        return str(row)

    def page(self, request: HttpRequest, row: Any) -> Page:
        standing = _standing(row)
        paused = row.paused_until if row.paused_until and row.paused_until > timezone.now() else None
        facts = [
            Fact("Carrier", row.carrier),
            Fact("Operation", row.operation),
            Fact("Standing", standing, colour=_COLOURS[standing]),
            Fact("Why", row.reason),
            Fact("Since", row.changed_at),
            Fact("Players are told until", row.back_at),
            Fact("Counted of late", _recent(row)),
            Fact("The carrier asked us to wait until", paused),
            Fact("Sent this minute", f"{row.first_calls} first, {row.repeats} again"),
        ]
        buttons = []
        if request.user.has_perm("deposits.change_breaker"):
            if not row.held:
                buttons.append(("Open…", reverse("admin:deposits_breaker_open", args=[row.pk])))
            if standing != "closed":
                buttons.append(("Close…", reverse("admin:deposits_breaker_close", args=[row.pk])))
        return Page(f"Breaker {row}", facts, [audit_table(_KIND, str(row))], buttons)

    def get_urls(self) -> list[URLPattern]:
        acts = [
            path(
                f"<int:breaker_id>/{act}/",
                self.admin_site.admin_view(view),
                name=f"deposits_breaker_{act}",
            )
            for act, view in (("open", self.open_view), ("close", self.close_view))
        ]
        return [*acts, *super().get_urls()]

    def open_view(self, request: HttpRequest, breaker_id: int) -> HttpResponse:
        """Ask why, then stop the operation until a person closes the breaker."""
        return self._act(
            request,
            breaker_id,
            opens=True,
            title="Open the breaker",
            explanation="Deposits wait, or go by another route where there is one, until somebody closes it again; "
            "refunds wait. "
            "What the carrier already has is not touched.",
            button="Open it",
        )

    def close_view(self, request: HttpRequest, breaker_id: int) -> HttpResponse:
        """Ask why, then let the operation go on."""
        return self._act(
            request,
            breaker_id,
            opens=False,
            title="Close the breaker",
            explanation="What waits is sent at once. If the carrier still fails, the breaker opens again by itself.",
            button="Close it",
        )

    def _act(
        self, request: HttpRequest, breaker_id: int, *, opens: bool, title: str, explanation: str, button: str
    ) -> HttpResponse:
        if not request.user.has_perm("deposits.change_breaker"):
            raise PermissionDenied
        breaker = get_object_or_404(Breaker, pk=breaker_id)
        form = OpenForm(request) if opens else ActForm(request)
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            said, back_at = f"{request.user}: {reason}", form.cleaned_data.get("back_at")
            with transaction.atomic():
                if opens:
                    breakers.hold_open(breaker, said, back_at)
                else:
                    breakers.close(breaker, said)
                action = "breaker.opened" if opens else "breaker.closed"
                after = {"back_at": back_at.isoformat()} if back_at else {}
                note_staff_act(request, action, _KIND, str(breaker), after=after, reason=reason)
            messages.success(request, f"{breaker} is {'open' if opens else 'closed'}.")
            return HttpResponseRedirect(reverse("admin:deposits_breaker_change", args=[breaker_id]))
        return act_page(self, request, form, title=title, explanation=explanation, button=button)


def _standing(breaker: Breaker) -> str:
    if breaker.held:
        return "held open"
    return Breaker.State(breaker.state).label


def _recent(breaker: Breaker) -> str:
    return f"{breaker.failures} of {breaker.calls} calls failed" if breaker.calls else "nothing"
