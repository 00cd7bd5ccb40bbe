"""`make mutants`: remove one safety after the other from a copy of the tree, and expect the tests to fail.

Exit status 1 when the tests do not notice, when they fail without any safety removed, or when a mutant does not fit the
code any more. What caught what goes to reports/mutants.json and reports/mutants.md.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.architecture.source import ROOT
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant

REPORTS = ROOT / "reports"
#: Longer than the named tests take on two busy cores. A safety whose loss makes them wait for ever is caught, too.
TIMEOUT_S = 300.0
#: What pytest exits with when tests failed, and not for a mistake in the mutant.
_TESTS_FAILED = 1
_FAILED = re.compile(r"^FAILED (.+?)(?: - .*)?$", re.MULTILINE)


class Misfit(Exception):
    """A mutant that does not fit the code, or a run that says nothing about the safety."""


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant. `caught_by` is the first test that failed; empty when all stayed green."""

    safety: str
    caught_by: str
    seconds: float


def apply(mutant: Mutant, tree: Path) -> None:
    """Remove the safety from the tree. Raises `Misfit` unless each text stands in its file exactly once."""
    for edit in mutant.edits:
        path = tree / edit.file
        text = path.read_text(encoding="utf-8")
        if (times := text.count(edit.find)) != 1:
            raise Misfit(
                f"{mutant.safety}: this stands {times} times, not once, in {edit.file}:\n{edit.find}"
            )
        path.write_text(text.replace(edit.find, edit.replacement), encoding="utf-8")


def copy_tree(to: Path) -> None:
    """Copy what git knows or would add."""
    listed = subprocess.run(
        ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def run_tests(tree: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Run the tests in the tree until one fails; return pytest's exit status and what it wrote."""
    command = (
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "--no-header",
        "--tb=line",
        "-p",
        "no:cacheprovider",
    )
    try:
        run = subprocess.run(
            (*command, *tests), cwd=tree, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return _TESTS_FAILED, f"FAILED {tests[0]} (took longer than {TIMEOUT_S:.0f} s)"
    return run.returncode, run.stdout + run.stderr


def judge(mutant: Mutant) -> Verdict:
    """Remove the safety in a fresh copy and run the tests that must notice. Raises `Misfit`."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder)
        # The database server, which runs as another account when this is root, must be able to enter.
        tree.chmod(0o755)
        copy_tree(tree)
        apply(mutant, tree)
        status, output = run_tests(tree, mutant.tests)
    failed = _FAILED.search(output)
    if status == 0:
        caught_by = ""
    elif status == _TESTS_FAILED and failed:
        caught_by = failed[1]
    else:
        raise Misfit(f"{mutant.safety}: the tests broke down instead of failing:\n{output[-3_000:]}")
    return Verdict(mutant.safety, caught_by, round(time.monotonic() - began, 1))


def check_green(mutants: Iterable[Mutant]) -> None:
    """Run all the named tests on the code as it is. Raises `Misfit` when they fail: they would catch anything."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    status, output = run_tests(ROOT, tests)
    if status:
        raise Misfit(f"the tests fail though no safety was removed:\n{output[-3_000:]}")


def report(verdicts: Sequence[Verdict]) -> None:
    """Write what caught what, for the receipt and for people."""
    REPORTS.mkdir(exist_ok=True)
    survived = [verdict.safety for verdict in verdicts if not verdict.caught_by]
    facts = {"mutants": [asdict(verdict) for verdict in verdicts], "survived": survived}
    (REPORTS / "mutants.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    lines = ["| safety removed | caught by | s |", "| --- | --- | --- |"]
    for verdict in verdicts:
        caught_by = f"`{verdict.caught_by}`" if verdict.caught_by else "**nothing**"
        lines.append(f"| {verdict.safety} | {caught_by} | {verdict.seconds:.0f} |")
    (REPORTS / "mutants.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    """Judge every mutant whose safety contains the words given, or all; return the exit status."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("words", nargs="?", default="", help="only safeties that contain this")
    words = parser.parse_args().words
    chosen = [mutant for mutant in MUTANTS if words in mutant.safety]
    if not chosen:
        print(f"error: no safety contains {words!r}")
        return 2
    verdicts: list[Verdict] = []
    try:
        check_green(chosen)
        for mutant in chosen:
            verdicts.append(judge(mutant))
            verdict = verdicts[-1]
            print(
                f"{verdict.safety}: {verdict.caught_by or 'NOTHING NOTICED'} ({verdict.seconds:.0f} s)",
                flush=True,
            )
    except Misfit as error:
        print(f"error: {error}")
        return 1
    if len(chosen) == len(MUTANTS):
        report(verdicts)
    return int(any(not verdict.caught_by for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
