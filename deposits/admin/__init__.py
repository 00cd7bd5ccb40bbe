"""The back office's pages about deposits: everything to be seen of each; cases alone are acted on, by two people."""

from deposits.admin import (
    breakers,
    case_pages,
    deposit_pages,
    inbox,
    limit_usage,
    player_pages,
    settlement_pages,
)

__all__ = [
    "breakers",
    "case_pages",
    "deposit_pages",
    "inbox",
    "limit_usage",
    "player_pages",
    "settlement_pages",
]
