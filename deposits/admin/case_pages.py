"""The review queue and the page of a case: the evidence side by side, and the acts of two people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.admin.filters import FilterForm
from accounts.admin.pages import Fact, Page, Table, audit_table, cell
from accounts.admin.read_only import ReadOnlyAdmin
from accounts.models import LedgerEntry
from deposits.admin import case_acts, words
from deposits.admin.search import matching
from deposits.formats import format_money
from deposits.models import Case, Deposit, Refund, SettlementFile, SettlementLine

STATE_COLOURS = {Case.State.OPEN: "warning", Case.State.PROPOSED: "primary", Case.State.CLOSED: "default"}
_NEWEST = 20
_ANY = ("", "Any")


class CaseFilters(FilterForm):
    """The queue is what is not closed; whose, which kind, and what is overdue."""

    state = forms.ChoiceField(
        label="State", choices=[("", "Not closed"), *Case.State.choices, ("all", "All")]
    )
    kind = forms.ChoiceField(label="Kind", choices=[_ANY, *Case.Kind.choices])
    overdue = forms.BooleanField(label="Overdue only")
    owner = forms.IntegerField(widget=forms.HiddenInput)

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return `queryset` with the chosen filters applied."""
        chosen = self.cleaned_data
        if not chosen["state"]:
            queryset = queryset.filter(~Q(state=Case.State.CLOSED))
        elif chosen["state"] != "all":
            queryset = queryset.filter(state=chosen["state"])
        if chosen["kind"]:
            queryset = queryset.filter(kind=chosen["kind"])
        if chosen["owner"]:
            queryset = queryset.filter(owner=chosen["owner"])
        return queryset.filter(due_at__lt=Now()) if chosen["overdue"] else queryset


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    """Oldest first. What a case is about is written by the product; people own it, propose and confirm."""

    filter_form = CaseFilters
    subject_kind = "case"
    newest_first = ("id",)
    search_hint = "Any reference of its deposit"
    list_display = ("case", "subject_link", "state_badge", "age", "due", "owned_by", "proposal")
    list_select_related = ("deposit", "owner", "proposed_by")

    @admin.display(description="Case")
    def case(self, case: Case) -> Fact:
        return cell(case.get_kind_display(), reverse("admin:deposits_case_change", args=[case.pk]))

    @admin.display(description="About")
    def subject_link(self, case: Case) -> Fact:
        link = reverse("admin:deposits_deposit_change", args=[case.deposit_id]) if case.deposit_id else ""
        return cell(case.subject, link)

    @admin.display(description="State")
    def state_badge(self, case: Case) -> Fact:
        return cell(case.get_state_display(), colour=STATE_COLOURS[Case.State(case.state)])

    @admin.display(description="Open for")
    def age(self, case: Case) -> str:
        return words.span(((case.closed_at or timezone.now()) - case.opened_at).total_seconds())

    @admin.display(description="Due")
    def due(self, case: Case) -> Fact:
        if case.state == Case.State.CLOSED:
            return cell(case.due_at)
        left_s = (case.due_at - timezone.now()).total_seconds()
        late = left_s < 0
        return cell(
            f"{words.span(abs(left_s))} {'overdue' if late else 'left'}",
            colour="danger" if late else "default",
        )

    @admin.display(description="Owner")
    def owned_by(self, case: Case) -> str:
        return owner_of(case)

    @admin.display(description="Proposed")
    def proposal(self, case: Case) -> Fact:
        by = f"by {case.proposed_by}" if case.proposed_by else ""
        return cell(case.get_resolution_display() if case.resolution else "–", under=by)

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        deposits = list(Deposit.objects.filter(matching(text)).values_list("pk", flat=True)[:_NEWEST])
        return queryset.filter(deposit__in=deposits)

    def quick_links(self) -> list[tuple[str, str]]:
        return [
            ("Queue", ""),
            ("Overdue", "overdue=on"),
            ("Waits for a second person", "state=proposed"),
            ("Closed", "state=closed"),
        ]

    def page(self, request: HttpRequest, row: Any) -> Page:
        case: Case = row
        tables = [*(_evidence(case.deposit) if case.deposit else ()), audit_table("case", str(case.pk))]
        buttons = [
            (label, reverse(f"admin:deposits_case_{act}", args=[case.pk]))
            for act, label in case_acts.possible(request, case)
        ]
        return Page(f"Case {case.pk}: {case.get_kind_display()}", _facts(case), tables, buttons)

    def get_urls(self) -> list[URLPattern]:
        acts = [
            path(
                f"<int:case_id>/{act}/",
                self.admin_site.admin_view(case_acts.view_of(self, act)),
                name=f"deposits_case_{act}",
            )
            for act in case_acts.ACTS
        ]
        return [*acts, *super().get_urls()]


