"""When an order whose payment was never named can have arrived: the times at which the CAMARA adapter looks."""

from __future__ import annotations

from datetime import datetime, timedelta

from carriers.interface import Order
from carriers.profiles import CarrierProfile


def windows(order: Order, profile: CarrierProfile) -> list[tuple[datetime, datetime]]:
    """Return from when until when the carrier can have made this payment, by its clock; [] when it was never sent.

    What was sent last may arrive `horizon_s` later. A tombstone may be sent long after everything else, and a window
    that went on until then, or until now, would outgrow any list: then there are two.
    """
    since = order.first_sent_at or order.created_at
    if since is None:
        return []
    early = timedelta(seconds=profile.clocks_apart_s)
    late = timedelta(seconds=profile.horizon_s) + early
    charged_by = since + timedelta(seconds=profile.resend_within_s)
    last = order.last_sent_at or charged_by
    if last - early > charged_by + late:
        return [(since - early, charged_by + late), (last - early, last + late)]
    return [(since - early, last + late)]
