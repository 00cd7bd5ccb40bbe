"""The simulated banks as carriers of this installation: profile data, one entry for each bank of docs/sandbox.md."""

from __future__ import annotations

#: Code, name shown, and what differs from the others.
_BANKS: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("sandbox-bank", "Sandbox Bank", {}),
    ("sandbox-bank-slow", "Slow Bank", {"client_auth": "client_secret_basic", "confirm_funds": True}),
    ("sandbox-bank-rejects", "Stern Bank", {}),
    ("sandbox-bank-blocks", "Careful Bank", {}),
    ("sandbox-bank-holds", "Holding Bank", {}),
    ("sandbox-bank-lost", "Faraway Bank", {}),
    ("sandbox-bank-name", "Family Bank", {"name_check": "refuse"}),
    ("sandbox-bank-down", "Closed Bank", {}),
    ("sandbox-bank-refund-slow", "Patient Bank", {}),
    ("sandbox-bank-refund-rejects", "Moved Bank", {}),
    ("sandbox-bank-refund-lost", "Distant Bank", {}),
)
_COMMON: dict[str, object] = {
    "adapter": "open_banking",
    "method_type": "bank",
    "client_auth": "private_key_jwt",
    "signing_key_id": "paysite-1",
    "signer": "0015800001PAYSITE",
    "trust_anchor": "openbanking.org.uk",
    # Ours at the simulated banks.
    "creditor_scheme": "UK.OBIE.SortCodeAccountNumber",
    "creditor_account": "20000055779911",
    "creditor_name": "Paysite Casino",
    "pays_back": True,
    "descriptor": "PAYSITE CASINO",
    "minimum_minor": 500,
    "maximum_minor": 50_000,
    "name_check": "hold",
}
_TIMES_S = {
    "approval_within_s": 600,
    "horizon_s": 45,
    "clocks_apart_s": 120,
    "not_found_apart_s": 60,
    "resend_within_s": 900,
    "reference_kept_s": 24 * 3_600,
    "connect_timeout_s": 3,
}


def sandbox_banks(
    bank_url: str,
    base_url: str,
    *,
    client_id: str,
    client_secret: str,
    signing_key: str,
    binding_secret: str,
    time_divisor: float,
    http_total_s: float,
) -> list[dict[str, object]]:
    """Return an entry of CARRIERS for each simulated bank at `bank_url`; none without a `signing_key` (PEM)."""
    if not signing_key:
        return []
    common = {
        **_COMMON,
        "client_id": client_id,
        "client_secret": client_secret,
        "signing_key": signing_key,
        "binding_secret": binding_secret,
        "http_total_s": http_total_s,
        **{name: seconds / time_divisor for name, seconds in _TIMES_S.items()},
    }
    return [
        {
            **common,
            "code": code,
            "name": name,
            "issuer": f"{bank_url}/{code}",
            "base_url": f"{bank_url}/{code}/open-banking/v4.0/pisp",
            "token_url": f"{bank_url}/{code}/token",
            "authorise_url": f"{bank_url}/{code}/authorize",
            "jwks_url": f"{bank_url}/{code}/jwks",
            "redirect_url": f"{base_url}/deposit/return/{code}/",
            **own,
        }
        for code, name, own in _BANKS
    ]
