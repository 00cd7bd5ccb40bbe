"""A whole local stack for the commands that look at the pages: started, used, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DATA_DIR = ROOT / ".data" / "look"
FIRST_PORT = 8_900
_START_S = 300.0


@contextmanager
def standing(**environment: str) -> Iterator[str]:
    """`make run` on other ports and with other data; yields its address once everything answers."""
    facts = DATA_DIR / "run.json"
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    facts.unlink(missing_ok=True)
    arguments = ("--port", str(FIRST_PORT), "--data-dir", str(DATA_DIR))
    # Without what make says of itself, which the stack takes for a terminal of its own.
    given = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MAKEFLAGS")}
    with (DATA_DIR / "stack.log").open("w") as log:
        stack = subprocess.Popen(
            [sys.executable, "-m", "paysite.local_stack", *arguments],
            cwd=ROOT,
            env={**given, **environment},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield _address(stack, facts)
    finally:
        stack.send_signal(signal.SIGTERM)
        stack.wait()


def _address(stack: subprocess.Popen[bytes], facts: Path) -> str:
    ends = time.monotonic() + _START_S
    while not facts.exists():
        if stack.poll() is not None or time.monotonic() > ends:
            raise SystemExit(f"the stack did not start; see {DATA_DIR / 'stack.log'}")
        time.sleep(0.2)
    base_url: str = json.loads(facts.read_text())["base_url"]
    return base_url
