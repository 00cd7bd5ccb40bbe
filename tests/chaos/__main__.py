"""`python -m tests.chaos`: a chaos run and its receipt. Exit status 1 when an invariant broke or a run is void."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.local_servers import ENVIRONMENT, ROOT

# Before anything of the product is imported: it reads its settings then.
os.environ.update({**ENVIRONMENT, "DJANGO_SETTINGS_MODULE": "paysite.settings"})

from tests.chaos import receipt, site_figures
from tests.chaos.pieces import FOLDER, Piece, join
from tests.chaos.profiles import PROFILES
from tests.chaos.run import run

SEED = 20_261_122


def main() -> int:
    """Run, write the receipt, say how it went."""
    asked = _arguments()
    profile = PROFILES[asked.profile]
    given = {name: getattr(asked, name) for name in ("deposits", "deaths", "minutes") if getattr(asked, name)}
    profile = replace(profile, **given)
    found: list[Piece] = []
    for seed in range(asked.seed, asked.seed + (1 if asked.join else profile.seeds)):
        piece = Piece.of(run(profile, seed, lambda text: print(text, flush=True)))
        found = join(piece, asked.reports / FOLDER) if asked.join else [*found, piece]
        path = receipt.write(found, asked.reports, _site(asked, measure=False))
        for line in (*piece.findings, *piece.too_seldom):
            print(f"  {line}")
    if asked.profile in ("default", "deep") and not asked.no_figures:
        path = receipt.write(found, asked.reports, _site(asked, measure=True))
    passed = all(piece.passed for piece in found)
    print(f"{'passed' if passed else 'FAILED'}: {path}")
    return 0 if passed else 1


def _site(asked: argparse.Namespace, *, measure: bool) -> dict[str, Any] | None:
    """Return the figures of a whole site. Those of a run in pieces are kept beside the pieces, as last measured."""
    kept = asked.reports / FOLDER / "site.json"
    if measure:
        figures = site_figures.measure(print)
        if asked.join:
            kept.write_text(json.dumps(figures, indent=1) + "\n")
        return figures
    return json.loads(kept.read_text()) if asked.join and kept.exists() else None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--profile", choices=PROFILES, default="default")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--deposits", type=int, default=0, help="instead of the profile's")
    parser.add_argument("--deaths", type=int, default=0, help="instead of the profile's")
    parser.add_argument("--minutes", type=float, default=0.0, help="of load, instead of the profile's")
    parser.add_argument(
        "--no-figures", action="store_true", help="leave out what is measured of a whole site"
    )
    parser.add_argument(
        "--join",
        action="store_true",
        help="run one seed and join it to those that are kept in reports/pieces",
    )
    parser.add_argument("--reports", type=Path, default=ROOT / "reports")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
