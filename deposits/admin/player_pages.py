"""Players: who they are, what they have, their limits and their newest deposits. Numbers are masked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils import timezone

from accounts.admin.filters import FilterForm
from accounts.admin.pages import Fact, Page, Table, audit_table, cell
from accounts.admin.read_only import ReadOnlyAdmin
from accounts.models import LedgerAccount, Partner, Player, PlayerPhone
from carriers import registry
from carriers.redaction import mask_msisdn
from deposits.actions.eligibility import bar_of, eligibility
from deposits.admin import closed_loop, player_access, player_acts, words
from deposits.admin.player_acts import LIMIT_CURRENCY
from deposits.formats import format_money
from deposits.models import Deposit

_NEWEST_DEPOSITS = 50
_MOST_NAMESAKES = 200
_MOST_PARTNERS = 200


class PlayerFilters(FilterForm):
    """By partner."""

    partner = forms.ModelChoiceField(Partner.objects.order_by("name"), label="Partner", empty_label="Any")

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return `queryset` with the chosen filter applied."""
        partner = self.cleaned_data["partner"]
        return queryset.filter(partner=partner) if partner else queryset


@admin.register(Player)
class PlayerAdmin(ReadOnlyAdmin):
    """Read only: what changes a player goes through the product (player_acts.py), never through a form."""

    filter_form = PlayerFilters
    subject_kind = "player"
    search_hint = "Partner's name for the player, or a phone number with +44…"
    list_display = ("name", "partner", "phone_numbers", "balance", "blocked", "created_at")
    list_select_related = ("partner",)

    def get_queryset(self, request: HttpRequest | None) -> QuerySet[Any]:
        """Players with their phones and balances, in two more queries for a whole page."""
        own = LedgerAccount.objects.filter(kind=LedgerAccount.Kind.PLAYER)
        return Player.objects.prefetch_related("phones", Prefetch("ledger_accounts", own, to_attr="purses"))

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        number = f"+{text.strip().lstrip('+').replace(' ', '')}"
        # Read at once: as a part of the query it would cost the index of both.
        holders = list(
            PlayerPhone.objects.filter(number=number).values_list("player", flat=True)[:_MOST_NAMESAKES]
        )
        return queryset.filter(Q(external_id=text.strip()) | Q(pk__in=holders))

    @admin.display(description="Player")
    def name(self, player: Player) -> Fact:
        return cell(player.external_id, reverse("admin:accounts_player_change", args=[player.pk]))

    @admin.display(description="Phones")
    def phone_numbers(self, player: Player) -> str:
        return ", ".join(mask_msisdn(phone.number) for phone in player.phones.all()) or "–"

    @admin.display(description="Balance")
    def balance(self, player: Any) -> str:
        return ", ".join(format_money(purse.balance_minor, purse.currency) for purse in player.purses) or "–"

    @admin.display(description="Blocked")
    def blocked(self, player: Player) -> Fact:
        if player.blocked_at:
            return cell("blocked", colour="danger")
        return cell("owes us", colour="warning") if player.flagged_at else cell("–")

    def page(self, request: HttpRequest, row: Any) -> Page:
        player: Player = row
        facts = [
            Fact("Player", player.external_id),
            Fact(
                "Partner",
                player.partner.name,
                reverse("admin:accounts_partner_change", args=[player.partner_id]),
            ),
            Fact("Balance", self.balance(player)),
            Fact("Jurisdiction", player.jurisdiction),
            Fact("Identity", player.get_identity_state_display()),
            Fact("Of age from", player.of_age_on.isoformat() if player.of_age_on else None),
            Fact("May deposit", _standing(player)),
            Fact("Past the vulnerability threshold since", player.vulnerable_at),
            Fact("Deposits wait for a look since", player.held_at),
            Fact("Looked at by two people", player.checked_at),
            Fact("Blocked since", player.blocked_at),
            Fact("Owes us since", player.flagged_at),
            Fact("Asked before each deposit since", player.look_twice_at),
            Fact("Known since", player.created_at),
        ]
        tables = [
            _own_limits(player),
            _phones(player),
            _breaks(player),
            *player_access.tables(request, player),
            *closed_loop.tables(player),
            _deposits(player),
            audit_table(self.subject_kind, self.subject(player)),
        ]
        return Page(f"Player {player.external_id}", facts, tables, player_acts.buttons(request, player))

    def get_urls(self) -> list[URLPattern]:
        return [*player_acts.urls(self), *player_access.urls(self), *super().get_urls()]


def _own_limits(player: Player) -> Table:
    """What the player has set for himself, and how it stands in the currency of the page."""
    profile = next(
        (one for one in registry.registry().profiles.values() if LIMIT_CURRENCY in one.currencies), None
    )
    rows = []
    if profile is not None:
        stands = eligibility(player.partner_id, player, profile, LIMIT_CURRENCY, "", "")
        rows = [list(map(cell, words.standing(one, LIMIT_CURRENCY))) for one in stands.own]
    return Table("Own limits", ("Limit", "Used"), rows)


def _standing(player: Player) -> str:
    """ "yes", or what stands in the way and until when."""
    bar = bar_of(player)
    if bar is None:
        return "yes"
    until = f", until {timezone.localtime(bar.ends_at):%Y-%m-%d %H:%M}" if bar.ends_at else ""
    return f"no: {words.reason_title(bar.code).lower()}{until}"


def _breaks(player: Player) -> Table:
    rows = [
        [cell(one.get_kind_display()), cell(one.begins_at), cell(one.ends_at), cell(one.actor_kind)]
        for one in player.protections.order_by("-id")
    ]
    return Table("Breaks and exclusions, which nobody can end early", ("Kind", "From", "Until", "By"), rows)


def _phones(player: Player) -> Table:
    rows = [
        [cell(mask_msisdn(phone.number)), cell(phone.verified_at or "not yet"), cell(phone.created_at)]
        for phone in player.phones.order_by("id")
    ]
    return Table("Phone numbers", ("Number", "Shown to be theirs", "Known since"), rows)


def _deposits(player: Player) -> Table:
    newest = Deposit.objects.filter(player=player).order_by("-created_at", "-id")[:_NEWEST_DEPOSITS]
    rows = [
        [
            cell(deposit.reference, reverse("admin:deposits_deposit_change", args=[deposit.pk])),
            cell(deposit.created_at),
            cell(format_money(deposit.amount_minor, deposit.currency)),
            cell(deposit.get_state_display(), colour=words.STATE_COLOURS.get(deposit.state, "default")),
            cell(words.reason_title(deposit.reason_code) if deposit.reason_code else ""),
            cell(words.answered_in(deposit)),
        ]
        for deposit in newest
    ]
    columns = ("Reference", "Created", "Amount", "State", "Reason", "Answered in")
    more = f"{reverse('admin:deposits_deposit_changelist')}?player={player.pk}"
    return Table(f"Deposits, newest {_NEWEST_DEPOSITS}", columns, rows, more=more)
