"""Tables of the product."""

from deposits.models.attempt import Attempt
from deposits.models.breaker import Breaker
from deposits.models.case import Case
from deposits.models.command import Command
from deposits.models.deposit import Deposit
from deposits.models.event import DepositEvent
from deposits.models.limit_usage import LimitUsage
from deposits.models.notification import CarrierNotification
from deposits.models.refund import Refund, RefundAttempt, RefundEvent
from deposits.models.settlement import SettlementFile, SettlementFinding, SettlementLine

__all__ = [
    "Attempt",
    "Breaker",
    "CarrierNotification",
    "Case",
    "Command",
    "Deposit",
    "DepositEvent",
    "LimitUsage",
    "Refund",
    "RefundAttempt",
    "RefundEvent",
    "SettlementFile",
    "SettlementFinding",
    "SettlementLine",
]
