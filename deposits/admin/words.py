"""How staff are told about a deposit: its state's colour, how long things took, what happens next."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from carriers import reasons, registry
from carriers.redaction import mask_msisdn
from deposits import presentation
from deposits.formats import format_moment, format_money, format_period
from deposits.limits import Standing
from deposits.models import Deposit
from deposits.states import FINAL, State, known

#: Colour of a state's badge. The badge always says the state in words too.
STATE_COLOURS: dict[str, str] = {
    State.RECEIVED: "info",
    State.SUBMITTING: "info",
    State.PENDING: "info",
    State.ACTION_REQUIRED: "primary",
    State.UNKNOWN: "warning",
    State.REVIEW: "warning",
    State.CREDITED: "success",
    State.DECLINED: "danger",
    State.FAILED: "danger",
    State.CANCELLED: "default",
    State.EXPIRED: "default",
}
_UNITS = (("day", 86_400), ("h", 3_600), ("min", 60))


def span(seconds: float) -> str:
    """Return a length of time in seconds as staff read it: "340 ms", "4.2 s", "3 min 5 s", "2 days 4 h"."""
    seconds = max(seconds, 0.0)
    if seconds < 1:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    parts, left = [], int(seconds)
    for name, size in _UNITS:
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {name}{'s' if name == 'day' and number > 1 else ''}")
    if seconds < 3_600 and left:
        parts.append(f"{left} s")
    return " ".join(parts[:2])


def standing(stands: Standing, currency: str) -> tuple[str, str]:
    """Return how a limit stands as (which, "£20.00 of £200.00, starts again on 1 December")."""
    rule = stands.rule
    whose = "Own limit" if rule.own else "Number, by its network"
    name = f"{whose}, {format_period(rule.window, rule.length)}"
    most = "no limit" if stands.most is None else format_money(stands.most, currency)
    told = f"{format_money(stands.used, currency)} of {most}"
    if stands.resets_at is not None:
        told += f", starts again on {format_moment(stands.resets_at)}"
    return name, told


def answered_in(deposit: Deposit) -> str:
    """Return how long the deposit took to its end, or for how long it has been waiting."""
    if deposit.resolved_at is not None:
        return span((deposit.resolved_at - deposit.created_at).total_seconds())
    return f"waiting {span((timezone.now() - deposit.created_at).total_seconds())}"


def paid_with(method_type: str, carrier: str, number: str) -> str:
    """Return the bank by its name, or the phone number, masked."""
    return network(carrier) if method_type == registry.BANK else mask_msisdn(number)


def network(carrier: str) -> str:
    """Return a carrier's name as players know it; its code when it is not configured any more."""
    profile = registry.registry().profiles.get(carrier)
    return profile.name if profile else carrier


def reason_title(code: str) -> str:
    """Return the shortest title of a reason, without facts; the code itself when there is no such reason."""
    reason = reasons.REASONS.get(code)
    if reason is None:
        return code
    plain = [title for title in reason.title if "{" not in title]
    return plain[0] if plain else code.replace("_", " ").capitalize()


def player_sees(deposit: Deposit) -> reasons.RenderedReason | None:
    """Return the reason in the words of the player's page; None where it gives none or the carrier is gone."""
    try:
        return presentation.reason(deposit)
    except KeyError:
        return None


def next_step(deposit: Deposit, now: datetime) -> str:
    """Return what happens next to the deposit, and when, in a sentence or two."""
    state, name = known(deposit.state), network(deposit.carrier)
    if state is None:
        return "A newer version of Paysite has put it into this state, and goes on with it."
    if state in FINAL:
        if deposit.next_action_at is not None:
            return f"{name} has news of it: we ask {_when(deposit.next_action_at, now)}."
        return "Nothing more happens by itself."
    if deposit.next_action_at is None:
        if state == State.REVIEW:
            return "A person has to settle it. Nothing more happens by itself."
        return "Nothing is planned, and it has not ended. This is a fault: tell the engineers."
    when = _when(deposit.next_action_at, now)
    if deposit.lease_owner:
        return f"A worker ({deposit.lease_owner}) is talking to {name} now. If it dies, another takes over {when}."
    return _planned(deposit, state, name, when)


def _planned(deposit: Deposit, state: State, name: str, when: str) -> str:
    if state == State.RECEIVED:
        return f"It is sent to {name} {when}."
    if state == State.REVIEW:
        return f"A person has to settle it. Until then we ask {name} again {when}."
    match deposit.next_step:
        case Deposit.Next.CONFIRM:
            return f"The confirmation goes to {name} {when}."
        case Deposit.Next.INQUIRE if presentation.awaits_approval(deposit):
            return f"The player is to approve it at {name}. If nobody comes back, we ask {name} {when}."
        case Deposit.Next.CANCEL if deposit.action_expires_at is not None:
            return f"We wait for the player's code. If none comes, {name} is told to cancel {when}."
        case Deposit.Next.CANCEL:
            return f"{name} is told to cancel {when}."
        case _:
            return f"We ask {name} what became of it {when}."


def _when(moment: datetime, now: datetime) -> str:
    seconds = (moment - now).total_seconds()
    clock = timezone.localtime(moment).strftime("%H:%M:%S")
    if seconds <= 0:
        return f"now (due since {span(-seconds)}, {clock})"
    return f"in {span(seconds)} ({clock})"
