"""Which screen a deposit is on, and what it says there. Pure: from the row and the database's time to words.

The numbers in the names (S6, S13 …) are those of the screen list that the texts come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from carriers.reasons import CHARGE_STATEMENTS, RenderedReason
from carriers.registry import BANK
from deposits.models import Deposit
from deposits.presentation import format_money, money, status
from deposits.states import State

Tone = Literal["waiting", "question", "done", "stopped", "attention"]

#: What a request about the deposit met, said once on the page that follows it.
LATE_CANCEL, CODE_MALFORMED = "late-cancel", "code-malformed"
NOTES = frozenset({LATE_CANCEL, CODE_MALFORMED})

NOT_CHARGED = CHARGE_STATEMENTS["not_charged"]
UNKNOWN = CHARGE_STATEMENTS["unknown"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: a link to `href`, or with `submits` a form sent there. The primary one stands out.

    `leaves`: it leads to another site, where a page that was just made goes by itself.
    """

    label: str
    href: str
    primary: bool = False
    submits: bool = False
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Seconds of waiting after which the words change."""

    slow_s: float
    very_slow_s: float
    sending_s: float
    unknown_s: float


@dataclass(frozen=True, slots=True)
class Sight:
    """A deposit as it was read, with what its texts need. Times are the database's; clocks are texts like "14:32"."""

    deposit: Deposit
    now: datetime
    waiting_since: datetime
    thresholds: Thresholds
    network: str
    descriptor: str
    balance: str
    why: RenderedReason | None
    steps: dict[str, str]
    """Where each action leads: retry, play, back_to_deposit, my_deposits, contact, cancel, code …"""
    clocks: dict[str, str]
    """Texts for the moments started, act_until, settled_by, ended."""
    operator: str
    review_within: str
    note: str = ""
    refunds: str = ""
    """What has gone back, or is on its way, in sentences."""


@dataclass(frozen=True, slots=True)
class Screen:
    """One state of the page. `changes_at`: when passing time alone changes it."""

    name: str
    heading: str
    title: str
    tone: Tone
    lines: tuple[str, ...] = ()
    charge: str = ""
    steps: tuple[Step, ...] = ()
    final: bool = False
    problem: str = ""
    asks_code: bool = False
    receipt: bool = False
    changes_at: datetime | None = field(default=None)

    @property
    def settles(self) -> bool:
        """Whether what there is to know is how it came so far: it has ended, or people or time settle it."""
        return self.final or self.tone == "attention"

    @property
    def acts_first(self) -> bool:
        """Whether what there is to do comes before the facts of the deposit."""
        return self.asks_code or any(step.leaves for step in self.steps)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The text under the heading. That we do not know comes first; that nothing was charged, after the reason."""
        if self.charge == UNKNOWN:
            return (self.charge, *self.lines)
        return (*self.lines, self.charge) if self.charge else self.lines

    @property
    def spoken(self) -> str:
        """What a screen reader says when the page arrives at this state by itself."""
        sentences = (self.problem, self.heading, *self.sentences)
        return " ".join(part if part.endswith((".", "?")) else f"{part}." for part in sentences if part)


def screen(sight: Sight) -> Screen:
    """Return the screen of a deposit at `sight.now`."""
    deposit = sight.deposit
    match status(deposit):
        case "succeeded":
            return _reversed(sight) if deposit.reversed_at else _deposited(sight)
        case "failed":
            return _not_deposited(sight)
        case "cancelled":
            return _cancelled(sight)
    if deposit.state == State.REVIEW:
        return _reviewed(sight)
    if deposit.state == State.ACTION_REQUIRED and deposit.next_step != deposit.Next.CONFIRM:
        return _approval(sight) if _by_bank(sight) else _action(sight)
    if sight.why and sight.why.code == "bank_pending" and _waited_s(sight) < sight.thresholds.sending_s:
        return _sending(sight, sight.why)
    return _waiting(sight)


def amount(sight: Sight, *, short: bool = True) -> str:
    """Return the deposit's amount as its texts have it: "£20", in full "£20.00"."""
    return format_money(sight.deposit.amount_minor, sight.deposit.currency, short=short)


