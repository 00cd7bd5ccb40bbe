"""How a backlog drains after every worker was away (F13): `python -m tests.chaos_figures.backlog`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from tests.chaos_figures.standing import Figures, report
from tests.stack import Stack, await_condition

DEPOSITS = 500
#: In the carrier's hands when the workers die.
IN_HAND = 8
_CLIENTS = 8
_FINAL = "('credited', 'declined', 'failed', 'cancelled', 'expired')"


def measure_backlog(stack: Stack, *, deposits: int = DEPOSITS) -> Figures:
    """Kill every worker with `IN_HAND` calls open, accept `deposits` more, start the workers, and see who goes first.

    `new_before_unknown` counts new deposits that were claimed before the last of those that may have been charged.
    """
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as database:
        stack.freeze("sandbox")
        in_hand = [stack.deposit("100").body["id"].removeprefix("dep_") for _ in range(IN_HAND)]
        numbers = _Numbers(database)
        await_condition(
            lambda: numbers.count("state <> 'received'", in_hand) == IN_HAND, what="calls in hand"
        )
        # The sweepers too: they would stand in for workers that do not come.
        tier = [*stack.programs_of("worker"), *stack.programs_of("sweeper")]
        for name in tier:
            stack.end(name, grace_s=0)
        stack.thaw("sandbox")
        with ThreadPoolExecutor(max_workers=_CLIENTS) as partners:
            answers = list(
                partners.map(lambda _: stack.deposit_in_the_end("101", amount=100), range(deposits))
            )
        new = [answer.body["id"].removeprefix("dep_") for answer in answers if answer.status in (200, 201)]
        waiting = numbers.count("state = 'received'", new)
        await_condition(
            lambda: numbers.count("next_action_at <= now()", in_hand) == IN_HAND, what="leases having ended"
        )
        began = database.execute("SELECT now()").fetchone()
        for name in tier:
            stack.begin(name)
        everything = in_hand + new
        await_condition(
            lambda: numbers.count(f"state IN {_FINAL}", everything) == len(everything),
            within_s=180,
            what="the backlog having drained",
        )
        assert began is not None
        return {
            "deposits": deposits,
            "accepted": len(new),
            "waited_in_received": waiting,
            "unknown": IN_HAND,
            "credited": numbers.count("state = 'credited'", everything),
            **numbers.order(in_hand, new, began[0]),
        }


class _Numbers:
    def __init__(self, database: psycopg.Connection[Any]) -> None:
        self._database = database

    def count(self, condition: str, ids: list[str]) -> int:
        """How many of the deposits with these ids (as the API shows them) meet the condition."""
        query = f"SELECT count(*) FROM deposits_deposit WHERE {condition} AND replace(id::text, '-', '') = ANY (%s)"
        row = self._database.execute(query, [ids]).fetchone()
        return int(row[0]) if row else 0

    def order(self, unknown: list[str], new: list[str], began: object) -> Figures:
        """Who was claimed when, in seconds after `began`."""
        row = self._database.execute(
            """WITH first AS (
                SELECT replace(a.deposit_id::text, '-', '') AS id, min(a.started_at) AS at FROM deposits_attempt AS a
                WHERE a.started_at > %(began)s GROUP BY 1)
            SELECT count(*) FILTER (
                    WHERE id = ANY (%(new)s) AND at < (SELECT max(at) FROM first WHERE id = ANY (%(old)s))),
                extract(epoch FROM max(at) FILTER (WHERE id = ANY (%(new)s)) - %(began)s),
                (SELECT extract(epoch FROM max(d.resolved_at) - %(began)s) FROM deposits_deposit AS d
                    WHERE replace(d.id::text, '-', '') = ANY (%(new)s))
            FROM first""",
            {"began": began, "new": new, "old": unknown},
        ).fetchone()
        assert row is not None
        return {
            "new_before_unknown": int(row[0]),
            "longest_wait_s": round(float(row[1]), 2),
            "drained_after_s": round(float(row[2]), 2),
        }


if __name__ == "__main__":
    report(measure_backlog)
