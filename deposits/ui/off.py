"""S25: staff hold every way to pay shut. Says until when, where they know; a form would only take what cannot be sent.

What a breaker has shut by itself is another matter: a deposit now and then has to try whether the carrier is back.
"""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext

from carriers import registry
from deposits import breakers
from deposits.models import Deposit
from deposits.ui.clock import clock
from deposits.ui.offer import Offer


def heading(offered: Offer) -> str:
    """Return "Deposits are off until 15:00", without a time where none is known; "" while there is a way to pay."""
    codes = {
        profile.code
        for kind in (registry.CARRIER_BILLING, registry.BANK)
        for profile in registry.serving(kind, offered.currency)
        if offered.bounds is None or offered.bounds.permits(kind, profile.code)
    }
    if not codes or not codes <= offered.shut:
        return ""
    held = breakers.held(codes, Deposit.Next.AUTHORISE.value)
    if not codes <= held.keys():
        return ""
    now = timezone.now()
    # One that is back is a way to pay: the first counts.
    times = [at for at in held.values() if at is not None and at > now]
    if not times:
        return gettext("Deposits are off right now")
    return gettext("Deposits are off until {time}").format(time=clock(min(times), now))
