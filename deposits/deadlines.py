"""For every state that is not final: how long at most, what happens then, and who owes the next step until then.

The times are enforced elsewhere, by what is named here; tests walk each of them to its end.
"""

from __future__ import annotations

from dataclasses import dataclass

from deposits import retry
from deposits.models import Case
from deposits.states import State

#: How long a player has for a one-time code when the carrier does not say.
CODE_LIFETIME_S = 600
#: Claim to the end of the lease (paysite/time_limits.py), after which another worker inquires.
LEASE_S = 60


@dataclass(frozen=True, slots=True)
class Deadline:
    """`within_s` from entering the state (from the acceptance where `of_the_deposit`) until `then` by `enforced_by`."""

    within_s: int
    of_the_deposit: bool
    owner: str
    then: str
    enforced_by: str


DEADLINES: dict[State, Deadline] = {
    State.RECEIVED: Deadline(
        retry.GIVE_UP_UNSENT_S, True, "system", "failed: certainly nothing was taken", "actions/give_up.py"
    ),
    State.SUBMITTING: Deadline(
        LEASE_S, False, "system", "unknown: its worker may have sent it", "sql/claim.sql"
    ),
    State.ACTION_REQUIRED: Deadline(
        CODE_LIFETIME_S, False, "player", "expired, once the carrier has voided it", "actions/decide.py"
    ),
    State.PENDING: Deadline(retry.REVIEW_AFTER_S, True, "carrier", "review", "actions/decide.py"),
    State.UNKNOWN: Deadline(retry.REVIEW_AFTER_S, True, "carrier", "review", "actions/decide.py"),
    State.REVIEW: Deadline(
        retry.REVIEW_AFTER_S, False, "staff", "its case is overdue in the queue", "actions/cases.py"
    ),
}


@dataclass(frozen=True, slots=True)
class CaseDeadline:
    """Which role owns a case until a person takes it, and within how long it is to be closed."""

    within_s: int
    owner_role: str


PAYMENTS, SUPPORT, ENGINEERS, COMPLIANCE = "Payments", "Support", "Engineers", "Compliance"
ROLES = (PAYMENTS, SUPPORT, ENGINEERS, COMPLIANCE)
_DAY_S = 24 * 3_600

CASE_DEADLINES: dict[Case.Kind, CaseDeadline] = {
    Case.Kind.UNANSWERED: CaseDeadline(_DAY_S, PAYMENTS),
    # The player's money is taken and not credited: hours, not days.
    Case.Kind.MISMATCH: CaseDeadline(4 * 3_600, PAYMENTS),
    Case.Kind.LATE_SUCCESS: CaseDeadline(4 * 3_600, PAYMENTS),
    Case.Kind.POISON: CaseDeadline(4 * 3_600, ENGINEERS),
    Case.Kind.REVERSAL_SHORTFALL: CaseDeadline(7 * _DAY_S, SUPPORT),
    Case.Kind.SETTLEMENT_DIFFERENCE: CaseDeadline(2 * _DAY_S, PAYMENTS),
    Case.Kind.UNMATCHED_NOTIFICATION: CaseDeadline(2 * _DAY_S, PAYMENTS),
    # The money is neither in the player's balance nor with the player.
    Case.Kind.REFUND: CaseDeadline(4 * 3_600, PAYMENTS),
    Case.Kind.VULNERABILITY: CaseDeadline(_DAY_S, COMPLIANCE),
}
