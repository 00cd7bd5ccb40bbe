"""The end-state oracle: what the product says against what the carrier has recorded, and the books against themselves.

The truth is the sandbox's append-only record of what it charged. Nothing here looks at how the product works, only at
its rows and at what players were told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from deposits.states import FINAL, NOTHING_TAKEN, State
from tests.chaos import refund_oracle
from tests.chaos.players import Told

#: Findings of one kind that are kept with their details.
_KEPT = 20


@dataclass
class Verdict:
    """How often each invariant is broken, and by whom: kind → findings."""

    broken: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    ledger_sum: int = 0
    deposits: int = 0
    states: Counter[str] = field(default_factory=Counter)
    #: Not charged, and set aside with an open case after all of their claims died: people end those.
    for_people: int = 0
    #: Reversals that the carrier told nobody about: nobody can have booked them.
    untold_reversals: int = 0
    #: Refunds by the state that they ended in.
    refunds: dict[str, int] = field(default_factory=dict)

    def count(self, kind: str) -> int:
        """Return how often this invariant is broken."""
        return len(self.broken.get(kind, ()))

    @property
    def holds(self) -> bool:
        """Whether nothing at all is wrong."""
        return not any(self.broken.values()) and self.ledger_sum == 0

    def lines(self) -> list[str]:
        """Return the findings in words."""
        return [f"{kind}: {finding}" for kind, found in self.broken.items() for finding in found[:_KEPT]]


#: Kinds of findings, in the words of the receipt.
INVARIANTS = {
    "lost": "accepted (the client was told so), and there is no such deposit",
    "doubled_charges": "charged more than once by the carrier",
    "doubled_credits": "credited more than once",
    "charged_not_credited": "charged, and neither credited nor refunded nor set aside for people",
    "credited_not_charged": "credited without a charge",
    "unfinished": "neither at an end nor in review",
    "wrong_amount": "credited with another amount than the carrier took",
    "state_and_books_differ": "the state says credited and the ledger does not, or the other way round",
    "reversals": "reversed by the carrier and told so, and not booked once",
    "two_answers": "one idempotency key answered with two deposits",
    "balances": "an account's balance is not the sum of its postings, or an entry does not sum to zero",
    "limits": "what is reserved against a limit is not what its deposits add up to",
    "audit": "the audit chain does not hold",
    "reads_in_flight": "a snapshot taken during the run did not sum to zero",
    **refund_oracle.INVARIANTS,
}

_DEPOSITS = """
SELECT d.id, d.reference, d.state, d.amount_minor, d.taken_minor, d.idempotency_key, d.player_id, d.phone_number,
    (SELECT count(*) FROM deposits_case AS c WHERE c.deposit_id = d.id AND c.state <> 'closed') AS open_cases,
    coalesce((SELECT jsonb_object_agg(e.kind, e.n) FROM (
        SELECT kind, count(*) AS n FROM accounts_ledgerentry WHERE source = d.id GROUP BY kind) AS e), '{}') AS entries,
    coalesce((SELECT sum(p.amount_minor) FROM accounts_ledgerentry AS e JOIN accounts_posting AS p ON p.entry_id = e.id
        JOIN accounts_ledgeraccount AS a ON a.id = p.account_id
        WHERE e.source = d.id AND e.kind = 'deposit' AND a.kind = 'player'), 0)::bigint AS credited_minor,
    coalesce((SELECT sum(p.amount_minor) FROM accounts_ledgerentry AS e JOIN accounts_posting AS p ON p.entry_id = e.id
        JOIN accounts_ledgeraccount AS a ON a.id = p.account_id
        WHERE e.source = d.id AND e.kind = 'unallocated' AND a.kind = 'unallocated'), 0)::bigint AS unallocated_minor
FROM deposits_deposit AS d
"""
_LIMITS = """
WITH counted AS (
    SELECT s.kind, s.subject, d.currency, floor(extract(epoch FROM d.created_at) / 60)::int AS minute,
        sum(d.amount_minor) FILTER (WHERE d.state <> 'credited') AS reserved,
        sum(d.amount_minor) FILTER (WHERE d.state = 'credited') AS settled
    FROM deposits_deposit AS d CROSS JOIN LATERAL (
        VALUES ('phone_number', d.phone_number), ('player', d.player_id::text)) AS s (kind, subject)
    WHERE s.subject <> '' AND NOT d.state = ANY(%(nothing_taken)s) GROUP BY 1, 2, 3, 4
), held AS (
    SELECT a.subject_kind AS kind, a.subject, a.currency, b.minute, b.reserved, b.settled
    FROM deposits_accumulator AS a
    CROSS JOIN LATERAL unnest(a.minutes, a.reserved, a.settled) AS b (minute, reserved, settled)
)
SELECT kind, subject, minute, held.reserved, held.settled, counted.reserved AS owed, counted.settled AS paid
FROM held FULL JOIN counted USING (kind, subject, currency, minute)
WHERE coalesce(held.reserved, 0) <> coalesce(counted.reserved, 0)
    OR coalesce(held.settled, 0) <> coalesce(counted.settled, 0)
