"""Compare a settlement file with what we have: credit what it proves, open a case for each difference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts import ledger
from deposits import transitions
from deposits.actions import book, cases, vulnerability
from deposits.models import Case, Deposit, Refund, SettlementFile, SettlementFinding, SettlementLine
from deposits.reconciliation import refund_lines
from deposits.reconciliation.verdicts import Judged
from deposits.states import Event, State

log = structlog.get_logger("deposits.reconciliation")

Verdict = SettlementFinding.Verdict
_CHUNK = 500
#: The carrier's clock and ours may differ by this much at midnight.
_CLOCKS_APART = timedelta(minutes=2)
#: A file is not expected to be whole until its day has been over for so long.
_CLOSED_AFTER = timedelta(hours=1)
#: Nobody is credited by a file for what was asked for longer ago than this.
_OLDEST = timedelta(days=60)
#: States in which a line that says "taken" settles the deposit.
_IN_DOUBT = (State.UNKNOWN, State.PENDING, State.REVIEW)
_NO_DIFFERENCE = (Verdict.MATCHED, Verdict.CREDITED)


def reconcile(file: SettlementFile) -> dict[str, int]:
    """Judge every line that has no finding yet, then look for what is missing if the file's day is over.

    Return how many findings of each verdict the file has by now. Safe to repeat and to be killed at any point.
    """
    while _judge_chunk(file):
        pass
    close_day(file)
    found = SettlementFinding.objects.filter(file=file).values_list("verdict", flat=True)
    counts = dict.fromkeys(Verdict.values, 0)
    for verdict in found:
        counts[verdict] += 1
    log.info("settlement_reconciled", carrier=file.carrier, day=file.day.isoformat(), **counts)
    return counts


def close_finished_days() -> int:
    """Look for what is missing in files whose day is over by now; return how many files that were."""
    files = SettlementFile.objects.filter(closed_at=None, day__lt=timezone.now().astimezone(UTC).date())
    return sum(close_day(file) for file in files)


def _judge_chunk(file: SettlementFile) -> int:
    with transaction.atomic():
        # One at a time per file: two who import the same file meet here.
        SettlementFile.objects.select_for_update().get(pk=file.pk)
        lines = list(file.lines.filter(finding=None).order_by("number")[:_CHUNK])
        refunds = refund_lines.refunds_of(file.carrier, lines)
        deposits = _deposits_of(
            file.carrier, [one for one in lines if one.kind != SettlementLine.Kind.REFUND]
        )
        earlier = _earlier(file, lines)
        judged = []
        findings = []
        for line in lines:
            repeated = _is_repeated(line, earlier)
            if line.kind == SettlementLine.Kind.REFUND:
                # Refunds before deposits, as workers lock them.
                findings.append(_act_on_refund(file, line, refunds.get(line.pk), repeated=repeated))
            else:
                deposit = deposits.get(line.pk)
                judged.append((line, deposit, judge(line, deposit, repeated)))
            earlier.setdefault(_key(line), []).append(line)
        # In the order in which workers lock deposits too.
        judged.sort(key=lambda one: str(one[1].pk) if one[1] else "")
        findings += [_act(file, line, deposit, verdict) for line, deposit, verdict in judged]
        SettlementFinding.objects.bulk_create(findings)
    return len(lines)


def judge(line: SettlementLine, deposit: Deposit | None, repeated: bool) -> Judged:
    """Return what a line means for the deposit of its reference. Pure."""
    if deposit is None:
        return Judged(Verdict.MISSING_HERE, "no deposit of ours has this reference")
    if repeated:
        return Judged(Verdict.DUPLICATE, "another line settles this already")
    if deposit.carrier_payment_id not in ("", line.payment_id):
        return Judged(Verdict.PAYMENT, f"we know it as payment {deposit.carrier_payment_id}")
    expected = deposit.amount_minor if deposit.taken_minor is None else deposit.taken_minor
    if (line.amount_minor, line.currency) != (expected, deposit.currency):
        return Judged(Verdict.AMOUNT, f"we have {expected} {deposit.currency} in minor units")
    if line.kind == SettlementLine.Kind.REVERSAL:
        if deposit.reversed_at is None:
            return Judged(Verdict.MISSING_HERE, "a reversal that we have not heard of", ask=True)
        return Judged(Verdict.MATCHED)
    if deposit.state == State.CREDITED or deposit.taken_minor is not None:
        return _dated(line, deposit)
    if deposit.state in _IN_DOUBT:
        return Judged(Verdict.CREDITED, f"it was {deposit.get_state_display()}", credit=True)
    return Judged(Verdict.MISSING_HERE, f"the deposit is {deposit.get_state_display()}", ask=True)


def _dated(line: SettlementLine, deposit: Deposit) -> Judged:
    """A charge happened between our first send and the answer; a line of another day is about something else."""
    days = _days_of(deposit)
    if line.day in days:
        return Judged(Verdict.MATCHED)
    return Judged(Verdict.DATE, f"we had it on {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else ""))


def _days_of(deposit: Deposit) -> list[date]:
    """The days, in UTC, on which the carrier can have taken the money."""
    first = ((deposit.first_sent_at or deposit.created_at) - _CLOCKS_APART).astimezone(UTC).date()
    last = ((deposit.resolved_at or timezone.now()) + _CLOCKS_APART).astimezone(UTC).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _act(
    file: SettlementFile, line: SettlementLine, deposit: Deposit | None, judged: Judged
) -> SettlementFinding:
    verdict, detail = judged.verdict, judged.detail
    if judged.credit and deposit is not None and not _credit(file, line, deposit.pk):
        # It was settled between our look and its lock: the next look finds how.
        verdict, detail = Verdict.MATCHED, "answered at the same moment"
    if judged.ask and deposit is not None:
        transitions.wake(deposit.pk, f"settlement line {line.number} of {file.day}", file.carrier)
    return _finding(file, line, deposit, verdict, detail)


def _act_on_refund(
    file: SettlementFile, line: SettlementLine, refund: Refund | None, *, repeated: bool
) -> SettlementFinding:
    judged = refund_lines.judge(line, refund, repeated)
    detail = judged.detail
    if judged.credit and refund is not None and not refund_lines.settle(file, line, refund.pk):
        detail = "answered at the same moment"
    return _finding(file, line, refund.deposit if refund else None, judged.verdict, detail)


def _finding(
    file: SettlementFile,
    line: SettlementLine,
    deposit: Deposit | None,
    verdict: SettlementFinding.Verdict,
    detail: str,
) -> SettlementFinding:
    """What a line was found to mean, with a case for a difference."""
    finding = SettlementFinding(file=file, line=line, deposit=deposit, verdict=verdict, detail=detail[:300])
    if verdict not in _NO_DIFFERENCE:
        evidence = {
            "verdict": verdict.value,
            "detail": detail,
            "line": line.number,
            "date": line.day.isoformat(),
            "reference": line.reference,
            "payment_id": line.payment_id,
            "amount_minor": line.amount_minor,
            "currency": line.currency,
            "kind": line.kind,
        }
        subject = f"{file.carrier} {file.day} file {file.pk} line {line.number}"
        finding.case = _case(subject, deposit.pk if deposit else None, evidence)
    return finding


def _credit(file: SettlementFile, line: SettlementLine, deposit_id: UUID) -> bool:
    """Credit the deposit on the line's word; False when it has ended or changed meanwhile."""
    deposit = Deposit.objects.select_for_update().get(pk=deposit_id)
    if deposit.state not in _IN_DOUBT or deposit.taken_minor is not None:
        return False
    account = ledger.player_account_id(deposit.player_id, deposit.currency)
    ledger.post([book.from_carrier("deposit", deposit, account, deposit.amount_minor)])
    transitions.move(
        deposit,
        Event.SETTLED,
        actor_kind="carrier",
        actor=file.carrier,
        detail=f"settlement file of {file.day}, line {line.number}",
        reason_code="",
        carrier_payment_id=line.payment_id,
    )
    vulnerability.look([deposit.player_id])
    return True


