"""Two people change a rule: one proposes it with a reason, another approves it, and then it is a version for ever."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from accounts import audit
from deposits import rule_sets
from deposits.actions.cases import Clerk
from deposits.actions.refusal import NotPossibleNow, Refusal
from deposits.models import Rule, RuleProposal

_MOMENTS = ("effective_from", "effective_to")
_NEEDED = {"code", "jurisdiction", "subject", "measure", "window", "zone", "effective_from", "source"}


def content_of(rule: Rule) -> dict[str, Any]:
    """Return what a rule says as plain JSON: what a proposal of its next version begins with."""
    said = {name: getattr(rule, name) for name in rule_sets.FIELDS}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in said.items()
        if value not in ("", None, [])
    }


def propose(content: Mapping[str, Any], by: Clerk, reason: str) -> RuleProposal:
    """Propose a rule, or the next version of one. Raises `Refusal` for one that makes no sense."""
    fields = _read(content)
    with transaction.atomic():
        proposal = RuleProposal.objects.create(
            code=fields["code"], content=dict(content), proposed_by_id=by.user_id, reason=reason[:500]
        )
        _note(proposal, "rule.proposed", by, reason)
    return proposal


def approve(proposal_id: int, by: Clerk, reason: str) -> Rule:
    """Make a proposal a rule. Raises `Refusal` for the person who proposed it, `NotPossibleNow` when it is decided."""
    with transaction.atomic():
        proposal = _open(proposal_id)
        if proposal.proposed_by_id == by.user_id:
            raise Refusal("same_person", "Another person has to approve what you proposed.", "approve")
        fields = _read(proposal.content)
        rule = rule_sets.add(fields, f"{proposal.proposed_by.get_username()}, {by.name}")
        _decide(proposal, RuleProposal.State.APPROVED, by, reason, rule)
    return rule


def send_back(proposal_id: int, by: Clerk, reason: str) -> None:
    """Close a proposal without a rule. Raises `NotPossibleNow` when it is decided."""
    with transaction.atomic():
        _decide(_open(proposal_id), RuleProposal.State.REJECTED, by, reason, None)


def _open(proposal_id: int) -> RuleProposal:
    proposals = RuleProposal.objects.select_related("proposed_by").select_for_update(of=("self",))
    proposal = proposals.get(pk=proposal_id)
    if proposal.state != RuleProposal.State.PROPOSED:
        raise NotPossibleNow(f"This proposal is {proposal.get_state_display()} by now.")
    return proposal


def _decide(
    proposal: RuleProposal, state: RuleProposal.State, by: Clerk, reason: str, rule: Rule | None
) -> None:
    RuleProposal.objects.filter(pk=proposal.pk).update(
        state=state, decided_by=by.user_id, decided_at=Now(), decision_reason=reason[:500], rule=rule
    )
    _note(proposal, f"rule.{state.value}", by, reason)


def _note(proposal: RuleProposal, action: str, by: Clerk, reason: str) -> None:
    audit.note(
        action,
        actor_kind="staff",
        actor=by.name[:100],
        subject_kind="rule",
        subject=proposal.code,
        address=by.address,
        after={"proposal": proposal.pk, **proposal.content},
        reason=reason,
        request_id=by.request_id,
    )


def _read(content: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a proposal, checked. What it says about time has to name the zone."""
    if strange := content.keys() - set(rule_sets.FIELDS):
        raise Refusal("rule_malformed", f"Unknown: {', '.join(sorted(strange))}.", "content")
    if missing := _NEEDED - content.keys():
        raise Refusal("rule_malformed", f"Missing: {', '.join(sorted(missing))}.", "content")
    fields = dict(content)
    try:
        for name in _MOMENTS:
            if fields.get(name):
                fields[name] = datetime.fromisoformat(fields[name])
                if fields[name].tzinfo is None:
                    raise Refusal("rule_malformed", f"{name}: add the zone, such as +00:00.", "content")
        rule_sets.check(fields)
    except (TypeError, ValueError) as error:
        raise Refusal("rule_malformed", str(error), "content") from None
    return fields
