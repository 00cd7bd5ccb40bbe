"""Tables of the product."""

from deposits.models.accumulator import Accumulator
from deposits.models.attempt import Attempt
from deposits.models.breaker import Breaker
from deposits.models.case import Case
from deposits.models.command import Command
from deposits.models.consent import Consent
from deposits.models.deposit import Deposit
from deposits.models.event import DepositEvent
from deposits.models.failed_attempts import FailedAttempts
from deposits.models.hosted_link import HostedLink
from deposits.models.limit_raise import LimitRaise
from deposits.models.notification import CarrierNotification
from deposits.models.player_text import ResultText, ReturnText
from deposits.models.refund import Refund, RefundAttempt, RefundEvent
from deposits.models.rule import PlayerLimit, Rule, Rulebook, RuleProposal
from deposits.models.settlement import SettlementFile, SettlementFinding, SettlementLine
from deposits.models.withdrawal import Withdrawal

__all__ = [
    "Accumulator",
    "Attempt",
    "Breaker",
    "CarrierNotification",
    "Case",
    "Command",
    "Consent",
    "Deposit",
    "DepositEvent",
    "FailedAttempts",
    "HostedLink",
    "LimitRaise",
    "PlayerLimit",
    "Refund",
    "RefundAttempt",
    "RefundEvent",
    "ResultText",
    "ReturnText",
    "Rule",
    "RuleProposal",
    "Rulebook",
    "SettlementFile",
    "SettlementFinding",
    "SettlementLine",
    "Withdrawal",
]
