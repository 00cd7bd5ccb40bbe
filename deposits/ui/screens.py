"""Which screen a deposit is on, and what it says there. Pure: from the row and the database's time to words.

The numbers in the names (S6, S13 …) are those of the screen list that the texts come from.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from carriers.reasons import RenderedReason
from carriers.registry import BANK
from carriers.wording import fill
from deposits.formats import format_money
from deposits.presentation import money, status
from deposits.states import State
from deposits.ui.screen import NOT_CHARGED, UNKNOWN, Screen, Sight, Step, Tone, in_a_row

#: What a request about the deposit met, said once on the page that follows it.
LATE_CANCEL, CODE_MALFORMED, LATE_REFUND = "late-cancel", "code-malformed", "late-refund"
NOTES = frozenset({LATE_CANCEL, CODE_MALFORMED, LATE_REFUND})


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
    late = (_("It cannot be cancelled any more."),) if sight.note == LATE_CANCEL else ()
    lines: tuple[str, ...]
    if waited_s < limits.slow_s and _by_bank(sight) and not sight.deposit.consent_id:
        lines = (_say(sight, _("You approve the {amount} there.")),)
        heading = _say(sight, _("Opening {network}"))
        return _wait(sight, "S6", heading, lines, next_s=limits.slow_s, cancel=True)
    if waited_s < limits.slow_s:
        lines = (*late, _("Most answers take a few seconds."))
        heading = _say(sight, _("Waiting for {network}"))
        return _wait(sight, "S6", heading, lines, next_s=limits.slow_s, cancel=True)
    if waited_s < limits.very_slow_s:
        lines = (
            *late,
            _("It is slower than usual. You can leave this page: we carry on and the result will be here."),
        )
        heading = _say(sight, _("Still waiting for {network}"))
        return _wait(sight, "S7", heading, lines, leave=True, next_s=limits.very_slow_s, cancel=True)
    if unsent or waited_s < limits.unknown_s:
        heading = _say(sight, _("{network} has not answered yet"))
        charge = _(NOT_CHARGED if unsent else UNKNOWN)
        lines = (_("Do not deposit the same amount again until this one is settled."),)
        return _wait(
            sight, "S8", heading, lines, charge=charge, next_s=limits.unknown_s, cancel=unsent, deposits=True
        )
    promise = _("We will settle it by {time}: either {amount} is in your balance, or it is not charged.")
    lines = (_say(sight, promise, time=sight.clocks["settled_by"]),)
    heading = _say(sight, _("We are checking this deposit with {network}"))
    contact = _step(sight, "contact", _say(sight, _("Contact us with {reference}")))
    return _named(sight, "S9", heading, "attention", lines=lines, charge=_(UNKNOWN), steps=contact)


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
        steps += _step(sight, "my_deposits", _("See my deposits"))
    if leave:
        steps += _step(sight, "play", _("Leave and keep playing"))
    if cancel:
        steps += _step(sight, "cancel", _("Cancel"), submits=True, sending=_("Cancelling…"))
    tone: Tone = "attention" if charge else "waiting"
    changes_at = sight.waiting_since + timedelta(seconds=next_s)
    return _named(sight, name, heading, tone, lines=lines, charge=charge, steps=steps, changes_at=changes_at)


def _action(sight: Sight) -> Screen:
    """S10, or what is left of it once the code ran out or a cancel was asked for."""
    deposit = sight.deposit
    until = deposit.action_expires_at
    if until is None:
        lines = (_say(sight, _("{network} is taking it back.")),)
        return _named(sight, "S6", _("Cancelling"), "waiting", lines=lines)
    if until <= sight.now:
        lines = (_("We are closing this deposit."),)
        return _named(sight, "S10", _("That code has run out"), "waiting", lines=lines, charge=_(NOT_CHARGED))
    problem = ""
    if deposit.reason_code == "code_wrong" and sight.why:
        problem = in_a_row(sight.why.title, sight.why.text)
    if sight.note == CODE_MALFORMED:
        problem = _("Enter the 6 digits from the text")
    heading = _("Enter the code")
    sent = _("We sent 6 digits to the phone ending {ending}. It works until {time}.")
    return Screen(
        name="S10",
        heading=heading,
        title=f"{_('Problem:') + ' ' if problem else ''}{heading} – {amount(sight)}",
        tone="question",
        lines=(_say(sight, sent, ending=deposit.phone_number[-3:], time=sight.clocks["act_until"]),),
        charge=_(NOT_CHARGED) if problem else "",
        steps=(
            *_step(sight, "change_method", _("Use another method")),
            *_step(sight, "cancel", _("Cancel"), submits=True, sending=_("Cancelling…")),
        ),
        problem=problem,
        asks_code=True,
        changes_at=until,
    )


def _approval(sight: Sight) -> Screen:
    """S12, or what is left of it once the time ran out or a cancel was asked for."""
    deposit = sight.deposit
    until = deposit.action_expires_at
    if until is None:
        lines: tuple[str, ...] = (_say(sight, _("{network} is being asked about it.")),)
        return _named(sight, "S6", _("Cancelling"), "waiting", lines=lines)
    if until <= sight.now:
        lines = (_("We are closing this deposit."),)
        return _named(sight, "S12", _("The approval ran out"), "waiting", lines=lines, charge=_(NOT_CHARGED))
    what = _say(
        sight,
        _("Amount {exact_amount} to {operator}. It can be approved until {time}."),
        operator=sight.operator,
        time=sight.clocks["act_until"],
    )
    # The browser came back without an approval; the bank itself has not said no yet.
    came_back = deposit.reason_code == "bank_not_approved"
    lines = (_("You came back without approving it."), what) if came_back else (what,)
    label = _say(sight, _("Open {bank} again") if came_back else _("Open {bank}"), bank=sight.network)
    return _named(
        sight,
        "S12",
        _("Approve in your bank's app"),
        "question",
        lines=lines,
        charge=_(NOT_CHARGED) if came_back else "",
        steps=(
            *_step(sight, "approve", label, primary=True, leaves=True),
            *_step(sight, "cancel", _("Cancel"), submits=True, sending=_("Cancelling…")),
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
        steps=_step(sight, "my_deposits", _("See my deposits")),
        changes_at=sight.waiting_since + timedelta(seconds=sight.thresholds.sending_s),
    )


def _deposited(sight: Sight) -> Screen:
    """S13, also when some or all of it has gone back."""
    returned = money(sight.deposit) == "returned"
    if _by_bank(sight):
        bill = _("Balance {balance}. It will be on your {network} statement as {descriptor}.")
    else:
        bill = _("Balance {balance}. It will be on your {network} bill as {descriptor}.")
    told = _say(sight, bill, balance=sight.balance, descriptor=sight.descriptor)
    lines: tuple[str, ...] = (*filter(None, (sight.refunds,)), told)
    if sight.note == LATE_CANCEL:
        lines = (_("It went through before you cancelled."), *lines)
    if sight.note == LATE_REFUND:
        lines = (*lines, _("It cannot be refunded here any more. Contact us if you need help."))
    return Screen(
        name="S13",
        heading=_say(sight, _("{exact_amount} returned") if returned else _("{exact_amount} deposited")),
        title=f"{_('Returned') if returned else _('Deposited')} – {amount(sight)}",
        tone="done",
        lines=lines,
        steps=(
            *_step(sight, "play", _("Play"), primary=True),
            *_refund(sight),
            *_step(sight, "back_to_deposit", _("Deposit again")),
            *_step(sight, "receipt", _("Save receipt")),
        ),
        final=True,
        receipt=True,
    )


def _reversed(sight: Sight) -> Screen:
    gone = _("{network} has reversed the charge, so {exact_amount} is no longer in your balance.")
    lines = (f"{_say(sight, gone)} {_say(sight, _('Balance {balance}.'), balance=sight.balance)}",)
    steps = (
        *_step(sight, "back_to_deposit", _("Back to deposit"), primary=True),
        *_step(sight, "contact", _("Contact us")),
    )
    heading = _say(sight, _("{network} took {exact_amount} back"))
    return _named(sight, "reversed", heading, "stopped", lines=lines, steps=steps, final=True, receipt=True)


def _not_deposited(sight: Sight) -> Screen:
    """S14. The reason's own words, its first next step as the primary one."""
    why = sight.why
    assert why is not None  # the caller renders one for every failed deposit
    steps: list[Step] = []
    for next_ in why.next:
        steps += _step(sight, next_.action, next_.label, primary=not steps)
    if not steps:
        steps += _step(sight, "back_to_deposit", _("Back to deposit"), primary=True)
    steps += _refund(sight)
    late = _("It cannot be refunded here any more. Contact us if you need help.")
    lines = tuple(filter(None, (why.text, sight.refunds, late if sight.note == LATE_REFUND else "")))
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
    usual = _("This is usually done within {time}. You do not need to do anything.")
    lines = (_say(sight, usual, time=sight.review_within),)
    steps = _step(sight, "my_deposits", _("See my deposits"), primary=True)
    heading = _("We are checking this deposit")
    return _named(sight, "S15", heading, "attention", lines=lines, charge=_(UNKNOWN), steps=steps)


