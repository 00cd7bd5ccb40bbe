"""What is particular to one carrier, as data: address, credentials, limits, horizons, names shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CarrierProfile:
    """One carrier as configured. Amounts in minor units, times in seconds."""

    code: str
    """Stable key, kept on every deposit: "sandbox-mobile"."""
    adapter: str
    """Module under carriers/adapters that speaks its protocol: "camara"."""
    name: str
    """Name shown to players: "Sandbox Mobile"."""
    base_url: str
    token_url: str
    client_id: str
    client_secret: str
    prefixes: tuple[str, ...]
    """Numbers it serves, as E.164 prefixes."""
    currencies: tuple[str, ...] = ("GBP",)
    minimum_minor: int = 100
    maximum_minor: int = 4_000
    descriptor: str = "PAYSITE"
    """What the phone bill will say."""
    merchant_name: str = "Paysite"
    notification_url: str = ""
    notification_secret: str = ""
    # After the first send plus this long, a carrier that still finds nothing will never find it by itself.
    horizon_s: float = 90.0
    # The carrier's clock and ours may differ by this much when a window of creation times is searched.
    clocks_apart_s: float = 120.0
    # A second "not found" counts only this long after the first.
    not_found_apart_s: float = 60.0
    # An order older than this is not sent again: the player has long gone on.
    resend_within_s: float = 900.0
    # For this long the carrier surely refuses a reference that it has had. Later nothing is ever sent under it again.
    reference_kept_s: float = 86_400.0
    # Whether the carrier documents that a 503 was not processed. If not, a 503 may have charged.
    unavailable_means_not_processed: bool = False
    connect_timeout_s: float = 3.0
    http_total_s: float = 20.0
    # Conversations one worker process may hold with this carrier at once (bulkhead); never above a third of all.
    slots: int = 60
    # Carriers that serve the same numbers are tried in this order.
    rank: int = 1
