"""What "not found" is worth: nothing before it was heard twice, apart, past the horizon of the carrier (design §4)."""

from __future__ import annotations

from datetime import datetime

from carriers.profiles import CarrierProfile


def proven_in_s(
    profile: CarrierProfile, now: datetime, sent_at: datetime, first_heard_at: datetime | None
) -> float:
    """Return in how many seconds a further "not found" proves that the last send has not arrived; 0 or less: now.

    `sent_at` is when it was sent last; `first_heard_at` when "not found" was heard first since then.
    """
    return max(
        profile.not_found_apart_s - (now - (first_heard_at or now)).total_seconds(),
        profile.horizon_s - (now - sent_at).total_seconds(),
    )


def is_remembered(profile: CarrierProfile, now: datetime, first_sent_at: datetime) -> bool:
    """Whether the carrier surely still knows our reference, so that a second send of it is no second order."""
    return (now - first_sent_at).total_seconds() + profile.http_total_s < profile.reference_kept_s
