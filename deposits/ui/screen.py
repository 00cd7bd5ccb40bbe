"""What a screen of a deposit consists of, and what it is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from django.utils.translation import gettext as _

from carriers.reasons import CHARGE_STATEMENTS, RenderedReason
from deposits.models import Deposit

Tone = Literal["waiting", "question", "done", "stopped", "attention"]

#: As the catalogues know them: English.
NOT_CHARGED = CHARGE_STATEMENTS["not_charged"]
UNKNOWN = CHARGE_STATEMENTS["unknown"]
#: How sentences end, in any of the languages.
_ENDS = (".", "?", "؟")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: a link to `href`, or with `submits` a form sent there. The primary one stands out.

    `leaves`: it leads to another site, where a page that was just made goes by itself. `sending`: what a button says
    while its form is on its way.
    """

    label: str
    href: str
    primary: bool = False
    submits: bool = False
    leaves: bool = False
    sending: str = ""


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
    def submits(self) -> bool:
        """Whether anything here is sent as a form."""
        return not self.final or any(step.submits for step in self.steps)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The text under the heading. That we do not know comes first; that nothing was charged, after the reason."""
        if self.charge == _(UNKNOWN):
            return (self.charge, *self.lines)
        return (*self.lines, self.charge) if self.charge else self.lines

    @property
    def spoken(self) -> str:
        """What a screen reader says when the page arrives at this state by itself."""
        return in_a_row(self.problem, self.heading, *self.sentences)


def in_a_row(*sentences: str) -> str:
    """Return the sentences as one text: a heading has no full stop, and before another sentence it gets one."""
    return " ".join(one if one.endswith(_ENDS) else f"{one}." for one in sentences if one)
