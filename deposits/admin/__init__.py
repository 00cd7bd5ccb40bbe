"""The back office's pages about deposits: everything to be seen of each; cases and refunds are acted on."""

from deposits.admin import (
    breakers,
    case_pages,
    deposit_pages,
    inbox,
    limit_usage,
    player_pages,
    refund_pages,
    settlement_pages,
)

__all__ = [
    "breakers",
    "case_pages",
    "deposit_pages",
    "inbox",
    "limit_usage",
    "player_pages",
    "refund_pages",
    "settlement_pages",
]