def close_day(file: SettlementFile) -> bool:
    """Once the file's day is over, open a case for each credit of that day that no file has; return whether it was.

    A credit whose charge may lie on several days is looked for when the files of all of them are here.
    """
    start = datetime.combine(file.day, time(), UTC)
    end = start + timedelta(days=1)
    if file.closed_at is not None or timezone.now() < end + _CLOSED_AFTER:
        return False
    with transaction.atomic():
        SettlementFile.objects.select_for_update().get(pk=file.pk)
        here = set(SettlementFile.objects.filter(carrier=file.carrier).values_list("day", flat=True))
        for deposit in _credits_without_line(file.carrier, start, end):
            if here.issuperset(_days_of(deposit)):
                evidence = {
                    "verdict": Verdict.MISSING_THERE.value,
                    "reference": deposit.reference,
                    "payment_id": deposit.carrier_payment_id,
                    "amount_minor": deposit.amount_minor,
                    "currency": deposit.currency,
                }
                case = _case(f"{file.carrier} {file.day} missing {deposit.reference}", deposit.pk, evidence)
                SettlementFinding.objects.create(
                    file=file, deposit=deposit, verdict=Verdict.MISSING_THERE, case=case
                )
        SettlementFile.objects.filter(pk=file.pk).update(closed_at=Now())
    file.refresh_from_db()
    return True


