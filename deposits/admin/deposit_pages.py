"""The list of deposits and the page of one: everything to be seen, nothing to be changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.admin.pages import Fact, Page, audit_table, cell
from accounts.admin.read_only import ReadOnlyAdmin
from carriers import registry
from carriers.redaction import mask_msisdn
from deposits import presentation
from deposits.actions.eligibility import eligibility
from deposits.admin import refund_acts, words
from deposits.admin.consent import consent_table
from deposits.admin.filters import DepositFilters
from deposits.admin.refund_pages import refunds_table
from deposits.admin.search import matching
from deposits.admin.timeline import timeline
from deposits.formats import format_money
from deposits.models import Deposit
from deposits.references import public_id


@admin.register(Deposit)
class DepositAdmin(ReadOnlyAdmin):
    """Find a deposit, and see what became of it."""

    filter_form = DepositFilters
    subject_kind = "deposit"
    page_template = "admin/deposits/deposit/page.html"
    list_display = (
        "reference_link",
        "created",
        "player_name",
        "amount",
        "state_badge",
        "why",
        "phone",
        "answered",
    )
    list_select_related = ("player", "partner")

    @admin.display(description="Reference")
    def reference_link(self, deposit: Deposit) -> Fact:
        return cell(deposit.reference, reverse("admin:deposits_deposit_change", args=[deposit.pk]))

    @admin.display(description="Created")
    def created(self, deposit: Deposit) -> Fact:
        at = timezone.localtime(deposit.created_at)
        return cell(f"{at:%H:%M:%S}", under=f"{at:%d %b %Y}")

    @admin.display(description="Player")
    def player_name(self, deposit: Deposit) -> Fact:
        return cell(deposit.player.external_id, under=deposit.partner.name)

    @admin.display(description="Amount")
    def amount(self, deposit: Deposit) -> str:
        return format_money(deposit.amount_minor, deposit.currency)

    @admin.display(description="State")
    def state_badge(self, deposit: Deposit) -> Fact:
        return cell(deposit.get_state_display(), colour=words.STATE_COLOURS.get(deposit.state, "default"))

    @admin.display(description="Reason")
    def why(self, deposit: Deposit) -> str:
        return words.reason_title(deposit.reason_code) if deposit.reason_code else "–"

    @admin.display(description="Paid with")
    def phone(self, deposit: Deposit) -> Fact:
        if deposit.method_type == registry.BANK:
            return cell("Bank", under=words.network(deposit.carrier))
        return cell(mask_msisdn(deposit.phone_number), under=words.network(deposit.carrier))

    @admin.display(description="Answered in")
    def answered(self, deposit: Deposit) -> str:
        return words.answered_in(deposit)

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return queryset.filter(matching(text))

    def quick_links(self) -> list[tuple[str, str]]:
        return [
            ("All", ""),
            ("Not ended yet", "state=open"),
            ("Stuck over 10 min", "view=stuck"),
            ("Outcome unknown", "state=unknown"),
            ("In review", "state=review"),
            ("Paid, not credited", "view=paid_not_credited"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, or at once the only deposit that a search names."""
        form = self.bound_filters(request) if request.GET.get("q") else None
        if form is not None and form.is_valid() and self.has_view_permission(request):
            text = form.cleaned_data["q"]
            found = list(Deposit.objects.filter(matching(text)).values_list("pk", flat=True)[:2])
            if len(found) == 1:
                return HttpResponseRedirect(reverse("admin:deposits_deposit_change", args=found))
        return super().changelist_view(request, extra_context)

    def get_urls(self) -> list[URLPattern]:
        refund = path(
            "<uuid:deposit_id>/refund/",
            self.admin_site.admin_view(refund_acts.request_view(self)),
            name="deposits_deposit_refund",
        )
        return [refund, *super().get_urls()]

    def find(self, key: str) -> Deposit | None:
        """By id or reference, so that a link can be typed."""
        found = Deposit.objects.select_related("player", "partner").filter(matching(key))[:2]
        return found[0] if len(found) == 1 else None

    def subject(self, row: Any) -> str:
        reference: str = row.reference
        return reference

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what the page of one deposit shows."""
        deposit: Deposit = row
        return {
            "title": f"Deposit {deposit.reference}",
            "deposit": deposit,
            "amount": format_money(deposit.amount_minor, deposit.currency),
            "colour": words.STATE_COLOURS.get(deposit.state, "default"),
            "status": presentation.status(deposit).replace("_", " "),
            "money": presentation.money(deposit),
            "answered_in": words.answered_in(deposit),
            "next_step": words.next_step(deposit, timezone.now()),
            "seen": words.player_sees(deposit),
            "page": _page(request, deposit),
            "limits": _limits(deposit),
            "timeline": timeline(deposit),
            "state_colours": words.STATE_COLOURS,
        }


def _page(request: HttpRequest, deposit: Deposit) -> Page:
    tables = [consent_table(deposit), audit_table("deposit", deposit.reference)]
    if deposit.refunds.exists():
        tables.insert(0, refunds_table(deposit))
    may_refund = refund_acts.may_request(request, deposit)
    refund = ("Refund…", reverse("admin:deposits_deposit_refund", args=[deposit.pk]))
    return Page("", _facts(deposit), tables, [refund] if may_refund else [])


def _facts(deposit: Deposit) -> list[Fact]:
    taken = deposit.taken_minor
    return [
        Fact("Reference", deposit.reference),
        Fact("Id", public_id(deposit.pk)),
        Fact(
            "Player",
            deposit.player.external_id,
            reverse("admin:accounts_player_change", args=[deposit.player_id]),
        ),
        Fact(
            "Partner",
            deposit.partner.name,
            reverse("admin:accounts_partner_change", args=[deposit.partner_id]),
        ),
        Fact("Partner's reference", deposit.partner_reference),
        *_method_facts(deposit),
        Fact("Reason", deposit.reason_code),
        Fact("Carrier's code", deposit.carrier_code),
        Fact(
            "Taken by the carrier",
            None if taken is None else format_money(taken, deposit.currency),
        ),
        Fact("Taken back by the carrier", deposit.reversed_at),
        Fact(
            "Returned by refunds",
            format_money(deposit.refunded_minor, deposit.currency) if deposit.refunded_minor else "",
        ),
        Fact("Created", deposit.created_at),
        Fact("First sent", deposit.first_sent_at),
        Fact("Last sent", deposit.last_sent_at if deposit.last_sent_at != deposit.first_sent_at else None),
        Fact("Ended", deposit.resolved_at),
        Fact("Claims by workers", str(deposit.tries)),
        Fact("Inquiries since the last send", str(deposit.inquiries) if deposit.inquiries else ""),
        Fact("Wrong codes", str(deposit.code_tries) if deposit.code_tries else ""),
        Fact("Counts towards limits of", deposit.counted_on.isoformat()),
        Fact("Player goes back to", deposit.return_url),
        Fact("Asked by", deposit.client),
        Fact("Idempotency key", deposit.idempotency_key),
        Fact("Request id", deposit.request_id),
    ]


def _method_facts(deposit: Deposit) -> list[Fact]:
    """How it is paid. What the player brought back from the bank, and what came of that, is secret and not here."""
    named = f"{words.network(deposit.carrier)} ({deposit.carrier})"
    if deposit.method_type == registry.BANK:
        return [
            Fact("Bank", named),
            Fact("Approval asked for as", deposit.consent_id),
            Fact("Approval is good until", deposit.action_expires_at),
            Fact("Player first came back", deposit.return_seen_at),
            Fact("Bank's payment id", deposit.carrier_payment_id),
        ]
    return [
        Fact("Phone", mask_msisdn(deposit.phone_number)),
        Fact("Carrier", named),
        Fact("Carrier's payment id", deposit.carrier_payment_id),
        Fact("Code is good until", deposit.action_expires_at),
    ]


def _limits(deposit: Deposit) -> list[tuple[str, str]]:
    """The limits that the deposit counts towards, as they stand now: (which, "£20.00 of £200.00 used")."""
    profile = registry.registry().profiles.get(deposit.carrier)
    if profile is None:
        return []
    stands = eligibility(
        deposit.partner_id,
        deposit.player,
        profile,
        deposit.currency,
        deposit.method_type,
        deposit.phone_number,
    )
    return [words.standing(one, deposit.currency) for one in (*stands.own, *stands.caps)]
