"""What became of refunds, held against what carrier and bank have really given back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row

from deposits.refund_states import FINAL, NOTHING_RETURNED, State

#: Kinds of findings, in the words of the receipt.
INVARIANTS = {
    "refunded_twice": "given back more than once under one reference, or under none of ours",
    "refunded_above": "given back more of a deposit than was taken",
    "refunds_differ": "returned by our word and not by theirs, or the other way round, or another amount",
    "refunds_not_debited_once": "not taken from the balance exactly once, or not put back exactly once where it failed",
    "refunds_unfinished": "a refund neither at an end nor in review",
}

_REFUNDS = """
SELECT r.reference, d.reference AS deposit, r.state, r.amount_minor,
    coalesce((SELECT jsonb_object_agg(e.kind, e.n) FROM (
        SELECT kind, count(*) AS n FROM accounts_ledgerentry WHERE source = r.id GROUP BY kind) AS e), '{}') AS entries,
    coalesce((SELECT sum(p.amount_minor) FROM accounts_ledgerentry AS e JOIN accounts_posting AS p ON p.entry_id = e.id
        JOIN accounts_ledgeraccount AS a ON a.id = p.account_id
        WHERE e.source = r.id AND a.kind = 'player'), 0)::bigint AS balance_minor
FROM deposits_refund AS r JOIN deposits_deposit AS d ON d.id = r.deposit_id
"""


def judge(
    database: psycopg.Connection[Any],
    given_back: list[tuple[str, int]],
    taken: Mapping[str, list[int]],
    told: Mapping[str, set[str]],
) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Return what is broken, kind → findings, and how many refunds ended in which state.

    `given_back`: (refund's reference, minor units), a line each of the carrier's and the bank's own records. `taken`:
    deposit's reference → what was charged. `told`: idempotency key → references of refunds answered to it.
    """
    broken, states = defaultdict[str, list[str]](list), defaultdict[str, int](int)
    there, of_deposit = defaultdict[str, list[int]](list), defaultdict[str, int](int)
    for reference, amount_minor in given_back:
        there[reference].append(amount_minor)
    with database.cursor(row_factory=dict_row) as cursor:
        rows = {row["reference"]: row for row in cursor.execute(_REFUNDS).fetchall()}
    for reference, row in rows.items():
        states[row["state"]] += 1
        of_deposit[row["deposit"]] += sum(there[reference])
        for kind in wrong(row, there[reference]):
            broken[kind].append(f"{reference} of {row['deposit']}: {row}, given back {there[reference]}")
    broken["refunded_twice"] += [f"{one} is not known here" for one in there if one not in rows]
    for deposit, back in of_deposit.items():
        if back > sum(taken.get(deposit, [])):
            broken["refunded_above"].append(f"{deposit}: {back} of {taken.get(deposit)}")
    for key, references in told.items():
        if len(references) > 1:
            broken["two_answers"].append(f"{key}: {sorted(references)}")
        broken["lost"] += [f"{one} was accepted under {key}" for one in references if one not in rows]
    return broken, dict(states)


def wrong(row: dict[str, Any], given_back: list[int]) -> list[str]:
    """Return which invariants a refund breaks. `row` as judged; `given_back` in minor units, by their records."""
    state, entries, amount_minor = State(row["state"]), row["entries"], row["amount_minor"]
    failed, returned = state in NOTHING_RETURNED, state == State.RETURNED
    end = {"refund_returned": 1} if returned else {"refund_released": 1} if failed else {}
    booked = {"refund_held": 1} | end
    found = {
        "refunded_twice": len(given_back) > 1,
        # In review nobody claims to know.
        "refunds_differ": state in FINAL and given_back != [amount_minor] * returned,
        "refunds_not_debited_once": entries != booked
        or row["balance_minor"] != (0 if failed else -amount_minor),
        "refunds_unfinished": state not in FINAL and state != State.REVIEW,
    }
    return [kind for kind, is_so in found.items() if is_so]
