"""The list of refunds, those that wait for a second person, and the page of one: its events, attempts and bookings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.admin.filters import FilterForm
from accounts.admin.pages import Fact, Page, Table, audit_table, cell
from accounts.admin.read_only import ReadOnlyAdmin
from accounts.models import LedgerEntry
from deposits.admin import refund_acts, words
from deposits.admin.search import matching
from deposits.formats import format_money
from deposits.models import Deposit, Refund
from deposits.references import public_refund_id
from deposits.refund_states import FINAL, State

COLOURS: dict[str, str] = {
    State.REQUESTED: "primary",
    State.APPROVED: "info",
    State.SUBMITTING: "info",
    State.PENDING: "info",
    State.UNKNOWN: "warning",
    State.REVIEW: "warning",
    State.RETURNED: "success",
    State.REFUSED: "danger",
    State.FAILED: "danger",
}
_NEWEST = 20


class RefundFilters(FilterForm):
    """By state and reason."""

    state = forms.ChoiceField(label="State", choices=[("", "Any"), ("open", "Not ended yet"), *State.choices])
    reason = forms.ChoiceField(label="Reason", choices=[("", "Any"), *Refund.Reason.choices])

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return `queryset` with the chosen filters applied."""
        chosen = self.cleaned_data
        if chosen["state"] == "open":
            queryset = queryset.filter(~Q(state__in=["returned", "refused", "failed"]))
        elif chosen["state"]:
            queryset = queryset.filter(state=chosen["state"])
        return queryset.filter(reason=chosen["reason"]) if chosen["reason"] else queryset


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    """Newest first. Requested on the deposit's page; a second person decides here."""

    filter_form = RefundFilters
    subject_kind = "refund"
    search_hint = "A refund's reference, or any of its deposit"
    list_display = ("refund", "deposit_link", "amount", "state_badge", "why", "asked_by", "age")
    list_select_related = ("deposit", "requested_by")

    @admin.display(description="Refund")
    def refund(self, refund: Refund) -> Fact:
        return cell(refund.reference, reverse("admin:deposits_refund_change", args=[refund.pk]))

    @admin.display(description="Deposit")
    def deposit_link(self, refund: Refund) -> Fact:
        return cell(
            refund.deposit.reference, reverse("admin:deposits_deposit_change", args=[refund.deposit_id])
        )

    @admin.display(description="Amount")
    def amount(self, refund: Refund) -> str:
        return format_money(refund.amount_minor, refund.currency)

    @admin.display(description="State")
    def state_badge(self, refund: Refund) -> Fact:
        return cell(refund.get_state_display(), colour=COLOURS.get(refund.state, "default"))

    @admin.display(description="Reason")
    def why(self, refund: Refund) -> str:
        return refund.get_reason_display()

    @admin.display(description="Requested by")
    def asked_by(self, refund: Refund) -> str:
        return str(refund.requested_by or refund.client)

    @admin.display(description="Open for")
    def age(self, refund: Refund) -> str:
        return words.span(((refund.resolved_at or timezone.now()) - refund.created_at).total_seconds())

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        deposits = list(Deposit.objects.filter(matching(text)).values_list("pk", flat=True)[:_NEWEST])
        return queryset.filter(Q(reference=text.strip().upper()) | Q(deposit__in=deposits))

    def quick_links(self) -> list[tuple[str, str]]:
        return [
            ("All", ""),
            ("Waits for a second person", "state=requested"),
            ("Not ended yet", "state=open"),
            ("In review", "state=review"),
        ]

    def page(self, request: HttpRequest, row: Any) -> Page:
        refund: Refund = row
        buttons = [
            (f"{act.capitalize()}…", reverse(f"admin:deposits_refund_{act}", args=[refund.pk]))
            for act in refund_acts.possible(request, refund)
        ]
        tables = [
            _events(refund),
            _attempts(refund),
            _bookings(refund),
            audit_table("deposit", refund.deposit.reference),
        ]
        return Page(f"Refund {refund.reference}", _facts(refund), tables, buttons)

    def get_urls(self) -> list[URLPattern]:
        acts = [
            path(
                f"<uuid:refund_id>/{act}/",
                self.admin_site.admin_view(refund_acts.decide_view(self, act)),
                name=f"deposits_refund_{act}",
            )
            for act in ("approve", "reject")
        ]
        return [*acts, *super().get_urls()]


