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
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
DATA_DIR = ROOT / ".data" / "look"
FIRST_PORT = 8_900
_START_S = 300.0
_FACTS = DATA_DIR / "run.json"


@contextmanager
def standing(**environment: str) -> Iterator[str]:
    """`make run` on other ports and with other data; yields its address once everything answers."""
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    _FACTS.unlink(missing_ok=True)
    # What is served is collected anew, as these settings have it.
    (DATA_DIR / "static.stamp").unlink(missing_ok=True)
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
        yield _address(stack)
    finally:
        stack.send_signal(signal.SIGTERM)
        stack.wait()


def facts() -> dict[str, Any]:
    """What the standing stack says of itself: addresses, and how staff sign in."""
    found: dict[str, Any] = json.loads(_FACTS.read_text())
    return found


def _address(stack: subprocess.Popen[bytes]) -> str:
    ends = time.monotonic() + _START_S
    while not _FACTS.exists():
        if stack.poll() is not None or time.monotonic() > ends:
            raise SystemExit(f"the stack did not start; see {DATA_DIR / 'stack.log'}")
        time.sleep(0.2)
    base_url: str = facts()["base_url"]
    return base_url
