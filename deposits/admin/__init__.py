"""The back office's pages about deposits: everything to be seen of each; cases and refunds are acted on."""

from deposits.admin import (
    accumulators,
    breakers,
    case_pages,
    deposit_pages,
    inbox,
    player_pages,
    refund_pages,
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
    "refund_pages",
    "rule_pages",
    "settlement_pages",
]
