"""F42: a settlement file that disagrees; every difference is found, classified, and one case. And lines as evidence."""

from __future__ import annotations

import csv
import io
import random
import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import ledger
from deposits import retry
from deposits.models import Case, Deposit, SettlementFile, SettlementFinding, SettlementLine
from deposits.reconciliation.reconcile import close_day, reconcile
from deposits.reconciliation.settlement_file import HEADER, SettlementRefused, read, take_in
from deposits.states import State
from tests.deposits.making import partner
from tests.faults_evidence.conftest import Carrier
from tests.faults_evidence.yesterday import credited_in_bulk

pytestmark = pytest.mark.usefixtures("alone")

Verdict = SettlementFinding.Verdict
LINES = 2_000
SEED = 42
#: How many of each difference are seeded; 25 in all.
SEEDED = {
    Verdict.MISSING_HERE: 5,
    Verdict.MISSING_THERE: 4,
    Verdict.AMOUNT: 5,
    Verdict.DUPLICATE: 4,
    Verdict.DATE: 4,
    Verdict.PAYMENT: 3,
}
Row = dict[str, str]


def as_csv(rows: list[Row]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def row(deposit: Deposit, day: date, **changes: str) -> Row:
    """The line of a deposit as an honest carrier writes it."""
    return {
        "date": day.isoformat(),
        "reference": deposit.reference,
        "payment_id": deposit.carrier_payment_id or f"pay-{deposit.reference}",
        "amount": f"{deposit.amount_minor // 100}.{deposit.amount_minor % 100:02}",
        "currency": deposit.currency,
        "kind": "charge",
        **changes,
    }


def seeded(deposits: list[Deposit], day: date, dice: random.Random) -> tuple[list[Row], dict[str, Verdict]]:
    """A file about `deposits` with the seeded differences, and which reference has which."""
    wrong: dict[str, Verdict] = {}
    victims = iter(dice.sample(deposits, sum(SEEDED.values())))
    rows = {deposit.reference: row(deposit, day) for deposit in deposits}
    extra = []
    for verdict, number in SEEDED.items():
        for _ in range(number):
            victim = next(victims)
            line = rows[victim.reference]
            reference = victim.reference
            match verdict:
                case Verdict.MISSING_HERE:
                    reference = f"D-{uuid.uuid4().hex[:8].upper()}"
                    extra.append(row(victim, day, reference=reference, payment_id=f"pay-{reference}"))
                case Verdict.MISSING_THERE:
                    del rows[reference]
                case Verdict.AMOUNT:
                    line["amount"] = "0.01"
                case Verdict.DUPLICATE:
                    extra.append(dict(line, payment_id=f"{line['payment_id']}-2"))
                case Verdict.DATE:
                    line["date"] = (day - timedelta(days=3)).isoformat()
                case Verdict.PAYMENT:
                    line["payment_id"] = f"other-{reference}"
            wrong[reference] = verdict
    lines = list(rows.values())
    dice.shuffle(lines)
    # What is said twice is said later the second time.
    return lines + extra, wrong


def import_(content: bytes, **options: Any) -> SettlementFile:
    file, _ = take_in("sandbox-mobile", "settlement.csv", content, by="test", **options)
    reconcile(file)
    return file


def differences(file: SettlementFile) -> dict[str, str]:
    found = file.findings.exclude(verdict__in=[Verdict.MATCHED, Verdict.CREDITED])
    return {
        (finding.line.reference if finding.line else str(finding.deposit)): finding.verdict
        for finding in found.select_related("line", "deposit")
    }


def test_f42_every_seeded_difference_is_found_classified_and_one_case(carrier: Carrier) -> None:
    day = datetime.now(UTC).date() - timedelta(days=2)
    deposits = credited_in_bulk(LINES, day)
    rows, wrong = seeded(deposits, day, random.Random(SEED))
    assert len(wrong) == 25
    file = import_(as_csv(rows), day=day)
    assert differences(file) == wrong
    assert Counter(file.findings.values_list("verdict", flat=True)) == {
        **SEEDED,
        Verdict.MATCHED: len(rows) - sum(SEEDED.values()) + SEEDED[Verdict.MISSING_THERE],
    }
    cases = Case.objects.filter(kind=Case.Kind.SETTLEMENT_DIFFERENCE, finding__file=file)
    assert cases.count() == 25
    # Once more, from the same bytes and from the same lines in another file: nothing new.
    before = (SettlementLine.objects.count(), Case.objects.count())
    assert import_(as_csv(rows), day=day).pk == file.pk
    reconcile(file)
    assert (SettlementLine.objects.count(), Case.objects.count()) == before
    honest = [line for line in rows if line["reference"] not in wrong]
    assert differences(import_(as_csv(honest), day=day)) == {}


def test_f42_what_is_missing_there_waits_for_the_end_of_the_day(carrier: Carrier) -> None:
    today = datetime.now(UTC).date()
    past = today - timedelta(days=2)
    code = f"carrier-{uuid.uuid4().hex[:8]}"
    carrier.configure(code=code)
    deposit, other, third = credited_in_bulk(3, past, carrier=code)
    file, _ = take_in(code, "f.csv", as_csv([row(third, today)]), by="test")
    reconcile(file)
    assert file.closed_at is None
    early, _ = take_in(code, "g.csv", as_csv([row(other, past)]), by="test")
    reconcile(early)
    assert differences(early) == {deposit.reference: Verdict.MISSING_THERE}
    early.refresh_from_db()
    assert close_day(early) is False


@pytest.mark.parametrize("state", [State.UNKNOWN, State.PENDING, State.REVIEW])
def test_a_line_credits_what_is_in_doubt(
    carrier: Carrier, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    deposit = in_doubt(carrier, state, monkeypatch)
    file = import_(carrier.sandbox.call("GET", "/sandbox/settlement").body)
    deposit.refresh_from_db()
    assert (deposit.state, carrier.charges(deposit)) == (State.CREDITED, [("charge", 2_000)])
    assert ledger.player_balance_minor(deposit.player_id, "GBP") == 2_000
    event = deposit.events.order_by("-id")[0]
    assert (event.event, event.actor_kind) == ("settled", "carrier")
    assert file.findings.get(deposit=deposit).verdict == Verdict.CREDITED
    carrier.set(faults={})
    carrier.work()
    assert ledger.player_balance_minor(deposit.player_id, "GBP") == 2_000


def in_doubt(carrier: Carrier, state: State, monkeypatch: pytest.MonkeyPatch) -> Deposit:
    """A deposit that was charged, and of which nobody has told us."""
    if state == State.PENDING:
        deposit = carrier.deposit("+447700900007")
        with monkeypatch.context() as patch:
            # However slow the machine is, the worker does not come to ask once it is charged.
            patch.setattr(retry, "INQUIRY_SCHEDULE_S", (6_000,))
            carrier.work_until(deposit, State.PENDING)
        carrier.advance(15 / 20)
    else:
        deposit = carrier.deposit("+447700900010")
        carrier.set(faults={"inquiry_error": 1.0})
        carrier.work_until(deposit, State.UNKNOWN)
    if state == State.REVIEW:
        with monkeypatch.context() as patch:
            patch.setattr(retry, "REVIEW_AFTER_S", 0)
            carrier.work_until(deposit, State.REVIEW)
    return deposit


def test_a_line_with_another_amount_credits_nothing(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    deposit = in_doubt(carrier, State.UNKNOWN, monkeypatch)
    file = import_(as_csv([row(deposit, datetime.now(UTC).date(), amount="20.01")]))
    deposit.refresh_from_db()
    assert deposit.state == State.UNKNOWN
    assert differences(file) == {deposit.reference: Verdict.AMOUNT}


def test_a_line_about_a_deposit_that_ended_has_the_carrier_asked(carrier: Carrier) -> None:
    deposit = carrier.deposit("+447700900002")
    carrier.work(deposit)
    file = import_(as_csv([row(deposit, datetime.now(UTC).date())]))
    deposit.refresh_from_db()
    assert (deposit.state, ledger.player_balance_minor(deposit.player_id, "GBP")) == (State.DECLINED, 0)
    assert differences(file) == {deposit.reference: Verdict.MISSING_HERE}
    assert deposit.next_action_at is not None
    assert deposit.next_action_at <= timezone.now()


def test_a_deposit_that_no_file_names_is_not_ended_by_that(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    deposit = in_doubt(carrier, State.REVIEW, monkeypatch)
    other = carrier.deposit()
    carrier.set(faults={})
    for number in (1, 2):
        day = datetime.now(UTC).date() + timedelta(days=number)
        import_(as_csv([row(other, day, reference=f"D-X{uuid.uuid4().hex[:8]}")]), day=day)
    deposit.refresh_from_db()
    assert deposit.state == State.REVIEW


WRONG = {
    "header": (b"date;reference\n", "line 1: must be date,reference"),
    "date": (b"31.01.2026,D-1,p,20.00,GBP,charge", "line 2: date: '31.01.2026'; a day like"),
    "amount": (b"2026-01-31,D-1,p,20.001,GBP,charge", "line 2: amount: '20.001'; an amount above 0 in GBP"),
    "negative": (b"2026-01-31,D-1,p,-20.00,GBP,charge", "line 2: amount"),
    "currency": (b"2026-01-31,D-1,p,20.00,XXX,charge", "line 2: currency: 'XXX'; one of GBP"),
    "kind": (b"2026-01-31,D-1,p,20.00,GBP,fee", "line 2: kind: 'fee'; charge, reversal or refund"),
    "payment": (b"2026-01-31,D-1,,20.00,GBP,charge", "line 2: payment_id: ''; 1 to 100"),
    "fields": (b"2026-01-31,D-1,p,20.00,GBP", "line 2: 5 fields; 6 are right"),
    "text": (b"\xff\xfe", "not UTF-8"),
    "quotes": (b'"2026-01-31,D-1', "not CSV"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_not_right_is_refused_as_a_whole(name: str) -> None:
    content, text = WRONG[name]
    if name not in ("header", "text"):
        content = ",".join(HEADER).encode() + b"\n" + content
    with pytest.raises(SettlementRefused, match=text.replace("(", r"\(")):
        read(content)


def test_the_command_says_what_it_found(carrier: Carrier, tmp_path: Any, capsys: Any) -> None:
    deposit = carrier.deposit()
    carrier.work(deposit)
    deposit.refresh_from_db()
    path = tmp_path / "today.csv"
    path.write_bytes(
        as_csv(
            [
                row(deposit, datetime.now(UTC).date()),
                {**row(deposit, date(2026, 1, 1)), "reference": "D-NOBODY"},
            ]
        )
    )
    for known in ("", ", imported before"):
        call_command("settlement", "import", "sandbox-mobile", str(path))
        told = capsys.readouterr().out
        assert f"2 lines{known}\n" in told
        assert "  matched: 1\n" in told
        assert "  missing_here: 1\n" in told


@pytest.mark.parametrize("table", ["settlementline", "settlementfinding"])
def test_what_was_imported_cannot_change(carrier: Carrier, table: str) -> None:
    deposit = carrier.deposit()
    import_(as_csv([row(deposit, date(2026, 1, 1))]))
    for sql in (f"UPDATE deposits_{table} SET id = id", f"DELETE FROM deposits_{table}"):
        with (
            pytest.raises(IntegrityError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)


def test_partners_do_not_matter_to_a_carriers_file(carrier: Carrier) -> None:
    deposit = carrier.deposit(partner_id=partner().pk)
    carrier.work(deposit)
    deposit.refresh_from_db()
    assert differences(import_(as_csv([row(deposit, datetime.now(UTC).date())]))) == {}
