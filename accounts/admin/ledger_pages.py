"""The books: ledger accounts, entries and postings. The database refuses to change them, and so do these pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts import ledger
from accounts.admin.counting import within
from accounts.admin.filters import FilterForm
from accounts.admin.pages import Fact, Page, Table, cell, money
from accounts.admin.read_only import ReadOnlyAdmin
from accounts.models import LedgerAccount, LedgerEntry, Player, Posting

_NEWEST_POSTINGS = 50
_MOST_NAMESAKES = 200
#: Adding up a busy carrier's account may take longer than a page should.
_SUM_BUDGET_MS = 3_000


class LedgerAccountFilters(FilterForm):
    """By kind."""

    kind = forms.ChoiceField(label="Kind", choices=[("", "Any"), *LedgerAccount.Kind.choices])

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return `queryset` with the chosen filter applied."""
        kind = self.cleaned_data["kind"]
        return queryset.filter(kind=kind) if kind else queryset


class PostingFilters(FilterForm):
    """Those of one account."""

    account = forms.IntegerField(widget=forms.HiddenInput)

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return `queryset` with the chosen filter applied."""
        account = self.cleaned_data["account"]
        return queryset.filter(account=account) if account else queryset


def whose(account: LedgerAccount) -> str:
    """Return the player's or the carrier's name."""
    return account.player.external_id if account.player else account.carrier


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
    """Players' balances are kept; all others are added up on the account's own page."""

    filter_form = LedgerAccountFilters
    search_hint = "Partner's name for a player, or a carrier's code"
    list_display = ("account", "kind_text", "currency", "balance")
    list_select_related = ("player",)

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        players = list(
            Player.objects.filter(external_id=text.strip()).values_list("pk", flat=True)[:_MOST_NAMESAKES]
        )
        kinds = [kind for kind in LedgerAccount.Kind if kind != LedgerAccount.Kind.PLAYER]
        return queryset.filter(Q(player__in=players) | Q(kind__in=kinds, carrier=text.strip()))

    @admin.display(description="Whose")
    def account(self, account: LedgerAccount) -> Fact:
        return cell(whose(account), reverse("admin:accounts_ledgeraccount_change", args=[account.pk]))

    @admin.display(description="Kind")
    def kind_text(self, account: LedgerAccount) -> str:
        return account.get_kind_display()

    @admin.display(description="Balance")
    def balance(self, account: LedgerAccount) -> str:
        if account.kind == LedgerAccount.Kind.PLAYER:
            return money(account.balance_minor, account.currency)
        return "on its page"

    def page(self, request: HttpRequest, row: Any) -> Page:
        summed = within(_SUM_BUDGET_MS, lambda: ledger.balance_minor(row))
        facts = [
            Fact("Kind", row.get_kind_display()),
            Fact(
                "Whose",
                whose(row),
                reverse("admin:accounts_player_change", args=[row.player_id]) if row.player_id else "",
            ),
            Fact("Currency", row.currency),
            Fact(
                "Sum of postings",
                "too many to add up here" if summed is None else money(summed, row.currency),
            ),
        ]
        if row.kind == LedgerAccount.Kind.PLAYER:
            facts.append(Fact("Balance kept", money(row.balance_minor, row.currency)))
        return Page(f"Ledger account of {whose(row)}", facts, [_postings(row)])


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Movements. Corrections are entries of their own."""

    search_hint = "Entry number, or the id of its deposit (dep_…)"
    list_display = ("entry", "kind", "description", "created_at")

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        text = text.strip().removeprefix("dep_")
        if text.isdecimal() and len(text) < 19:
            return queryset.filter(pk=int(text))
        try:
            return queryset.filter(source=UUID(text))
        except ValueError:
            return queryset.none()

    @admin.display(description="Entry")
    def entry(self, entry: LedgerEntry) -> Fact:
        return cell(str(entry.pk), reverse("admin:accounts_ledgerentry_change", args=[entry.pk]))

    def page(self, request: HttpRequest, row: Any) -> Page:
        facts = [
            Fact("Entry", str(row.pk)),
            Fact("Kind", row.kind.replace("_", " ")),
            Fact("Cause", str(row.source), reverse("admin:deposits_deposit_change", args=[row.source])),
            Fact("Description", row.description),
            Fact("Booked", row.created_at),
        ]
        lines = [
            [
                cell(
                    whose(posting.account),
                    reverse("admin:accounts_ledgeraccount_change", args=[posting.account_id]),
                ),
                cell(posting.account.get_kind_display()),
                cell(money(posting.amount_minor, posting.currency)),
            ]
            for posting in row.postings.select_related("account__player").order_by("id")
        ]
        return Page(
            f"Ledger entry {row.pk}", facts, [Table("Postings", ("Account", "Kind", "Amount"), lines)]
        )


@admin.register(Posting)
class PostingAdmin(ReadOnlyAdmin):
    """Single lines, newest first."""

    filter_form = PostingFilters
    list_display = ("entry_link", "kind", "account_link", "amount", "booked")
    list_select_related = ("entry", "account__player")

    @admin.display(description="Entry")
    def entry_link(self, posting: Posting) -> Fact:
        return cell(
            str(posting.entry_id), reverse("admin:accounts_ledgerentry_change", args=[posting.entry_id])
        )

    @admin.display(description="Kind")
    def kind(self, posting: Posting) -> str:
        return posting.entry.kind.replace("_", " ")

    @admin.display(description="Account")
    def account_link(self, posting: Posting) -> Fact:
        address = reverse("admin:accounts_ledgeraccount_change", args=[posting.account_id])
        return cell(whose(posting.account), address)

    @admin.display(description="Amount")
    def amount(self, posting: Posting) -> str:
        return money(posting.amount_minor, posting.currency)

    @admin.display(description="Booked")
    def booked(self, posting: Posting) -> Any:
        return posting.entry.created_at

    def page(self, request: HttpRequest, row: Any) -> Page:
        facts = [
            Fact(
                "Entry", str(row.entry_id), reverse("admin:accounts_ledgerentry_change", args=[row.entry_id])
            ),
            Fact(
                "Account",
                whose(row.account),
                reverse("admin:accounts_ledgeraccount_change", args=[row.account_id]),
            ),
            Fact("Amount", money(row.amount_minor, row.currency)),
        ]
        return Page(f"Posting {row.pk}", facts)


def _postings(account: LedgerAccount) -> Table:
    newest = account.postings.select_related("entry").order_by("-id")[:_NEWEST_POSTINGS]
    rows = [
        [
            cell(
                str(posting.entry_id), reverse("admin:accounts_ledgerentry_change", args=[posting.entry_id])
            ),
            cell(posting.entry.kind.replace("_", " ")),
            cell(posting.entry.description),
            cell(posting.entry.created_at),
            cell(money(posting.amount_minor, posting.currency)),
        ]
        for posting in newest
    ]
    more = f"{reverse('admin:accounts_posting_changelist')}?account={account.pk}"
    columns = ("Entry", "Kind", "Description", "Booked", "Amount")
    return Table(f"Postings, newest {_NEWEST_POSTINGS}", columns, rows, more=more)
