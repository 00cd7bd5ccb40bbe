"""Why a deposit did not happen, in words for the player: one reason for each code, with one next step.

A sentence is given as alternatives, the fullest first: the first one whose facts are all known is said, or
none. So nothing is ever said with a gap in it, and nothing that we do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final

from carriers.reason_table import BACK, CONTACT, TABLE, Charge, Reason, Sentence

CHARGE_STATEMENTS: Mapping[Charge, str] = {
    "not_charged": "You have not been charged.",
    "unknown": "We do not know yet if you were charged.",
    "held": "The amount is held and has not been charged.",
    "charged": "",
}

#: Stable identifiers of what a button does; pages, API and partners rely on them.
ACTIONS = frozenset(
    {"retry", "change_amount", "change_method", "change_number", "enter_code", "new_code", "my_deposits"}
    | {"contact", "ask_carrier", "how_it_works", "wait", "support_tools", "play", "back_to_deposit"}
    | {"notify_me", "refund", "my_limits", "take_a_break", "confirm_details", "change_account"}
)


@dataclass(frozen=True, slots=True)
class RenderedNext:
    """One button as shown: what it says, and the stable identifier of what it does."""

    label: str
    action: str


@dataclass(frozen=True, slots=True)
class RenderedReason:
    """A reason as shown. `next` has one primary step, and at most one more."""

    code: str
    title: str
    text: str
    charge_statement: str
    next: tuple[RenderedNext, ...]


REASONS: Final[Mapping[str, Reason]] = {reason.code: reason for reason in TABLE}


def _facts_in(reason: Reason) -> set[str]:
    buttons = [button for button in (reason.primary, reason.secondary, reason.instead) if button]
    sentences = [reason.title, *reason.text, *(button.label for button in buttons)]
    templates = [template for alternatives in sentences for template in alternatives]
    return {name for template in templates for _, name, _, _ in Formatter().parse(template) if name}


#: Every fact that a reason can use, given as the player reads it: "£20", "2 minutes", "1 December".
FACTS: Final = frozenset[str]().union(*(_facts_in(reason) for reason in TABLE))
# While we do not know where the money is, none of these may be one tap away.
_COULD_CHARGE_TWICE = frozenset({"retry", "change_amount", "change_method", "change_account"})


def render(
    reason: Reason | str,
    *,
    methods: frozenset[str] = frozenset({"carrier_billing"}),
    unavailable: frozenset[str] = frozenset(),
    charge: Charge | None = None,
    **facts: str | int | None,
) -> RenderedReason:
    """Put `reason` (or its code) into words with the facts (FACTS) that are known; None and "" are unknown.

    `methods` are the ways to pay there are; nothing leads to one that is not there. `unavailable` are actions
    that this deposit cannot offer (a new code, where the carrier cannot send one). `charge` overrides the
    reason's own, for reviews. `maximum` of `carrier_payment_limit` is only to be given when the amount was
    above it; `tries` is a number. KeyError for an unknown code, TypeError for an unknown fact.
    """
    reason = REASONS[reason] if isinstance(reason, str) else reason
    if strange := facts.keys() - FACTS:
        raise TypeError(f"facts: {', '.join(sorted(strange))} unknown; must be of {', '.join(sorted(FACTS))}")
    if isinstance(tries := facts.get("tries"), int):
        facts["tries"] = {0: "", 1: "1 try"}.get(tries, f"{tries} tries")
    known = {name: str(fact) for name, fact in facts.items() if fact not in (None, "")}
    charge = charge or reason.charge
    barred = set(unavailable)
    if charge in ("unknown", "held"):
        barred |= _COULD_CHARGE_TWICE
    return RenderedReason(
        code=reason.code,
        title=_said(reason.title, known),
        text=" ".join(filter(None, (_said(sentence, known) for sentence in reason.text))),
        charge_statement=CHARGE_STATEMENTS[charge],
        next=_buttons(reason, known, barred, methods),
    )


def _said(alternatives: Sentence, known: Mapping[str, str]) -> str:
    for template in alternatives:
        try:
            return template.format_map(known)
        except KeyError:
            continue
    return ""


def _buttons(
    reason: Reason, known: Mapping[str, str], barred: set[str], methods: frozenset[str]
) -> tuple[RenderedNext, ...]:
    """One or two steps. A primary one that is not to be had gives way to `instead`, then to the second."""
    shown: list[RenderedNext] = []
    for button in (reason.primary, reason.instead, reason.secondary):
        if button is None or button.action in barred or not known.keys() >= set(button.needs):
            continue
        if button.method and button.method not in methods:
            continue
        if button is reason.instead and shown:
            continue
        if label := _said(button.label, known):
            shown.append(RenderedNext(label, button.action))
    if not shown:
        last_resort = CONTACT if "B" in reason.klass else BACK
        shown.append(RenderedNext(last_resort.label[0], last_resort.action))
    return tuple(shown)
