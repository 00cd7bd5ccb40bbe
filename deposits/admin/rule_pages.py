"""Rules and what is proposed of them: everything to be seen; a change takes two people."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse

from accounts.admin.forms import ActForm, act_page
from accounts.admin.pages import Fact, Page, Table, audit_table, cell
from accounts.admin.read_only import ReadOnlyAdmin
from deposits.actions import change_rules
from deposits.actions.refusal import NotPossibleNow, Refusal
from deposits.admin.case_acts import clerk_of
from deposits.models import Rule, RuleProposal
from deposits.presentation import format_most

_PROPOSE, _APPROVE = "deposits.add_ruleproposal", "deposits.approve_rule"
_COLOURS = {"proposed": "warning", "approved": "success", "rejected": "default"}


class _Indented(json.JSONEncoder):
    """One field on each line, for people."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "indent": 2})


class ProposeForm(ActForm):
    """The rule as JSON, because most of a change is what stays."""

    content = forms.JSONField(
        label="Rule",
        help_text="The whole of it. Times with their zone, such as 2026-09-30T00:00:00+01:00; amounts in minor units.",
        encoder=_Indented,
        widget=forms.Textarea(attrs={"rows": 18}),
    )
    field_order = ("content", "reason")

    def __init__(self, request: HttpRequest, rule: Rule) -> None:
        super().__init__(request)
        self.initial["content"] = change_rules.content_of(rule)


@admin.register(Rule)
class RuleAdmin(ReadOnlyAdmin):
    """Every version of every rule; the newest comes first."""

    list_display = ("name", "jurisdiction", "about", "most", "effective_from", "effective_to")

    @admin.display(description="Rule")
    def name(self, rule: Rule) -> Fact:
        return cell(str(rule), reverse("admin:deposits_rule_change", args=[rule.pk]))

    @admin.display(description="About")
    def about(self, rule: Rule) -> Fact:
        under = " ".join(
            filter(None, (rule.carrier, rule.get_measure_display(), rule.get_window_display(), rule.length))
        )
        return cell(rule.get_subject_display(), under=under)

    @admin.display(description="At most")
    def most(self, rule: Rule) -> str:
        return format_most(rule)

    def page(self, request: HttpRequest, row: Any) -> Page:
        facts = [
            Fact(name.replace("_", " ").capitalize(), str(said))
            for name, said in change_rules.content_of(row).items()
        ]
        facts += [
            Fact("Version", str(row.version)),
            Fact("Reviewed by", row.reviewer),
            Fact("Added", row.created_at),
        ]
        buttons = []
        if request.user.has_perm(_PROPOSE):
            buttons.append(("Propose a change…", reverse("admin:deposits_rule_propose", args=[row.pk])))
        versions = [
            [
                cell(str(one), reverse("admin:deposits_rule_change", args=[one.pk])),
                cell(format_most(one)),
                cell(one.effective_from),
            ]
            for one in Rule.objects.filter(code=row.code).order_by("-version")
        ]
        tables = [Table("Versions", ("Rule", "At most", "From"), versions), audit_table("rule", row.code)]
        return Page(f"Rule {row}", facts, tables, buttons)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.propose_view)
        return [path("<int:rule_id>/propose/", view, name="deposits_rule_propose"), *super().get_urls()]

    def propose_view(self, request: HttpRequest, rule_id: int) -> HttpResponse:
        """Ask what the rule is to be and why; another person approves it."""
        if not request.user.has_perm(_PROPOSE):
            raise PermissionDenied
        rule = get_object_or_404(Rule, pk=rule_id)
        form = ProposeForm(request, rule)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                proposal = change_rules.propose(given["content"], clerk_of(request), given["reason"])
            except Refusal as refusal:
                messages.error(request, str(refusal))
                return HttpResponseRedirect(reverse("admin:deposits_rule_change", args=[rule_id]))
            messages.success(request, "Proposed. Another person has to approve it.")
            return HttpResponseRedirect(reverse("admin:deposits_ruleproposal_change", args=[proposal.pk]))
        return act_page(
            self,
            request,
            form,
            title=f"Propose a change of {rule}",
            explanation="Versions are for ever. With another code it is a new rule; without an amount, or with an end, "
            "the rule stops.",
            button="Propose",
        )


@admin.register(RuleProposal)
class RuleProposalAdmin(ReadOnlyAdmin):
    """What was proposed, by whom, and what a second person made of it."""

    list_display = ("name", "proposed_by", "proposed_at", "state_badge")
    list_select_related = ("proposed_by",)

    @admin.display(description="Rule")
    def name(self, proposal: RuleProposal) -> Fact:
        return cell(proposal.code, reverse("admin:deposits_ruleproposal_change", args=[proposal.pk]))

    @admin.display(description="State")
    def state_badge(self, proposal: RuleProposal) -> Fact:
        return cell(proposal.get_state_display(), colour=_COLOURS[proposal.state])

    def page(self, request: HttpRequest, row: Any) -> Page:
        facts = [Fact(name.replace("_", " ").capitalize(), str(said)) for name, said in row.content.items()]
        facts += [
            Fact("State", row.get_state_display(), colour=_COLOURS[row.state]),
            Fact("Proposed by", str(row.proposed_by)),
            Fact("Why", row.reason),
            Fact("Decided by", str(row.decided_by) if row.decided_by else None),
            Fact("Why so", row.decision_reason),
        ]
        buttons = []
        if row.state == RuleProposal.State.PROPOSED and request.user.has_perm(_APPROVE):
            if row.proposed_by_id != request.user.pk:
                buttons.append(("Approve…", reverse("admin:deposits_ruleproposal_approve", args=[row.pk])))
            buttons.append(("Send back…", reverse("admin:deposits_ruleproposal_reject", args=[row.pk])))
        return Page(f"Proposal for {row.code}", facts, [audit_table("rule", row.code)], buttons)

    def get_urls(self) -> list[URLPattern]:
        acts = [
            path(
                f"<int:proposal_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"deposits_ruleproposal_{name}",
            )
            for name, view in (("approve", self.approve_view), ("reject", self.reject_view))
        ]
        return [*acts, *super().get_urls()]

    def approve_view(self, request: HttpRequest, proposal_id: int) -> HttpResponse:
        """Ask why, then make it a rule."""
        return self._act(request, proposal_id, change_rules.approve, "Approve", "The rule is in the book.")

    def reject_view(self, request: HttpRequest, proposal_id: int) -> HttpResponse:
        """Ask why, then close it."""
        return self._act(
            request, proposal_id, change_rules.send_back, "Send back", "The proposal is sent back."
        )

    def _act(
        self, request: HttpRequest, proposal_id: int, do: Callable[..., object], button: str, done: str
    ) -> HttpResponse:
        if not request.user.has_perm(_APPROVE):
            raise PermissionDenied
        proposal = get_object_or_404(RuleProposal.objects.select_related("proposed_by"), pk=proposal_id)
        form = ActForm(request)
        if request.method == "POST" and form.is_valid():
            try:
                do(proposal_id, clerk_of(request), form.cleaned_data["reason"])
                messages.success(request, done)
            except (Refusal, NotPossibleNow) as refusal:
                messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:deposits_ruleproposal_change", args=[proposal_id]))
        explanation = f"{proposal.proposed_by} proposes {proposal.code}. “{proposal.reason}”"
        return act_page(
            self, request, form, title=f"{button}: {proposal.code}", explanation=explanation, button=button
        )
