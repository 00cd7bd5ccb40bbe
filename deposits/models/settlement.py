"""What carriers settle: their files line by line, as they came, and what each line was found to mean."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from deposits.models.case import Case
from deposits.models.deposit import Deposit


class SettlementFile(models.Model):
    """One file of one carrier about one day. The same bytes again are the same file."""

    carrier = models.CharField(max_length=40)
    # The day that the carrier settles with it, in UTC.
    day = models.DateField()
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    lines_count = models.PositiveIntegerField()
    imported_by = models.CharField(max_length=100)
    imported_at = models.DateTimeField(db_default=Now())
    # When what is missing in it was looked for: once its day is over.
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["carrier", "sha256"], name="settlement_file_once")]

    def __str__(self) -> str:
        return f"{self.carrier} {self.day}"


class SettlementLine(models.Model):
    """One line of a file. Amounts in minor units, positive for each kind. Append-only by trigger."""

    class Kind(models.TextChoices):
        CHARGE = "charge", "charge"
        REVERSAL = "reversal", "reversal"
        REFUND = "refund", "refund"

    file = models.ForeignKey(SettlementFile, on_delete=models.PROTECT, related_name="lines")
    number = models.PositiveIntegerField()
    day = models.DateField()
    reference = models.CharField(max_length=64, blank=True)
    payment_id = models.CharField(max_length=100)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=10, choices=Kind)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "number"], name="settlement_line_once"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="settlement_line_amount"),
        ]
        indexes = [
            models.Index(fields=["reference"], name="settlement_by_reference"),
            models.Index(fields=["payment_id"], name="settlement_by_payment"),
        ]

    def __str__(self) -> str:
        return f"{self.file} line {self.number}"


class SettlementFinding(models.Model):
    """What a line means, or what a file lacks. Append-only by trigger; a difference has a case."""

    class Verdict(models.TextChoices):
        MATCHED = "matched", "as we have it"
        CREDITED = "credited", "credited by this line"
        MISSING_HERE = "missing_here", "settled by the carrier, missing here"
        MISSING_THERE = "missing_there", "credited here, missing in the file"
        AMOUNT = "amount", "amount or currency differs"
        DUPLICATE = "duplicate", "settled twice"
        DATE = "date", "settled for another day"
        PAYMENT = "payment", "another payment of the carrier"

    file = models.ForeignKey(SettlementFile, on_delete=models.PROTECT, related_name="findings")
    line = models.OneToOneField(
        SettlementLine, on_delete=models.PROTECT, null=True, blank=True, related_name="finding"
    )
    deposit = models.ForeignKey(
        Deposit, on_delete=models.PROTECT, null=True, blank=True, related_name="settlement_findings"
    )
    verdict = models.CharField(max_length=15, choices=Verdict)
    detail = models.CharField(max_length=300, blank=True, default="")
    case = models.OneToOneField(Case, on_delete=models.PROTECT, null=True, blank=True, related_name="finding")
    found_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["file", "deposit"],
                condition=models.Q(line=None),
                name="settlement_missing_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["file", "id"],
                name="settlement_differences",
                condition=~models.Q(verdict__in=["matched", "credited"]),
            ),
        ]

    def __str__(self) -> str:
        return self.get_verdict_display()
