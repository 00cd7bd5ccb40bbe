"""What people do with a case: take it, hand it over, ask the carrier, propose, confirm, send back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from unfold.admin import ModelAdmin

from accounts.admin.acts import address_of
from accounts.admin.forms import ActForm, act_page
from accounts.models import User
from deposits import doorbell, refund_transitions, transitions
from deposits.actions import cases, resolve
from deposits.actions.cases import Clerk
from deposits.actions.refusal import NotPossibleNow, Refusal
from deposits.deadlines import ROLES
from deposits.formats import format_money
from deposits.models import Case, Refund

_CHANGE, _CONFIRM = "deposits.change_case", "deposits.confirm_case"


class NoReasonForm(ActForm):
    """Nothing to say: pressing the button is the act."""

    reason = None  # type: ignore[assignment]  # removes the field


class HandOverForm(ActForm):
    """To whom; nobody in particular leaves it to the role."""

    owner = forms.ModelChoiceField(
        User.objects.filter(is_staff=True, is_active=True).order_by("username"),
        label="To",
        required=False,
        empty_label="Whoever takes it",
    )
    role = forms.ChoiceField(label="Role", choices=[(name, name) for name in ROLES])
    field_order = ("owner", "role", "reason")


class ProposeForm(ActForm):
    """What is to become of it, and why."""

    resolution = forms.ChoiceField(label="It ends as")
    field_order = ("resolution", "reason")

    def __init__(self, request: HttpRequest, case: Case) -> None:
        super().__init__(request)
        field = self.fields["resolution"]
        assert isinstance(field, forms.ChoiceField)
        allowed = resolve.RESOLUTIONS[Case.Kind(case.kind)]
        field.choices = [(one.value, str(one.label).capitalize()) for one in allowed]


class ConfirmForm(ActForm):
    """Carries what was read, so that a proposal that was replaced meanwhile is not confirmed."""

    resolution = forms.CharField(widget=forms.HiddenInput)
    field_order = ("reason",)

    def __init__(self, request: HttpRequest, case: Case) -> None:
        super().__init__(request)
        self.initial["resolution"] = case.resolution


@dataclass(frozen=True, slots=True)
class Act:
    """One act: its button, who may, which form asks for what, and what it does with the answers."""

    label: str
    permission: str
    form: Callable[[HttpRequest, Case], ActForm]
    do: Callable[[Case, Clerk, dict[str, Any]], None]
    done: str


def _take(case: Case, by: Clerk, _given: dict[str, Any]) -> None:
    cases.take(case.pk, by)


def _hand_over(case: Case, by: Clerk, given: dict[str, Any]) -> None:
    to = given["owner"].pk if given["owner"] else None
    cases.hand_over(case.pk, by, to, given["role"], given["reason"])


def _ask(case: Case, by: Clerk, _given: dict[str, Any]) -> None:
    assert case.deposit is not None
    with transaction.atomic():
        if case.kind == Case.Kind.REFUND:
            refund_transitions.wake(Refund.objects.get(reference=case.subject))
        else:
            transitions.wake(case.deposit.pk, f"asked for by {by.name}", case.deposit.carrier)
        cases.note(case, "case.asked", by, {}, {}, "")
        doorbell.ring()


def _propose(case: Case, by: Clerk, given: dict[str, Any]) -> None:
    resolve.propose(case.pk, by, Case.Resolution(given["resolution"]), given["reason"])


def _confirm(case: Case, by: Clerk, given: dict[str, Any]) -> None:
    if given["resolution"] not in Case.Resolution.values:
        raise NotPossibleNow("The proposal has changed: read it again.")
    resolve.confirm(case.pk, by, Case.Resolution(given["resolution"]), given["reason"])


def _reject(case: Case, by: Clerk, given: dict[str, Any]) -> None:
    resolve.reject(case.pk, by, given["reason"])


def _bare(form: type[ActForm]) -> Callable[[HttpRequest, Case], ActForm]:
    return lambda request, _case: form(request)


ACTS: dict[str, Act] = {
    "take": Act("Take it", _CHANGE, _bare(NoReasonForm), _take, "The case is yours."),
    "hand-over": Act("Hand over…", _CHANGE, _bare(HandOverForm), _hand_over, "The case is handed over."),
    "ask": Act("Ask the carrier now", _CHANGE, _bare(NoReasonForm), _ask, "The carrier is being asked."),
    "propose": Act(
        "Propose how it ends…", _CHANGE, ProposeForm, _propose, "Proposed. Another person has to confirm it."
    ),
    "confirm": Act("Confirm…", _CONFIRM, ConfirmForm, _confirm, "The case is closed."),
    "reject": Act("Send back…", _CONFIRM, _bare(ActForm), _reject, "The proposal is sent back."),
}
_ON_PROPOSAL = ("confirm", "reject")


def possible(request: HttpRequest, case: Case) -> list[tuple[str, str]]:
    """Return the acts that this person can do with the case as it is, as (name, label)."""
    if case.state == Case.State.CLOSED:
        return []
    proposed = case.state == Case.State.PROPOSED
    own = proposed and case.proposed_by_id == request.user.pk
    return [
        (name, act.label)
        for name, act in ACTS.items()
        if request.user.has_perm(act.permission)
        and (name not in _ON_PROPOSAL or proposed)
        and not (name == "confirm" and own)
        and (name != "ask" or case.deposit_id is not None)
    ]


def view_of(admin: ModelAdmin, name: str) -> Callable[..., HttpResponse]:
    """Return the view of one act: asks what it needs, does it once, and says what came of it."""
    act = ACTS[name]

    def view(request: HttpRequest, case_id: int) -> HttpResponse:
        if not request.user.has_perm(act.permission):
            raise PermissionDenied
        queryset = Case.objects.select_related("deposit", "proposed_by", "owner")
        case = get_object_or_404(queryset, pk=case_id)
        if name == "ask" and case.deposit is None:
            raise PermissionDenied
        form = act.form(request, case)
        if request.method == "POST" and form.is_valid():
            try:
                act.do(case, clerk_of(request), form.cleaned_data)
                messages.success(request, act.done)
            except (Refusal, NotPossibleNow) as refusal:
                messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:deposits_case_change", args=[case_id]))
        return act_page(
            admin,
            request,
            form,
            title=f"{act.label.rstrip('…')}: {case}",
            explanation=_explanation(name, case),
            button=act.label.rstrip("…"),
        )

    return view


def clerk_of(request: HttpRequest) -> Clerk:
    """Return the signed-in member of staff, and what the audit trail keeps of the request."""
    context = structlog.contextvars.get_contextvars()
    return Clerk(
        user_id=int(request.user.pk or 0),
        name=request.user.get_username(),
        address=address_of(request),
        request_id=str(context.get("request_id", ""))[:64],
    )


def _explanation(name: str, case: Case) -> str:
    about = f"{case.get_kind_display().capitalize()}: {case.subject}."
    if name in _ON_PROPOSAL:
        about += f" {case.proposed_by} proposes: {case.get_resolution_display()}. “{case.proposal_reason}”"
    if case.deposit is not None and name in ("propose", "confirm"):
        deposit = case.deposit
        asked = format_money(deposit.amount_minor, deposit.currency)
        about += f" Asked: {asked}."
        if deposit.taken_minor is not None:
            about += f" Taken by the carrier: {format_money(deposit.taken_minor, deposit.currency)}."
    return about
