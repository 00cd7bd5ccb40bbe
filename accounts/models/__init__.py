"""Tables of people and their money."""

from accounts.models.audit import AuditRecord
from accounts.models.ledger import LedgerAccount, LedgerEntry, Posting
from accounts.models.partner import ApiKey, Partner
from accounts.models.passkey import Passkey
from accounts.models.person import Person, PlayerAct
from accounts.models.player import Player, PlayerPhone
from accounts.models.protection import Protection
from accounts.models.sign_in_code import SignInCode
from accounts.models.user import User

__all__ = [
    "ApiKey",
    "AuditRecord",
    "LedgerAccount",
    "LedgerEntry",
    "Partner",
    "Passkey",
    "Person",
    "Player",
    "PlayerAct",
    "PlayerPhone",
    "Posting",
    "Protection",
    "SignInCode",
    "User",
]
