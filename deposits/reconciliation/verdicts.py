"""What one line of a settlement file means."""

from __future__ import annotations

from dataclasses import dataclass

from deposits.models import SettlementFinding


@dataclass(frozen=True, slots=True)
class Judged:
    """`credit` says that the line settles what it is about, `ask` that the carrier is to be asked."""

    verdict: SettlementFinding.Verdict
    detail: str = ""
    credit: bool = False
    ask: bool = False
