"""The parts that a read-only page is made of: facts, tables, and buttons that lead to a form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import AuditRecord

_NEWEST_AUDIT_RECORDS = 20


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of facts, or one cell of a table.

    `link` is an address of ours or empty, `colour` that of a badge, `under` a smaller second line.
    """

    label: str
    value: str | datetime | None
    link: str = ""
    colour: str = ""
    under: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with the same columns. `more` leads to the whole list."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Fact]]
    more: str = ""
    empty: str = "None yet."


@dataclass(frozen=True, slots=True)
class Page:
    """A page of facts and tables. `buttons` are (label, address of a form)."""

    title: str
    facts: Sequence[Fact]
    tables: Sequence[Table] = ()
    buttons: Sequence[tuple[str, str]] = ()
    note: str = ""
    known: Sequence[Fact] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", [fact for fact in self.facts if fact.value not in (None, "")])


def cell(value: str | datetime | None, link: str = "", colour: str = "", under: str = "") -> Fact:
    """Return a table's cell."""
    return Fact("", value, link, colour, under)


def audit_address(subject_kind: str, subject: str) -> str:
    """Return the address of the audit trail of one subject."""
    query = urlencode({"subject_kind": subject_kind, "subject": subject})
    return f"{reverse('admin:accounts_auditrecord_changelist')}?{query}"


def audit_table(subject_kind: str, subject: str) -> Table:
    """Return who looked at the subject and what was done to it, newest first."""
    records = AuditRecord.objects.filter(subject_kind=subject_kind, subject=subject).order_by("-id")
    rows = [
        [
            cell(record.at),
            cell(record.actor or record.actor_kind),
            cell(record.action, reverse("admin:accounts_auditrecord_change", args=[record.pk])),
            cell(record.reason),
            cell(record.address),
        ]
        for record in records[:_NEWEST_AUDIT_RECORDS]
    ]
    columns = ("When", "Who", "Did", "Why", "From")
    return Table("Audit trail", columns, rows, more=audit_address(subject_kind, subject))


def money(minor: int, currency: str) -> str:
    """Return an amount in minor units as books write it: -2000 GBP → "−20.00 GBP"."""
    whole, rest = divmod(abs(minor), 100)
    return f"{'−' if minor < 0 else ''}{whole:,}.{rest:02} {currency}"
