"""S11: the carrier has texted the player a question, and waits for the reply. No page can give it; it only says how."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext as _

from carriers.profiles import CarrierProfile
from carriers.wording import fill
from deposits.states import State
from deposits.ui.screen import Screen, Sight, Step
from deposits.ui.screens import amount


def screen(sight: Sight, profile: CarrierProfile) -> Screen | None:
    """Return the screen while the reply is awaited; None where the carrier asks for none, or is not waiting for it.

    Once the carrier has had longer than it takes for an answer, the outcome is unknown as everybody else's is.
    """
    ends = sight.waiting_since + timedelta(seconds=sight.thresholds.unknown_s)
    if not profile.reply_to or sight.deposit.state != State.PENDING or sight.now >= ends:
        return None
    heading = fill(_("Reply to the text from {network}"), network=sight.network)
    told = _("Send {reply} to {number} to confirm {amount}. This page moves on by itself.")
    what = fill(told, reply=profile.reply_text, number=profile.reply_to, amount=amount(sight))
    help_href = sight.steps.get("contact", "")
    return Screen(
        name="S11",
        heading=heading,
        title=f"{heading} – {amount(sight)}",
        tone="question",
        lines=(what,),
        steps=(Step(_("Nothing arrived?"), help_href),) if help_href else (),
        changes_at=ends,
    )
