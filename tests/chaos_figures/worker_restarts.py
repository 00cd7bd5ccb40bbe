"""Calls in hand while workers are told to stop (F15): `python -m tests.chaos_figures.worker_restarts`."""

from __future__ import annotations

import json
import re

import psycopg

from tests.chaos_figures.load import Load
from tests.chaos_figures.standing import Figures, report
from tests.stack import Stack, await_condition, http

TIMES = 20
RATE = 20.0
#: Each call takes this long, so that there are always some in hand.
_CARRIER_ANSWERS_AFTER_MS = 200
_CUT_SHORT = re.compile(r'"event":"let_go"|time limit|database_unavailable|WorkerLost')
#: How each deposit ended, and which workers left a call of it without an end.
_ENDS = """
SELECT d.reference, d.state, ARRAY(SELECT a.worker FROM deposits_attempt AS a
    WHERE a.deposit_id = d.id AND a.finished_at IS NULL)
FROM deposits_deposit AS d WHERE replace(d.id::text, '-', '') = ANY (%s)
"""


def measure_worker_restarts(stack: Stack, *, times: int = TIMES, rate: float = RATE) -> Figures:
    """SIGTERM one worker after the other, `times` in all, while deposits come in; each is started again.

    `cut` counts deposits with a call whose worker did not wait for the answer; `let_go` those that a worker let go by
    itself, for its time was up or the database away, as it does on a machine that is too slow for a tenth of
    production's limits; `lost` deposits without an end. `said` is what workers logged about being cut short.
    """
    settings = f"{stack.sandbox_url}/sandbox/settings"
    http("PUT", settings, {"answer_delay_ms": _CARRIER_ANSWERS_AFTER_MS, "delay_jitter_ms": 100})
    load = Load(stack.base_url, stack.api_key, clients=4, rate=rate).start()
    names = stack.programs_of("worker")
    longest_s = 0.0
    for number in range(times):
        name = names[number % len(names)]
        before = len(load.tally.accepted)
        await_condition(lambda before=before: len(load.tally.accepted) > before + 5, what="the load going on")  # type: ignore[misc]
        longest_s = max(longest_s, stack.end(name))
        stack.begin(name)
    tally = load.stop()
    http("DELETE", settings)
    ids = [one.removeprefix("dep_") for one in tally.accepted.values()]
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as database:

        def unfinished() -> int:
            row = database.execute(
                """SELECT count(*) FROM deposits_deposit
                WHERE replace(id::text, '-', '') = ANY (%s) AND state NOT IN ('credited', 'declined', 'failed')""",
                [ids],
            ).fetchone()
            return int(row[0]) if row else 0

        await_condition(lambda: unfinished() == 0, what="every deposit having ended")
        rows = database.execute(_ENDS, [ids]).fetchall()
    said = [line for name in names for line in _cut_short(stack, name)]
    by_itself = {json.loads(line)["worker"] for line in said if '"event":"let_go"' in line}
    charges = [sum(line["kind"] == "charge" for line in stack.charges(reference)) for reference, _, _ in rows]
    return {
        "stops": times,
        "deposits": len(ids),
        "lost": sum(state != "credited" for _, state, _ in rows),
        "doubled": sum(number > 1 for number in charges),
        "not_charged": sum(number < 1 for number in charges),
        "cut": sum(not by_itself.issuperset(workers) for _, _, workers in rows),
        "let_go": sum(not by_itself.isdisjoint(workers) for _, _, workers in rows),
        "longest_stop_s": round(longest_s, 2),
        "said": said,
    }


def _cut_short(stack: Stack, program: str) -> list[str]:
    lines = (stack.log_dir / f"{program}.log").read_text(errors="replace").splitlines()
    return [line for line in lines if _CUT_SHORT.search(line)]


if __name__ == "__main__":
    report(measure_worker_restarts)