def _credits_without_line(carrier: str, start: datetime, end: datetime) -> Iterable[Deposit]:
    settled = SettlementLine.objects.filter(
        file__carrier=carrier, reference=OuterRef("reference"), kind=SettlementLine.Kind.CHARGE
    )
    told = SettlementFinding.objects.filter(deposit=OuterRef("pk"), verdict=Verdict.MISSING_THERE)
    on_the_day = Q(resolved_at__gte=start, resolved_at__lt=end) | Q(
        first_sent_at__gte=start, first_sent_at__lt=end
    )
    return (
        Deposit.objects.filter(on_the_day, carrier=carrier, state=State.CREDITED)
        .filter(created_at__gte=start - _OLDEST, created_at__lt=end)
        .exclude(Exists(settled))
        .exclude(Exists(told))
        .iterator(chunk_size=_CHUNK)
    )


def _case(subject: str, deposit_id: UUID | None, evidence: dict[str, object]) -> Case:
    cases.open_case(Case.Kind.SETTLEMENT_DIFFERENCE, subject, deposit_id, evidence)
    return Case.objects.get(kind=Case.Kind.SETTLEMENT_DIFFERENCE, subject=subject)


def _deposits_of(carrier: str, lines: Sequence[SettlementLine]) -> dict[int, Deposit]:
    """Deposits by line: by our reference, or by the carrier's payment where it tells no reference."""
    deposits = Deposit.objects.filter(carrier=carrier)
    by_reference = {
        deposit.reference: deposit
        for deposit in deposits.filter(reference__in={line.reference for line in lines if line.reference})
    }
    nameless = {line.payment_id for line in lines if not line.reference}
    by_payment = {
        deposit.carrier_payment_id: deposit for deposit in deposits.filter(carrier_payment_id__in=nameless)
    }
    found = {}
    for line in lines:
        one = by_reference.get(line.reference) if line.reference else by_payment.get(line.payment_id)
        if one is not None:
            found[line.pk] = one
    return found


def _key(line: SettlementLine) -> tuple[str, str]:
    return line.kind, line.reference or line.payment_id


def _earlier(
    file: SettlementFile, lines: Sequence[SettlementLine]
) -> dict[tuple[str, str], list[SettlementLine]]:
    """Lines taken in before these, by kind and reference: in this file and in the carrier's others."""
    found: dict[tuple[str, str], list[SettlementLine]] = {}
    if not lines:
        return found
    names = {line.reference for line in lines if line.reference}
    nameless = {line.payment_id for line in lines if not line.reference}
    first = min(line.pk for line in lines)
    same = Q(reference__in=names) | Q(reference="", payment_id__in=nameless)
    for line in SettlementLine.objects.filter(same, file__carrier=file.carrier, pk__lt=first).select_related(
        "file"
    ):
        found.setdefault(_key(line), []).append(line)
    return found


def _is_repeated(line: SettlementLine, earlier: dict[tuple[str, str], list[SettlementLine]]) -> bool:
    """Whether the charge was settled before. The same payment in a corrected file of the same day is no second one."""
    for other in earlier.get(_key(line), ()):
        restated = (other.file_id != line.file_id, other.day, other.payment_id) == (
            True,
            line.day,
            line.payment_id,
        )
        if not restated:
            return True
    return False
