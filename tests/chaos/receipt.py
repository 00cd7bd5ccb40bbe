"""The fault receipt: reports/chaos.md for people, reports/chaos.json for machines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.chaos import site_figures
from tests.chaos.oracle import INVARIANTS
from tests.chaos.pieces import Piece

_TOTAL = (
    "lost",
    "doubled_charges",
    "doubled_credits",
    "charged_not_credited",
    "credited_not_charged",
    "unfinished",
)


def as_json(pieces: list[Piece]) -> dict[str, Any]:
    """Return the machine's receipt. Several runs are added up; of their times the worst counts."""
    seeds = [piece.seed for piece in pieces]
    broken = {name: sum(piece.broken.get(name, 0) for piece in pieces) for name in INVARIANTS}

    def worst(name: str) -> float:
        return max(float(piece.measured[name]) for piece in pieces)

    return {
        "seed": seeds[0] if len(seeds) == 1 else seeds,
        "deposits": sum(piece.deposits for piece in pieces),
        "deaths": _added(piece.deaths for piece in pieces),
        "crash_points": _added(piece.crash_points for piece in pieces),
        **{name: broken[name] for name in _TOTAL},
        "ledger_sum": sum(piece.ledger_sum for piece in pieces),
        "unknown_resolved_p50_s": worst("unknown_resolved_p50_s"),
        "unknown_resolved_p99_s": worst("unknown_resolved_p99_s"),
        "figures": {
            "passed": all(piece.passed for piece in pieces),
            "profile": pieces[0].profile,
            "commits": sorted({piece.commit for piece in pieces}),
            "invariants_broken": broken,
            "too_seldom": [line for piece in pieces for line in piece.too_seldom],
            "disturbances": _added(piece.disturbances for piece in pieces),
            "runs": [piece.measured for piece in pieces],
        },
    }


def _added(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    return dict(sorted(sum((Counter(one) for one in counts), Counter[str]()).items()))


def as_markdown(pieces: list[Piece]) -> str:
    """Return the receipt for people."""
    facts = as_json(pieces)
    passed = facts["figures"]["passed"]
    lines = [
        "# Fault receipt",
        "",
        f"**{'All invariants held.' if passed else 'FAILED.'}** {facts['deposits']:,} deposits, "
        f"{sum(facts['deaths'].values()):,} processes killed, profile `{facts['figures']['profile']}`, "
        f"seed {facts['seed']}, code {', '.join(facts['figures']['commits'])}.",
        "",
        "| what must never be | found |",
        "| --- | --- |",
        *(
            f"| {words} | {facts['figures']['invariants_broken'][name]} |"
            for name, words in INVARIANTS.items()
        ),
        f"| sum of all ledger postings | {facts['ledger_sum']} |",
        "",
        "## Who died",
        "",
        "| process | times |",
        "| --- | --- |",
        *(f"| {kind.replace('_', ' ')} | {times} |" for kind, times in facts["deaths"].items()),
        "",
        "| crash point | hits |",
        "| --- | --- |",
        *(f"| `{point}` | {times} |" for point, times in facts["crash_points"].items()),
        "",
        "## What else happened",
        "",
        "| disturbance | times |",
        "| --- | --- |",
        *(f"| {what} | {times} |" for what, times in facts["figures"]["disturbances"].items()),
        "",
    ]
    for piece in pieces:
        lines += _one(piece)
    return "\n".join(lines)


def _one(piece: Piece) -> list[str]:
    m = piece.measured
    doorbells = m["doorbells"]
    clock = m["clock_of_half_the_workers_s"]
    moved = f"moved by {clock:+d} s" if clock else "not moved: libfaketime is not installed here"
    return [
        f"## Figures of seed {piece.seed}",
        "",
        "All waits of the product are a tenth of production's in this run (lease 6 s).",
        "",
        f"- Unknown outcomes, charged: {m['unknown_charged']}, resolved after p50 {m['unknown_resolved_p50_s']} s, "
        f"p99 {m['unknown_resolved_p99_s']} s from when the carrier would answer, a dead worker's lease included.",
        f"- Unknown outcomes, never charged: {m['unknown_never_charged']}, p50 {m['unknown_never_charged_p50_s']} s, "
        f'p99 {m["unknown_never_charged_p99_s"]} s (two "not found", apart, past the horizon, then sent again).',
        f"- Extra wait around a wiped Redis: p50 {m['extra_delay_after_wipe_p50_s']} s, "
        f"p99 {m['extra_delay_after_wipe_p99_s']} s ({m['accepted_around_a_wiped_redis']} deposits).",
        f"- Doorbells: {doorbells['rung']} rung, {doorbells['dropped']} dropped, {doorbells['doubled']} doubled.",
        f"- Clock of half the workers: {moved}.",
        f"- Leases taken over from dead workers: {m['leases_taken_over']}. Snapshots of the books: "
        f"{m['bank_style_reads']}, all summing to zero unless listed above.",
        f"- States at the end: {m['states']}. Not charged and set aside for people, because each of five claims died: "
        f"{m['set_aside_for_people']}.",
        f"- Refunds, by the state that they ended in: {m.get('refunds', 'none made')}.",
        f"- Players: {m['players']}; {m['players_who_gave_up']} gave up after a minute and a half.",
        f"- The whole run took {m['run_s']} s.",
        *(f"- **Broken** {line}" for line in piece.findings),
        *(f"- **Too seldom** {line}" for line in piece.too_seldom),
        "",
    ]


def write(pieces: list[Piece], folder: Path, site: dict[str, Any] | None = None) -> Path:
    """Write both receipts into `folder` and return the path of the one for people.

    `site`: what was measured of a whole site (site_figures.py), where it was.

    What `make mutants` last left there goes into both.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts, text = as_json(pieces), as_markdown(pieces)
    if site:
        facts["figures"]["site"] = site
        text += site_figures.as_markdown(site)
    if (folder / "mutants.json").exists():
        facts |= json.loads((folder / "mutants.json").read_text())
        table = (folder / "mutants.md").read_text()
        text += f"\n## Safeties removed one at a time, and the test that noticed first\n\n{table}"
    (folder / "chaos.json").write_text(json.dumps(facts, indent=2) + "\n")
    path = folder / "chaos.md"
    path.write_text(text)
    return path
