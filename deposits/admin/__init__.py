"""The back office's pages about deposits: everything to be seen of each; cases alone are acted on, by two people."""

from deposits.admin import (
    accumulators,
    breakers,
    case_pages,
    deposit_pages,
    inbox,
    player_pages,
    rule_pages,
    settlement_pages,
)

__all__ = [
    "accumulators",
    "breakers",
    "case_pages",
    "deposit_pages",
    "inbox",
    "player_pages",
    "rule_pages",
    "settlement_pages",
]