"""
_BOOKS = {
    "entry that does not sum to zero": "SELECT entry_id FROM accounts_posting GROUP BY entry_id, currency"
    " HAVING sum(amount_minor) <> 0",
    "entry without postings": "SELECT id FROM accounts_ledgerentry AS e"
    " WHERE NOT EXISTS (SELECT FROM accounts_posting WHERE entry_id = e.id)",
    "balance that is not the sum of its postings": "SELECT a.id FROM accounts_ledgeraccount AS a"
    " LEFT JOIN accounts_posting AS p ON p.account_id = a.id WHERE a.kind = 'player'"
    " GROUP BY a.id HAVING a.balance_minor <> coalesce(sum(p.amount_minor), 0)",
}


def judge(
    database: psycopg.Connection[Any],
    charges: list[dict[str, Any]],
    given_back: list[tuple[str, int]],
    notified: set[str],
    told: Told,
) -> Verdict:
    """Compare everything after the run has come to rest.

    `charges`: the carrier's whole record, charges and reversals. `given_back`: refunds (reference, minor units) by its
    record. `notified`: references of which the carrier delivered a notification about a cancel or a reversal.
    """
    verdict = Verdict()
    with database.cursor(row_factory=dict_row) as cursor:
        deposits = cursor.execute(_DEPOSITS).fetchall()
        verdict.deposits = len(deposits)
        verdict.states.update(row["state"] for row in deposits)
        by_reference = {row["reference"]: row for row in deposits}
        charged, reversed_ = _by_reference(charges, "charge"), _by_reference(charges, "reversal")
        for row in deposits:
            _judge_one(
                verdict, row, charged.get(row["reference"], []), len(reversed_.get(row["reference"], []))
            )
            _judge_reversal(verdict, row, len(reversed_.get(row["reference"], [])), notified)
        _judge_told(verdict, by_reference, charged, told)
        for row in cursor.execute(_LIMITS, {"nothing_taken": sorted(NOTHING_TAKEN)}).fetchall():
            verdict.broken["limits"].append(str(row))
        for what, query in _BOOKS.items():
            verdict.broken["balances"] += [f"{what}: {row}" for row in cursor.execute(query).fetchall()]
        found, verdict.refunds = refund_oracle.judge(database, given_back, charged, told.refunds)
        for kind, findings in found.items():
            verdict.broken[kind] += findings
        total = cursor.execute("SELECT coalesce(sum(amount_minor), 0)::bigint AS total FROM accounts_posting")
        verdict.ledger_sum = (total.fetchone() or {})["total"]
    return verdict


def _by_reference(charges: list[dict[str, Any]], kind: str) -> dict[str, list[int]]:
    amounts: dict[str, list[int]] = defaultdict(list)
    for line in charges:
        if line["kind"] == kind:
            amounts[line["reference"]].append(line["amount_minor"])
    return amounts


def _judge_one(verdict: Verdict, row: dict[str, Any], charges: list[int], reversals: int) -> None:
    broken, state, entries = verdict.broken, State(row["state"]), row["entries"]
    credits_, set_aside = entries.get("deposit", 0), entries.get("unallocated", 0)
    label = f"{row['reference']} {state}, charged {charges}, booked {entries}"
    if len(charges) > 1:
        broken["doubled_charges"].append(label)
    if credits_ + set_aside > 1:
        broken["doubled_credits"].append(label)
    # What the carrier took and gave back by itself before we knew of either is owed to nobody.
    kept = len(charges) > reversals
    if kept and not credits_ and not (set_aside and (state == State.REVIEW or row["open_cases"])):
        broken["charged_not_credited"].append(label)
    if credits_ and not charges:
        broken["credited_not_charged"].append(label)
    if credits_ and charges and row["credited_minor"] != charges[0]:
        broken["wrong_amount"].append(f"{label}, credited {row['credited_minor']}")
    if set_aside and charges and row["unallocated_minor"] != charges[0]:
        broken["wrong_amount"].append(f"{label}, set aside {row['unallocated_minor']}")
    if (state == State.CREDITED) is not bool(credits_):
        broken["state_and_books_differ"].append(label)
    if state == State.REVIEW and not charges and row["open_cases"]:
        verdict.for_people += 1
    elif state not in FINAL and not (state == State.REVIEW and set_aside):
        broken["unfinished"].append(label)


def _judge_reversal(verdict: Verdict, row: dict[str, Any], reversals: int, notified: set[str]) -> None:
    booked = row["entries"].get("deposit_reversal", 0)
    credited = row["entries"].get("deposit", 0)
    if booked > reversals or (reversals and credited and not booked and row["reference"] in notified):
        verdict.broken["reversals"].append(f"{row['reference']}: {reversals} by the carrier, {booked} booked")
    elif reversals and credited and not booked:
        verdict.untold_reversals += 1


def _judge_told(
    verdict: Verdict, deposits: dict[str, dict[str, Any]], charged: dict[str, list[int]], told: Told
) -> None:
    for key, references in told.accepted.items():
        if len(references) > 1:
            verdict.broken["two_answers"].append(f"{key}: {sorted(references)}")
        verdict.broken["lost"] += [
            f"{reference} was accepted under {key}" for reference in references if reference not in deposits
        ]
    verdict.broken["lost"] += [
        f"{reference} was charged and is unknown here" for reference in charged if reference not in deposits
    ]
