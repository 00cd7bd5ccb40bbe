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
    method_type: str = "carrier_billing"
    """The way to pay that it serves: "carrier_billing" by phone number, or "bank" by its own code."""
    prefixes: tuple[str, ...] = ()
    """Numbers it serves, as E.164 prefixes; none for a bank."""
    currencies: tuple[str, ...] = ("GBP",)
    minimum_minor: int = 100
    maximum_minor: int = 4_000
    descriptor: str = "PAYSITE"
    """What the phone bill will say."""
    merchant_name: str = "Paysite"
    refund_url: str = ""
    """Where refunds are ordered, when that is an API of its own; empty where the carrier gives nothing back."""
    notification_url: str = ""
    notification_secret: str = ""
    reply_text: str = ""
    reply_to: str = ""
    """Where the carrier texts the player a question once it has the order: what is replied, and to which number."""
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

    # --- banks, where the player approves the payment with the bank itself ---
    version: str = "4.0"
    """Of the protocol: "4.0", or "3.1" with its long status names."""
    authorise_url: str = ""
    """Where the player's browser is sent to approve."""
    redirect_url: str = ""
    """Our own address that the bank sends the browser back to."""
    issuer: str = ""
    """The bank's own name for itself, in what it signs and sends back with the browser."""
    jwks_url: str = ""
    """The bank's public keys, which check the signatures of its answers."""
    client_auth: str = "client_secret_basic"
    """How we name ourselves to the token address: "client_secret_basic", or "private_key_jwt" with `signing_key`."""
    signing_key: str = ""
    """Our private RSA key, as PEM text; it signs what we order."""
    signing_key_id: str = ""
    signer: str = ""
    """Whose signature it is: our organisation and software, as the bank's directory names them."""
    trust_anchor: str = ""
    """Whose directory that is."""
    binding_secret: str = ""
    """From it and our reference follow state, nonce and verifier, so that none of them has to be kept."""
    certificate: str = ""
    certificate_key: str = ""
    """For mutual TLS, as PEM text; both or none."""
    creditor_scheme: str = ""
    creditor_account: str = ""
    creditor_name: str = ""
    """The account that deposits are paid into."""
    pays_back: bool = False
    """Whether that account is with this bank and pays by our order alone, as agreed: then refunds are offered."""
    credited_statuses: tuple[str, ...] = ("ACSC", "ACCC")
    """Statuses of a payment that count as money received, by their names in version 4.0."""
    gambling_block_reasons: tuple[str, ...] = ("AG01",)
    """Reasons of a rejection by which this bank says that its customer has blocked gambling payments."""
    approval_within_s: float = 600.0
    """How long the player has to approve, unless the bank says less."""
    confirm_funds: bool = False
    """Ask before the payment whether the account has the money."""
    name_check: str = "off"
    """When the account holder's name is not the player's: "off", "hold" the money for people, or "refuse" it."""
