"""Settlement files, their lines, and what each was found to mean. Read only; `manage.py settlement` imports."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.admin.filters import FilterForm
from accounts.admin.pages import Fact, Page, Table, cell
from accounts.admin.read_only import ReadOnlyAdmin
from deposits.admin import words
from deposits.formats import format_money
from deposits.models import SettlementFile, SettlementFinding, SettlementLine

_NO_DIFFERENCE = (SettlementFinding.Verdict.MATCHED, SettlementFinding.Verdict.CREDITED)
_SHOWN = 50


class FileFilters(FilterForm):
    """By file."""

    file = forms.IntegerField(widget=forms.HiddenInput)

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return `queryset` with the chosen filter applied."""
        return queryset.filter(file=self.cleaned_data["file"]) if self.cleaned_data["file"] else queryset


class FindingFilters(FileFilters):
    """Differences only, unless a verdict is asked for."""

    verdict = forms.ChoiceField(
        label="Verdict", choices=[("", "Differences"), *SettlementFinding.Verdict.choices]
    )

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return `queryset` with the chosen filters applied."""
        queryset = super().narrow(queryset)
        if chosen := self.cleaned_data["verdict"]:
            return queryset.filter(verdict=chosen)
        return queryset.filter(~Q(verdict__in=_NO_DIFFERENCE))


@admin.register(SettlementFile)
class SettlementFileAdmin(ReadOnlyAdmin):
    """One row for each file."""

    list_display = ("file", "carrier_name", "name", "lines_count", "differences", "imported_at", "closed_at")

    @admin.display(description="Day")
    def file(self, file: SettlementFile) -> Fact:
        return cell(file.day.isoformat(), reverse("admin:deposits_settlementfile_change", args=[file.pk]))

    @admin.display(description="Carrier")
    def carrier_name(self, file: SettlementFile) -> str:
        return words.network(file.carrier)

    @admin.display(description="Differences")
    def differences(self, file: SettlementFile) -> str:
        return str(file.findings.exclude(verdict__in=_NO_DIFFERENCE).count())

    def page(self, request: HttpRequest, row: Any) -> Page:
        file: SettlementFile = row
        facts = [
            Fact("Carrier", words.network(file.carrier)),
            Fact("Day", file.day.isoformat()),
            Fact("Name", file.name),
            Fact("SHA-256", file.sha256),
            Fact(
                "Lines",
                str(file.lines_count),
                f"{reverse('admin:deposits_settlementline_changelist')}?file={file.pk}",
            ),
            Fact("Imported", file.imported_at),
            Fact("Imported by", file.imported_by),
            Fact("Looked for what is missing", file.closed_at),
        ]
        differences = file.findings.exclude(verdict__in=_NO_DIFFERENCE).select_related(
            "line", "deposit", "case"
        )
        rows = [
            [
                cell(
                    str(finding.line.number) if finding.line else "–",
                    reverse("admin:deposits_settlementfinding_change", args=[finding.pk]),
                ),
                cell(finding.get_verdict_display()),
                cell(_reference(finding)),
                cell(finding.detail),
                _case_cell(finding),
            ]
            for finding in differences.order_by("id")[:_SHOWN]
        ]
        more = f"{reverse('admin:deposits_settlementfinding_changelist')}?file={file.pk}"
        table = Table("Differences", ("Line", "What", "Reference", "Detail", "Case"), rows, more)
        return Page(f"Settlement file {file}", facts, [table])


@admin.register(SettlementLine)
class SettlementLineAdmin(ReadOnlyAdmin):
    """Lines as the carrier wrote them."""

    filter_form = FileFilters
    search_hint = "Our reference, or the carrier's payment id"
    list_display = ("number_link", "day", "reference", "payment_id", "amount", "kind")
    list_select_related = ("file",)

    @admin.display(description="Line")
    def number_link(self, line: SettlementLine) -> Fact:
        return cell(str(line), reverse("admin:deposits_settlementline_change", args=[line.pk]))

    @admin.display(description="Amount")
    def amount(self, line: SettlementLine) -> str:
        return format_money(line.amount_minor, line.currency)

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return queryset.filter(Q(reference=text.strip()) | Q(payment_id=text.strip()))

    def page(self, request: HttpRequest, row: Any) -> Page:
        line: SettlementLine = row
        finding = SettlementFinding.objects.filter(line=line).first()
        facts = [
            Fact(
                "File", str(line.file), reverse("admin:deposits_settlementfile_change", args=[line.file_id])
            ),
            Fact("Line", str(line.number)),
            Fact("Date", line.day.isoformat()),
            Fact("Reference", line.reference),
            Fact("Carrier's payment id", line.payment_id),
            Fact("Amount", format_money(line.amount_minor, line.currency)),
            Fact("Kind", line.kind),
            Fact("Found to be", finding.get_verdict_display() if finding else "not looked at yet"),
        ]
        return Page(f"Line {line.number}", facts)


@admin.register(SettlementFinding)
class SettlementFindingAdmin(ReadOnlyAdmin):
    """What was found, differences first of all."""

    filter_form = FindingFilters
    list_display = ("verdict_link", "file", "reference", "detail", "case_link", "found_at")
    list_select_related = ("file", "line", "deposit", "case")

    @admin.display(description="Verdict")
    def verdict_link(self, finding: SettlementFinding) -> Fact:
        link = reverse("admin:deposits_settlementfinding_change", args=[finding.pk])
        return cell(finding.get_verdict_display(), link)

    @admin.display(description="File")
    def file(self, finding: SettlementFinding) -> str:
        return str(finding.file)

    @admin.display(description="Reference")
    def reference(self, finding: SettlementFinding) -> str:
        return _reference(finding)

    @admin.display(description="Case")
    def case_link(self, finding: SettlementFinding) -> Fact:
        return _case_cell(finding)

    def page(self, request: HttpRequest, row: Any) -> Page:
        finding: SettlementFinding = row
        deposit, line, case = finding.deposit, finding.line, finding.case
        facts = [
            Fact("Verdict", finding.get_verdict_display()),
            Fact("Detail", finding.detail),
            Fact(
                "File",
                str(finding.file),
                reverse("admin:deposits_settlementfile_change", args=[finding.file_id]),
            ),
            Fact(
                "Line",
                str(line.number) if line else "",
                reverse("admin:deposits_settlementline_change", args=[line.pk]) if line else "",
            ),
            Fact(
                "Deposit",
                deposit.reference if deposit else "",
                reverse("admin:deposits_deposit_change", args=[deposit.pk]) if deposit else "",
            ),
            Fact(
                "Case",
                str(case) if case else "",
                reverse("admin:deposits_case_change", args=[case.pk]) if case else "",
            ),
            Fact("Found", finding.found_at),
        ]
        return Page(f"{finding.get_verdict_display().capitalize()}", facts)


def _reference(finding: SettlementFinding) -> str:
    if finding.deposit is not None:
        return finding.deposit.reference
    return finding.line.reference if finding.line else "–"


def _case_cell(finding: SettlementFinding) -> Fact:
    if finding.case is None:
        return cell("–")
    return cell(
        finding.case.get_state_display(), reverse("admin:deposits_case_change", args=[finding.case.pk])
    )
