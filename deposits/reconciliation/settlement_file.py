"""Reading a settlement file: CSV with a line for each charge, reversal and refund of a day (docs/settlement.md)."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from datetime import date
from decimal import Decimal, InvalidOperation

from django.db import transaction

from accounts import audit
from carriers import registry, wire
from deposits.models import SettlementFile, SettlementLine

HEADER = ("date", "reference", "payment_id", "amount", "currency", "kind")
#: A day of a busy carrier: two million lines of a hundred bytes.
MOST_BYTES = 200_000_000
_AT_ONCE = 2_000
_ID = re.compile(r"[!-~]{1,100}\Z")
_REFERENCE = re.compile(r"[!-~]{0,64}\Z")
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?\Z")


class SettlementRefused(Exception):
    """The file cannot be used; nothing of it was kept. The text names line, field and what would be right."""


def take_in(
    carrier: str, name: str, content: bytes, *, by: str, day: date | None = None
) -> tuple[SettlementFile, bool]:
    """Keep a file with all its lines, or find it kept already by its bytes; return it and whether it was new.

    `day` is the day that it settles, where its lines do not tell: without it, the latest date among them. Raises
    `SettlementRefused`.
    """
    if carrier not in registry.registry().profiles:
        known = ", ".join(registry.registry().profiles)
        raise SettlementRefused(f"carrier: {carrier!r} is not configured; one of {known} is right")
    if len(content) > MOST_BYTES:
        raise SettlementRefused(f"file: longer than {MOST_BYTES} bytes; split it")
    digest = hashlib.sha256(content).hexdigest()
    known_file = SettlementFile.objects.filter(carrier=carrier, sha256=digest).first()
    if known_file is not None:
        return known_file, False
    lines = read(content)
    day = day or max((line.day for line in lines), default=None)
    if day is None:
        raise SettlementRefused("date: the file has no lines; say with --date which day it settles")
    with transaction.atomic():
        file, created = SettlementFile.objects.get_or_create(
            carrier=carrier,
            sha256=digest,
            defaults={"day": day, "name": name[:200], "lines_count": len(lines), "imported_by": by[:100]},
        )
        if created:
            for line in lines:
                line.file = file
            SettlementLine.objects.bulk_create(lines, batch_size=_AT_ONCE)
            audit.note(
                "settlement.imported",
                actor_kind="staff",
                actor=by[:100],
                subject_kind="settlement_file",
                subject=str(file.pk),
                after={"carrier": carrier, "day": day.isoformat(), "sha256": digest, "lines": len(lines)},
            )
    return file, created


def read(content: bytes) -> list[SettlementLine]:
    """Read all lines, not yet kept. Raises `SettlementRefused` at the first one that is not right."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettlementRefused("file: not UTF-8") from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[SettlementLine] = []
    try:
        if tuple(next(rows, ())) != HEADER:
            raise SettlementRefused(f"line 1: must be {','.join(HEADER)}")
        lines.extend(_line(rows.line_num, row) for row in rows if row)
    except csv.Error as error:
        raise SettlementRefused(f"line {rows.line_num}: not CSV: {error}") from None
    return lines


def _line(number: int, row: list[str]) -> SettlementLine:
    if len(row) != len(HEADER):
        raise SettlementRefused(f"line {number}: {len(row)} fields; {len(HEADER)} are right")
    day, reference, payment_id, amount, currency, kind = row
    if kind not in SettlementLine.Kind.values:
        raise _wrong(number, "kind", kind, "charge, reversal or refund")
    if not _REFERENCE.match(reference):
        raise _wrong(number, "reference", reference, "at most 64 printable characters")
    if not _ID.match(payment_id):
        raise _wrong(number, "payment_id", payment_id, "1 to 100 printable characters")
    try:
        settled_on = date.fromisoformat(day)
    except ValueError:
        raise _wrong(number, "date", day, "a day like 2026-01-31") from None
    return SettlementLine(
        number=number,
        day=settled_on,
        reference=reference,
        payment_id=payment_id,
        amount_minor=_minor(number, amount, currency),
        currency=currency,
        kind=kind,
    )


def _minor(number: int, amount: str, currency: str) -> int:
    if currency not in wire.MINOR_DIGITS:
        raise _wrong(number, "currency", currency, f"one of {', '.join(wire.MINOR_DIGITS)}")
    try:
        minor = wire.to_minor(Decimal(amount), currency) if _AMOUNT.match(amount) else None
    except InvalidOperation:
        minor = None
    if minor is None:
        raise _wrong(number, "amount", amount, f"an amount above 0 in {currency}, like 20.00")
    return minor


def _wrong(number: int, name: str, value: str, right: str) -> SettlementRefused:
    return SettlementRefused(f"line {number}: {name}: {value[:40]!r}; {right} is right")