def _cancelled(sight: Sight) -> Screen:
    """S16."""
    steps = _step(sight, "back_to_deposit", _("Back to deposit"), primary=True)
    heading, charge = _("Cancelled"), _(NOT_CHARGED)
    return _named(sight, "S16", heading, "stopped", charge=charge, steps=steps, final=True)


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
    sending: str = "",
) -> tuple[Step, ...]:
    """The step, or nothing where this viewer has no way to take it."""
    href = sight.steps.get(action, "")
    return (Step(label, href, primary, submits, leaves, sending),) if href else ()


def _refund(sight: Sight) -> tuple[Step, ...]:
    """Taking back what went through against the player's will, where that is still possible."""
    return _step(sight, "refund", _("Refund this"), submits=True, sending=_("Sending…"))


def _by_bank(sight: Sight) -> bool:
    return sight.deposit.method_type == BANK


def _waited_s(sight: Sight) -> float:
    return (sight.now - sight.waiting_since).total_seconds()


def _say(sight: Sight, message: str, **facts: str) -> str:
    """`message` with what it names of the deposit: network, amount, exact_amount, reference; and with `facts`."""
    return fill(
        message,
        network=sight.network,
        amount=amount(sight),
        exact_amount=amount(sight, short=False),
        reference=sight.deposit.reference,
        **facts,
    )