def refunds_table(deposit: Deposit) -> Table:
    """Return the refunds of a deposit, newest first, for its page."""
    rows = [
        [
            cell(refund.reference, reverse("admin:deposits_refund_change", args=[refund.pk])),
            cell(format_money(refund.amount_minor, refund.currency)),
            cell(refund.get_state_display(), colour=COLOURS.get(refund.state, "default")),
            cell(refund.get_reason_display()),
            cell(str(refund.requested_by or refund.client)),
            cell(refund.created_at),
        ]
        for refund in deposit.refunds.select_related("requested_by").order_by("-id")[:_NEWEST]
    ]
    return Table("Refunds", ("Refund", "Amount", "State", "Reason", "Requested by", "When"), rows)


def _facts(refund: Refund) -> list[Fact]:
    deposit = refund.deposit
    return [
        Fact("State", refund.get_state_display(), colour=COLOURS.get(refund.state, "default")),
        Fact("Reference", refund.reference),
        Fact("Id", public_refund_id(refund.pk)),
        Fact("Deposit", deposit.reference, reverse("admin:deposits_deposit_change", args=[deposit.pk])),
        Fact("Amount", format_money(refund.amount_minor, refund.currency)),
        Fact("By way of", words.network(refund.carrier)),
        Fact("Reason", refund.get_reason_display()),
        Fact("Note", refund.note),
        Fact("Beyond the balance", "yes" if refund.beyond_balance else ""),
        Fact("Requested by", str(refund.requested_by or refund.client)),
        Fact("Decided by", str(refund.decided_by or "")),
        Fact("Their id of it", refund.carrier_refund_id),
        Fact("Their code", refund.carrier_code),
        Fact("Requested", refund.created_at),
        Fact("First sent", refund.first_sent_at),
        Fact("Ended", refund.resolved_at),
        Fact("Next", None if State(refund.state) in FINAL else refund.next_action_at),
        Fact("Idempotency key", refund.idempotency_key),
        Fact("Request id", refund.request_id),
    ]


def _events(refund: Refund) -> Table:
    rows = [
        [
            cell(event.at),
            cell(event.get_event_display()),
            cell(f"{event.get_from_state_display()} → {event.get_to_state_display()}"),
            cell(" ".join(filter(None, (event.actor_kind, event.actor)))),
            cell(event.detail),
        ]
        for event in refund.events.order_by("id")
    ]
    return Table("Timeline", ("When", "What", "State", "Who", "Why"), rows)


def _attempts(refund: Refund) -> Table:
    rows = [
        [
            cell(attempt.started_at),
            cell(f"{attempt.epoch}: {attempt.get_step_display()}"),
            cell(attempt.outcome.replace("_", " ") if attempt.finished_at else "no answer recorded"),
            cell(attempt.detail, under=_wire(attempt.exchanges)),
            cell(attempt.worker),
        ]
        for attempt in refund.attempts.order_by("-epoch")[:_NEWEST]
    ]
    return Table("Attempts", ("When", "Attempt", "Outcome", "Detail", "Worker"), rows)


def _wire(exchanges: Any) -> str:
    """What went over the wire, in short: "POST /payments/…/refunds 201"."""
    listed = exchanges if isinstance(exchanges, list) else []
    return "; ".join(
        f"{one.get('method')} {str(one.get('path')).partition('?')[0]} {one.get('status') or one.get('error')}"
        for one in listed
        if isinstance(one, dict)
    )


def _bookings(refund: Refund) -> Table:
    entries = LedgerEntry.objects.filter(source=refund.pk).prefetch_related("postings__account")
    rows = [
        [
            cell(entry.created_at),
            cell(entry.kind.replace("_", " "), reverse("admin:accounts_ledgerentry_change", args=[entry.pk])),
            cell(
                "; ".join(
                    f"{posting.account.kind.replace('_', ' ')} {posting.amount_minor / 100:+.2f}"
                    for posting in entry.postings.all()
                )
            ),
        ]
        for entry in entries.order_by("id")
    ]
    return Table("Ledger", ("When", "Entry", "Lines"), rows)