def _waiting(sight: Sight) -> Screen:
    """S6, S7, S8, S9: by how long the player has waited."""
    limits, waited_s = sight.thresholds, _waited_s(sight)
    unsent = money(sight.deposit) == "none"
    late = ("It cannot be cancelled any more.",) if sight.note == LATE_CANCEL else ()
    lines: tuple[str, ...]
    if waited_s < limits.slow_s and _by_bank(sight) and not sight.deposit.consent_id:
        lines = (f"You approve the {amount(sight)} there.",)
        return _wait(sight, "S6", f"Opening {sight.network}", lines, next_s=limits.slow_s, cancel=True)
    if waited_s < limits.slow_s:
        lines = (*late, "Most answers take a few seconds.")
        return _wait(sight, "S6", f"Waiting for {sight.network}", lines, next_s=limits.slow_s, cancel=True)
    if waited_s < limits.very_slow_s:
        lines = (
            *late,
            "It is slower than usual. You can leave this page: we carry on and the result will be here.",
        )
        heading = f"Still waiting for {sight.network}"
        return _wait(sight, "S7", heading, lines, leave=True, next_s=limits.very_slow_s, cancel=True)
    if unsent or waited_s < limits.unknown_s:
        heading = f"{sight.network} has not answered yet"
        charge = NOT_CHARGED if unsent else UNKNOWN
        lines = ("Do not deposit the same amount again until this one is settled.",)
        return _wait(
            sight, "S8", heading, lines, charge=charge, next_s=limits.unknown_s, cancel=unsent, deposits=True
        )
    promise = (
        f"We will settle it by {sight.clocks['settled_by']}: "
        f"either {amount(sight)} is in your balance, or it is not charged."
    )
    heading = f"We are checking this deposit with {sight.network}"
    contact = _step(sight, "contact", f"Contact us with {sight.deposit.reference}")
    return _named(sight, "S9", heading, "attention", lines=(promise,), charge=UNKNOWN, steps=contact)


def _wait(
    sight: Sight,
    name: str,
    heading: str,
    lines: tuple[str, ...],
    *,
    next_s: float,
    charge: str = "",
    leave: bool = False,
    cancel: bool = False,
    deposits: bool = False,
) -> Screen:
    steps: tuple[Step, ...] = ()
    if deposits:
        steps += _step(sight, "my_deposits", "See my deposits")
    if leave:
        steps += _step(sight, "play", "Leave and keep playing")
    if cancel:
        steps += _step(sight, "cancel", "Cancel", submits=True)
    tone: Tone = "attention" if charge else "waiting"
    changes_at = sight.waiting_since + timedelta(seconds=next_s)
    return _named(sight, name, heading, tone, lines=lines, charge=charge, steps=steps, changes_at=changes_at)


def _action(sight: Sight) -> Screen:
    """S10, or what is left of it once the code ran out or a cancel was asked for."""
    deposit = sight.deposit
    until = deposit.action_expires_at
    if until is None:
        lines = (f"{sight.network} is taking it back.",)
        return _named(sight, "S6", "Cancelling", "waiting", lines=lines)
    if until <= sight.now:
        lines = ("We are closing this deposit.",)
        return _named(sight, "S10", "That code has run out", "waiting", lines=lines, charge=NOT_CHARGED)
    problem = ""
    if deposit.reason_code == "code_wrong" and sight.why:
        problem = f"{sight.why.title}. {sight.why.text}".strip()
    if sight.note == CODE_MALFORMED:
        problem = "Enter the 6 digits from the text"
    return Screen(
        name="S10",
        heading="Enter the code",
        title=f"{'Problem: ' if problem else ''}Enter the code – {amount(sight)}",
        tone="question",
        lines=(
            f"We sent 6 digits to the phone ending {deposit.phone_number[-3:]}. "
            f"It works until {sight.clocks['act_until']}.",
        ),
        charge=NOT_CHARGED if problem else "",
        steps=_step(sight, "cancel", "Cancel", submits=True),
        problem=problem,
        asks_code=True,
        changes_at=until,
    )


def _approval(sight: Sight) -> Screen:
    """S12, or what is left of it once the time ran out or a cancel was asked for."""
    deposit = sight.deposit
    until = deposit.action_expires_at
    if until is None:
        lines: tuple[str, ...] = (f"{sight.network} is being asked about it.",)
        return _named(sight, "S6", "Cancelling", "waiting", lines=lines)
    if until <= sight.now:
        lines = ("We are closing this deposit.",)
        return _named(sight, "S12", "The approval ran out", "waiting", lines=lines, charge=NOT_CHARGED)
    what = (
        f"Amount {amount(sight, short=False)} to {sight.operator}. "
        f"It can be approved until {sight.clocks['act_until']}."
    )
    # The browser came back without an approval; the bank itself has not said no yet.
    came_back = deposit.reason_code == "bank_not_approved"
    lines = ("You came back without approving it.", what) if came_back else (what,)
    label = f"Open {sight.network}{' again' if came_back else ''}"
    return _named(
        sight,
        "S12",
        "Approve in your bank's app",
        "question",
        lines=lines,
        charge=NOT_CHARGED if came_back else "",
        steps=(
            *_step(sight, "approve", label, primary=True, leaves=True),
            *_step(sight, "cancel", "Cancel", submits=True),
        ),
        changes_at=until,
    )


