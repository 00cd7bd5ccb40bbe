"""When to act again, as seconds from now. A column of the row holds the time; nothing else in the product retries."""

from __future__ import annotations

import random

from django.conf import settings

#: Inquiry about an outcome that is not known: quickly at first, then for as long as it takes (design §4).
INQUIRY_SCHEDULE_S = (1, 2, 5, 15, 60, 300, 900, 1_800)
#: Sending again what certainly was not sent.
RESEND_SCHEDULE_S = (1, 2, 5, 10, 20, 30)
#: Our request was refused for our own fault: staff must act, so there is no hurry.
REFUSED_RETRY_S = 30
#: A deposit that nobody has answered for a day is a case for people.
REVIEW_AFTER_S = 24 * 3_600
#: A deposit that could not even be sent for this long is given up: the player has long gone.
GIVE_UP_UNSENT_S = 30 * 60
#: A carrier that answers again after silence is asked soon about whatever would have waited for longer than this.
LONG_WAIT_S = 15
HASTENED_WITHIN_S = 5
#: Each wait is spread, so that what failed together does not come back together.
_SPREAD = (0.85, 1.15)


def scaled(seconds: float) -> float:
    """Return `seconds` divided by the setting that makes tests quick."""
    divisor: float = settings.TIME_DIVISOR
    return seconds / divisor


def inquiry_delay_s(inquiries: int) -> float:
    """Return how long to wait for the next inquiry after `inquiries` of them since the last send; jittered."""
    return _jittered(_step(INQUIRY_SCHEDULE_S, inquiries))


def resend_delay_s(tries: int, at_least_s: float = 0.0) -> float:
    """Return how long to wait before sending again what was not processed.

    `at_least_s` is the carrier's own Retry-After: jitter only ever lengthens that.
    """
    if at_least_s:
        return at_least_s * random.uniform(1.0, _SPREAD[1])  # noqa: S311
    return _jittered(_step(RESEND_SCHEDULE_S, tries - 1))


def _step(schedule: tuple[int, ...], steps_done: int) -> float:
    return scaled(schedule[min(max(steps_done, 0), len(schedule) - 1)])


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(*_SPREAD)  # noqa: S311