def owner_of(case: Case) -> str:
    """Return who answers for the case: a person, or a role until somebody has taken it."""
    return str(case.owner) if case.owner else f"role {case.owner_role}"


def _facts(case: Case) -> list[Fact]:
    deposit = case.deposit
    link = reverse("admin:deposits_deposit_change", args=[case.deposit_id]) if deposit else ""
    facts = [
        Fact("State", case.get_state_display(), colour=STATE_COLOURS[Case.State(case.state)]),
        Fact("About", case.subject, _refund_of(case) or link),
        Fact("Owner", owner_of(case)),
        Fact("Opened", case.opened_at),
        Fact("Due", case.due_at),
        Fact("Proposed", case.get_resolution_display() if case.proposed_by else ""),
        Fact("Proposed by", str(case.proposed_by or "")),
        Fact("Proposed because", case.proposal_reason),
        Fact("Closed", case.closed_at),
        Fact("Closed as", case.get_resolution_display() if case.closed_at else ""),
        Fact("Closed by", str(case.closed_by) if case.closed_by else "the system" if case.closed_at else ""),
        Fact("Closed because", case.closing_reason),
    ]
    if deposit is not None:
        facts += [
            Fact("Deposit is", deposit.get_state_display(), colour=words.STATE_COLOURS[deposit.state]),
            Fact("Amount", format_money(deposit.amount_minor, deposit.currency)),
            Fact(
                "Taken by the carrier",
                None if deposit.taken_minor is None else format_money(deposit.taken_minor, deposit.currency),
            ),
            Fact("Next", words.next_step(deposit, timezone.now())),
            Fact("Settlement files", _settlement_in_short(deposit)),
        ]
    known_then = [(name, value) for name, value in case.evidence.items() if value not in (None, "")]
    return facts + [Fact(f"When opened: {name.replace('_', ' ')}", str(value)) for name, value in known_then]


def _refund_of(case: Case) -> str:
    """The address of the refund that a case is about; "" for one about something else."""
    if case.kind != Case.Kind.REFUND:
        return ""
    refund = Refund.objects.get(reference=case.subject)
    return reverse("admin:deposits_refund_change", args=[refund.pk])


def _settlement_in_short(deposit: Deposit) -> str:
    """Files since the first send, and lines in them: absence is told, and proves nothing by itself."""
    since = (deposit.first_sent_at or deposit.created_at).date()
    files = SettlementFile.objects.filter(carrier=deposit.carrier, day__gte=since).count()
    lines = SettlementLine.objects.filter(file__carrier=deposit.carrier, reference=deposit.reference).count()
    return f"{lines} lines in {files} files since {since}"


def _evidence(deposit: Deposit) -> list[Table]:
    attempts = [
        [
            cell(attempt.started_at),
            cell(attempt.get_step_display()),
            cell("no answer recorded" if attempt.finished_at is None else attempt.outcome.replace("_", " ")),
            cell(attempt.detail),
        ]
        for attempt in deposit.attempts.order_by("-epoch")[:_NEWEST]
    ]
    told = [
        [cell(one.received_at), cell(one.kind), cell(one.payment_id)]
        for one in deposit.notifications.order_by("-id")[:_NEWEST]
    ]
    lines = [
        [
            cell(line.day.isoformat(), reverse("admin:deposits_settlementfile_change", args=[line.file_id])),
            cell(line.kind),
            cell(format_money(line.amount_minor, line.currency)),
            cell(line.payment_id),
        ]
        for line in SettlementLine.objects.filter(
            file__carrier=deposit.carrier, reference=deposit.reference
        ).order_by("-id")[:_NEWEST]
    ]
    booked = [
        [
            cell(entry.created_at),
            cell(entry.kind.replace("_", " "), reverse("admin:accounts_ledgerentry_change", args=[entry.pk])),
            cell(entry.description),
        ]
        for entry in LedgerEntry.objects.filter(source=deposit.pk)
    ]
    return [
        Table("What the carrier answered", ("When", "Asked to", "Answer", "Detail"), attempts),
        Table("What it notified", ("When", "Kind", "Payment"), told),
        Table("What it settled", ("Day", "Kind", "Amount", "Payment"), lines),
        Table("What is booked", ("When", "Kind", "Description"), booked),
    ]
