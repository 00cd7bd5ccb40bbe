"""Who acts on a player's protections, for the history and the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accounts import audit
from accounts.models import Player


class NotAllowed(Exception):
    """What was asked for is outside what the rule allows: `field` names it, the text says what would be right."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who acts: `kind` is "player", "partner", "staff" or "system"."""

    kind: str
    name: str = ""
    address: str | None = None
    request_id: str = ""
    reason: str = ""

    def note(self, action: str, player: Player, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Write the act into the audit trail, in the caller's transaction."""
        audit.note(
            action,
            actor_kind=self.kind,
            actor=self.name[:100],
            subject_kind="player",
            subject=str(player.pk),
            address=self.address,
            before=before,
            after=after,
            reason=self.reason,
            request_id=self.request_id[:64],
        )
