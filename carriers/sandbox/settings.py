"""What can be set while the sandbox runs. Names of faults are checked by control.py, which knows them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

Probability = Annotated[float, Meta(ge=0, le=1)]


class Force(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A fault for certain: for one number, for the next `next_n` requests, or both."""

    fault: str
    phone_number: str = ""
    next_n: Annotated[int, Meta(ge=1)] | None = None


class BankForce(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A fault for certain: at one bank, for the next `next_n` requests it can spoil, or both."""

    fault: str
    bank_id: str = ""
    next_n: Annotated[int, Meta(ge=1)] | None = None


class Settings(Struct, kw_only=True, forbid_unknown_fields=True):
    """Amounts in minor units, times as the names say."""

    seed: int | str = 1
    answer_delay_ms: Annotated[float, Meta(ge=0, le=60_000)] = 0.0
    delay_jitter_ms: Annotated[float, Meta(ge=0, le=60_000)] = 0.0
    time_divisor: Annotated[float, Meta(gt=0, le=10_000)] = 1.0
    token_lifetime_s: Annotated[int, Meta(ge=1, le=86_400)] = 3_600
    minimum_minor: Annotated[int, Meta(ge=1)] = 100
    maximum_minor: Annotated[int, Meta(ge=1)] = 4_000
    monthly_cap_minor: Annotated[int, Meta(ge=0)] = 0
    """What one number may be charged in a calendar month; 0: as much as it likes."""
    forget_after_s: Annotated[float, Meta(ge=0)] = 0.0
    """A payment older than this is not found, and its reference not refused any more; 0: never forgotten."""
    faults: dict[str, Probability] = field(default_factory=dict)
    force: list[Force] = field(default_factory=list)

    bank_faults: dict[str, Probability] = field(default_factory=dict)
    bank_force: list[BankForce] = field(default_factory=list)
    bank_decisions: dict[str, Probability] = field(default_factory=dict)
    """What customers do on the approval page without being asked; empty: the page asks."""
    bank_account_name: Annotated[str, Meta(min_length=1, max_length=140)] = "Demo Player"
    bank_reject_reason: Annotated[str, Meta(pattern=r"^[A-Z0-9]{4}\Z")] = "MS03"
    """StatusReasonCode of payments that the bank rejects without a reason of its own."""
    bank_consent_lifetime_s: Annotated[float, Meta(gt=0, le=86_400)] = 600.0
    """For the customer to approve, and then for the client to pay; on the sandbox's clock, not divided."""
    bank_code_lifetime_s: Annotated[float, Meta(gt=0, le=3_600)] = 300.0
    """Of an authorisation code; on the sandbox's clock, not divided."""
    bank_signed_requests_only: bool = False
    """Refuse authorisation requests without a signed request object."""

    def scaled(self, seconds: float) -> float:
        """A story's delay as it is played."""
        return seconds / self.time_divisor
