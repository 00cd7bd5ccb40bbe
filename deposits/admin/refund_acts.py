"""What people do about refunds: request one of a deposit, approve or reject what another person has requested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from unfold.admin import ModelAdmin

from accounts import ledger
from accounts.admin.forms import ActForm, act_page
from carriers import registry
from deposits.actions.command import Caller
from deposits.actions.refunds import approve
from deposits.actions.refunds.request import (
    RefundRequest,
    credited_minor,
    left_minor,
    needs_second_person,
    request,
)
from deposits.actions.refusal import NotPossibleNow, Refusal
from deposits.admin.case_acts import clerk_of
from deposits.formats import format_money
from deposits.models import Deposit, Refund
from deposits.refund_states import State
from deposits.refunds_shown import will_read

REQUEST, APPROVE = "deposits.add_refund", "deposits.approve_refund"
#: Who has only REQUEST may ask for what one person decides, and for no more.
REQUEST_ANY = "deposits.request_large_refund"


class RefundForm(ActForm):
    """How much, why from a list, and a note; `reason` of the base is the note."""

    amount = forms.DecimalField(label="Amount", min_value=0, max_digits=9, decimal_places=2, localize=False)
    why = forms.ChoiceField(
        label="Reason", choices=[(one.value, str(one.label).capitalize()) for one in Refund.Reason]
    )
    beyond_balance = forms.BooleanField(
        label="Refund even what the balance does not cover",
        required=False,
        help_text="The player owes us the rest. Always for a second person.",
    )
    field_order = ("amount", "why", "reason", "beyond_balance")

    def __init__(self, http: HttpRequest, deposit: Deposit) -> None:
        super().__init__(http)
        self._deposit = deposit
        self.fields["reason"].label = "Note"
        self.initial["amount"] = f"{left_minor(deposit) / 100:.2f}"
        self.fields["amount"].widget.attrs.update({"inputmode": "decimal", "autofocus": True})

    def clean(self) -> dict[str, Any]:
        """Refuse what is above the line to who may not ask for it."""
        given = self.cleaned_data
        above = "amount" in given and needs_second_person(
            self._deposit, int(given["amount"] * 100), beyond_balance=given.get("beyond_balance", False)
        )
        if above and not self.request.user.has_perm(REQUEST_ANY):
            line = format_money(settings.REFUND_ALONE_MINOR, self._deposit.currency)
            self.add_error(
                "amount",
                f"You may refund up to {line} of a deposit in all, and no more than the balance covers. "
                "Ask somebody who may request more.",
            )
        return super().clean()


def may_request(http: HttpRequest, deposit: Deposit) -> bool:
    """Whether this person can ask for a refund of the deposit as it is."""
    return (
        http.user.has_perm(REQUEST)
        and registry.offers_refunds(deposit.carrier)
        and credited_minor(deposit) > 0
        and left_minor(deposit) > 0
    )


def request_view(admin: ModelAdmin) -> Callable[..., HttpResponse]:
    """Return the view that asks for a refund of one deposit."""

    def view(http: HttpRequest, deposit_id: UUID) -> HttpResponse:
        if not http.user.has_perm(REQUEST):
            raise PermissionDenied
        deposit = get_object_or_404(Deposit.objects.select_related("player"), pk=deposit_id)
        back = HttpResponseRedirect(reverse("admin:deposits_deposit_change", args=[deposit_id]))
        if not may_request(http, deposit):
            messages.error(http, "Nothing of this deposit can be refunded.")
            return back
        form = RefundForm(http, deposit)
        if http.method == "POST" and form.is_valid():
            try:
                refund = _request(http, deposit, form.cleaned_data)
            except (Refusal, NotPossibleNow) as refusal:
                messages.error(http, str(refusal))
            else:
                waits = refund.state == State.REQUESTED
                messages.success(
                    http,
                    f"Refund {refund.reference} "
                    + ("waits for a second person." if waits else "is being sent."),
                )
            return back
        title = f"Refund {deposit.reference}"
        told = _explanation(deposit, may_ask_for_all=http.user.has_perm(REQUEST_ANY))
        return act_page(admin, http, form, title=title, explanation=told, button="Refund")

    return view


def decide_view(admin: ModelAdmin, act: str) -> Callable[..., HttpResponse]:
    """Return the view of the second person's "approve" or "reject"."""

    def view(http: HttpRequest, refund_id: UUID) -> HttpResponse:
        refund = get_object_or_404(Refund.objects.select_related("deposit", "requested_by"), pk=refund_id)
        if act not in possible(http, refund):
            raise PermissionDenied
        form = ActForm(http)
        if http.method == "POST" and form.is_valid():
            do = approve.approve if act == "approve" else approve.reject
            try:
                do(refund.pk, clerk_of(http), form.cleaned_data["reason"])
                messages.success(
                    http, f"Refund {refund.reference} is {act}{'d' if act[-1] == 'e' else 'ed'}."
                )
            except (Refusal, NotPossibleNow) as refusal:
                messages.error(http, str(refusal))
            return HttpResponseRedirect(reverse("admin:deposits_refund_change", args=[refund_id]))
        told = (
            f"{refund.requested_by} asks to refund {format_money(refund.amount_minor, refund.currency)} of "
            f"{refund.deposit.reference}: {refund.get_reason_display()}. “{refund.note}” "
            f"The player will read: {will_read(refund.amount_minor, refund.deposit)}"
        )
        button = act.capitalize()
        return act_page(
            admin, http, form, title=f"{button} {refund.reference}", explanation=told, button=button
        )

    return view


def possible(http: HttpRequest, refund: Refund) -> list[str]:
    """Return which of "approve" and "reject" this person can do with the refund as it is; never approve one's own."""
    if refund.state != State.REQUESTED:
        return []
    own = refund.requested_by_id == http.user.pk
    if own:
        return ["reject"]
    return ["approve", "reject"] if http.user.has_perm(APPROVE) else []


def _request(http: HttpRequest, deposit: Deposit, given: dict[str, Any]) -> Refund:
    by = clerk_of(http)
    return request(
        RefundRequest(
            deposit_id=deposit.pk,
            amount_minor=int(given["amount"] * 100),
            reason=Refund.Reason(given["why"]),
            note=given["reason"],
            caller=Caller(client=f"staff:{by.user_id}", kind="staff", actor=by.name),
            idempotency_key=given["once"],
            by=by,
            beyond_balance=given["beyond_balance"],
            request_id=by.request_id,
        )
    ).refund


def _explanation(deposit: Deposit, *, may_ask_for_all: bool) -> str:
    """Amount left, effect on the balance, what the player will read, and whether a second person has to agree."""
    left = left_minor(deposit)
    balance = ledger.player_balance_minor(deposit.player_id, deposit.currency)
    money = format_money(left, deposit.currency)
    alone = not needs_second_person(deposit, left, beyond_balance=False)
    what = "a second person has to approve it" if may_ask_for_all else "somebody else has to request it"
    return (
        f"{money} of {format_money(credited_minor(deposit), deposit.currency)} is left to refund. "
        f"The balance of {deposit.player.external_id} is {format_money(balance, deposit.currency)}; "
        f"after all of it {format_money(balance - left, deposit.currency)}. "
        f"The player will read: “{will_read(left, deposit)}” "
        + ("" if alone else f"All of it is above the line: {what}.")
    )
