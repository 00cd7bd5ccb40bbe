"""What a whole site does while it is restarted, overrun, or has a carrier in trouble: figures of the receipt."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tests.local_servers import ROOT

#: Programs of tests/chaos_figures; each starts a site of its own, one after the other.
_PROGRAMS = ("rolling_restart", "overload", "carriers")


def measure(say: Callable[[str], None]) -> dict[str, Any]:
    """Run each program and return its figures by its name; where one failed, `error` and the last line that it said."""
    found: dict[str, Any] = {}
    for name in _PROGRAMS:
        say(f"measuring {name.replace('_', ' ')}")
        command = [sys.executable, "-m", f"tests.chaos_figures.{name}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode == 0:
            found[name] = json.loads(done.stdout[done.stdout.index("{") :])
        else:
            found[name] = {"error": (done.stderr.strip() or "?").splitlines()[-1]}
    return found


def as_markdown(figures: dict[str, Any]) -> str:
    """Return the figures as tables."""
    lines = ["", "## The site under load", ""]
    for name, values in figures.items():
        lines += [f"**{name.replace('_', ' ').capitalize()}**", "", "| figure | value |", "| --- | --- |"]
        lines += [f"| {key} | {value} |" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)
