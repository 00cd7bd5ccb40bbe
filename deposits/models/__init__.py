"""Tables of the product."""

from deposits.models.attempt import Attempt
from deposits.models.breaker import Breaker
from deposits.models.command import Command
from deposits.models.deposit import Deposit
from deposits.models.event import DepositEvent
from deposits.models.limit_usage import LimitUsage
from deposits.models.notification import CarrierNotification

__all__ = ["Attempt", "Breaker", "CarrierNotification", "Command", "Deposit", "DepositEvent", "LimitUsage"]