def _sending(sight: Sight, why: RenderedReason) -> Screen:
    """S6 to S8 once the bank has accepted the payment: it is sent, and has not arrived."""
    return _named(
        sight,
        "S6",
        why.title,
        "waiting",
        lines=(why.text,),
        charge=why.charge_statement,
        steps=_step(sight, "my_deposits", "See my deposits"),
        changes_at=sight.waiting_since + timedelta(seconds=sight.thresholds.sending_s),
    )


def _deposited(sight: Sight) -> Screen:
    """S13, also when some or all of it has gone back."""
    returned = money(sight.deposit) == "returned"
    paper = "statement" if _by_bank(sight) else "bill"
    bill = f"It will be on your {sight.network} {paper} as {sight.descriptor}."
    lines: tuple[str, ...] = (*filter(None, (sight.refunds,)), f"Balance {sight.balance}. {bill}")
    if sight.note == LATE_CANCEL:
        lines = ("It went through before you cancelled.", *lines)
    return Screen(
        name="S13",
        heading=f"{amount(sight, short=False)} {'returned' if returned else 'deposited'}",
        title=f"{'Returned' if returned else 'Deposited'} – {amount(sight)}",
        tone="done",
        lines=lines,
        steps=(
            *_step(sight, "play", "Play", primary=True),
            *_step(sight, "back_to_deposit", "Deposit again"),
            *_step(sight, "receipt", "Save receipt"),
        ),
        final=True,
        receipt=True,
    )


def _reversed(sight: Sight) -> Screen:
    lines = (
        f"{sight.network} has reversed the charge, so {amount(sight, short=False)} is no longer in your balance. "
        f"Balance {sight.balance}.",
    )
    steps = (
        *_step(sight, "back_to_deposit", "Back to deposit", primary=True),
        *_step(sight, "contact", "Contact us"),
    )
    heading = f"{sight.network} took {amount(sight, short=False)} back"
    return _named(sight, "reversed", heading, "stopped", lines=lines, steps=steps, final=True, receipt=True)


def _not_deposited(sight: Sight) -> Screen:
    """S14. The reason's own words, its first next step as the primary one."""
    why = sight.why
    assert why is not None  # the caller renders one for every failed deposit
    steps: list[Step] = []
    for next_ in why.next:
        steps += _step(sight, next_.action, next_.label, primary=not steps)
    if not steps:
        steps += _step(sight, "back_to_deposit", "Back to deposit", primary=True)
    lines = (why.text,) if why.text else ()
    return _named(
        sight,
        "S14",
        why.title,
        "stopped",
        lines=lines,
        charge=why.charge_statement,
        steps=tuple(steps),
        final=True,
    )


def _reviewed(sight: Sight) -> Screen:
    """S15: the same words whatever the cause."""
    lines = (f"This is usually done within {sight.review_within}. You do not need to do anything.",)
    steps = _step(sight, "my_deposits", "See my deposits", primary=True)
    heading = "We are checking this deposit"
    return _named(sight, "S15", heading, "attention", lines=lines, charge=UNKNOWN, steps=steps)


def _cancelled(sight: Sight) -> Screen:
    """S16."""
    steps = _step(sight, "back_to_deposit", "Back to deposit", primary=True)
    return _named(sight, "S16", "Cancelled", "stopped", charge=NOT_CHARGED, steps=steps, final=True)


def _named(
    sight: Sight,
    name: str,
    heading: str,
    tone: Tone,
    *,
    lines: tuple[str, ...] = (),
    charge: str = "",
    steps: tuple[Step, ...] = (),
    final: bool = False,
    receipt: bool = False,
    changes_at: datetime | None = None,
) -> Screen:
    """A screen whose title is its heading and the amount."""
    return Screen(
        name=name,
        heading=heading,
        title=f"{heading} – {amount(sight)}",
        tone=tone,
        lines=lines,
        charge=charge,
        steps=steps,
        final=final,
        receipt=receipt,
        changes_at=changes_at,
    )


def _step(
    sight: Sight,
    action: str,
    label: str,
    *,
    primary: bool = False,
    submits: bool = False,
    leaves: bool = False,
) -> tuple[Step, ...]:
    """The step, or nothing where this viewer has no way to take it."""
    href = sight.steps.get(action, "")
    return (Step(label, href, primary, submits, leaves),) if href else ()


def _by_bank(sight: Sight) -> bool:
    return sight.deposit.method_type == BANK


def _waited_s(sight: Sight) -> float:
    return (sight.now - sight.waiting_since).total_seconds()
