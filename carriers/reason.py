"""What a reason consists of: its class, its words as alternatives, and the steps that it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext_noop as _

Charge = Literal["not_charged", "unknown", "held", "charged"]


@dataclass(frozen=True, slots=True)
class Counted:
    """A message whose form follows a number, the fact `by`."""

    one: str
    many: str
    by: str


#: Alternatives, fullest first. If the last one needs a fact too, the sentence can vanish. In English, by which the
#: catalogues of the other languages know them.
Sentence = tuple[str | Counted, ...]
Label = tuple[str, ...]

CHARGE_STATEMENTS: Mapping[Charge, str] = {
    "not_charged": _("You have not been charged."),
    "unknown": _("We do not know yet if you were charged."),
    "held": _("The amount is held and has not been charged."),
    "charged": "",
}

#: Stable identifiers of what a button does; pages, API and partners rely on them.
ACTIONS = frozenset(
    {"retry", "change_amount", "change_method", "change_number", "enter_code", "new_code", "my_deposits"}
    | {"contact", "ask_carrier", "how_it_works", "wait", "support_tools", "play", "back_to_deposit"}
    | {"notify_me", "refund", "my_limits", "take_a_break", "confirm_details", "change_account"}
)


@dataclass(frozen=True, slots=True)
class Next:
    """One button: its label as alternatives, and what it takes to be shown at all.

    `needs` are facts that must be known, `method` a way to pay that must be there.
    """

    label: Label
    action: str
    needs: tuple[str, ...] = ()
    method: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One row of the table.

    `klass` letters: P the player can fix it; L later; O another method may be offered; B blocked to protect
    the player, so neither another method nor a retry is offered; N neutral on purpose, never varying with the
    true cause. `instead` is the first step where `primary` is not to be had (no bank yet, say).
    """

    code: str
    klass: frozenset[str]
    title: Label
    text: tuple[Sentence, ...]
    charge: Charge
    primary: Next
    secondary: Next | None = None
    instead: Next | None = None


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


def counted(one: str, many: str, *, by: str) -> Counted:
    """A sentence about a number: as it is for one, and for many."""
    return Counted(one, many, by)


def button(action: str, *label: str) -> Next:
    """A step that can always be shown; `label` as alternatives, the fullest first."""
    return Next(label, action)


def row(
    code: str,
    klass: str,
    title: str | Label,
    text: tuple[Sentence, ...],
    primary: Next,
    secondary: Next | None = None,
    *,
    charge: Charge = "not_charged",
    instead: Next | None = None,
) -> Reason:
    """One row of a table. `klass` as letters; `title` as one sentence or as alternatives."""
    titles = (title,) if isinstance(title, str) else title
    return Reason(code, frozenset(klass), titles, text, charge, primary, secondary, instead)
