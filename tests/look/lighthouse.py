"""`make lighthouse`: what Lighthouse says of five screens, as a phone's browser that is signed in; five runs of each.

It is installed by npm below .data. Exits 1 when a run's accessibility, best practices or SEO is
below 100, a median of performance is, or the deposit page, cold, is larger than it may be.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from statistics import median
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

from paysite.local_stack.chromium import launch_arguments, require_chromium
from paysite.local_stack.ports import HOST
from tests.look.standing import ROOT, standing
from tests.look.transfers import recorded
from tests.look.walk import TAP, open_story, see

PACKAGE = "lighthouse@12.8.2"  # the last one for Node 20
FOLDER = ROOT / ".data" / "lighthouse"
DEBUG_PORT = 9_333
#: A trace now and then fails in the browser; such a run says nothing about the page.
TRIES = 3
#: `make run` leaves files as they are; what counts is how they go over a network.
AS_IN_PRODUCTION = "tests.look.storage.PlayersFilesCompressed"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
EXACT = CATEGORIES[1:]
MOST_BYTES, MOST_SCRIPT_BYTES = 14 * 1_024, 4 * 1_024


def main() -> int:
    """Print a table; return how it went as an exit status."""
    parser = argparse.ArgumentParser(prog="make lighthouse", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=5, help="of each screen; the median of performance counts"
    )
    runs = range(parser.parse_args().runs)
    _install()
    problems: list[str] = []
    # Ten times slower: a screen that waits still waits when Lighthouse is through with it.
    with (
        standing(TIME_DIVISOR="0.1", STATICFILES_BACKEND=AS_IN_PRODUCTION) as base_url,
        sync_playwright() as playwright,
        tempfile.TemporaryDirectory() as profile,
    ):
        browser = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=require_chromium(),
            args=[*launch_arguments(), f"--remote-debugging-port={DEBUG_PORT}"],
        )
        problems += _sizes(browser, base_url)
        for name, address in _screens(browser.new_page(), base_url):
            problems += _judge(name, [_run(name, address, number) for number in runs])
        browser.close()
    sys.stdout.write("".join(f"too little: {problem}\n" for problem in problems))
    return 1 if problems else 0


def _install() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    if (FOLDER / "node_modules" / "lighthouse").is_dir():
        return
    if shutil.which("npm") is None:
        raise SystemExit(
            "Lighthouse needs Node 20 or newer with npm; install it (on Debian: apt-get install npm)"
        )
    subprocess.run(
        ["npm", "install", "--prefix", FOLDER, "--no-audit", "--no-fund", "--silent", PACKAGE],
        check=True,
    )


def _screens(page: Page, base_url: str) -> Iterator[tuple[str, str]]:
    open_story(page, base_url, "001")
    page.click(TAP)
    see(page, "S13")
    yield "S13 deposited", page.url
    yield "S1 deposit", f"{base_url}/deposit/"
    for story, screen, name in (
        ("016", "S6", "S6 waiting"),
        ("code", "S10", "S10 code"),
        ("002", "S14", "S14 not deposited"),
    ):
        open_story(page, base_url, story)
        page.click(TAP)
        see(page, screen)
        yield name, page.url


def _run(name: str, address: str, number: int) -> dict[str, float]:
    """Return the score of each category, 0 to 100, in one run against the browser that is signed in."""
    file = FOLDER / f"{name.split()[0]}-{number}.json"
    for _ in range(TRIES):
        subprocess.run(
            [
                *(
                    "node",
                    str(FOLDER / "node_modules" / "lighthouse" / "cli" / "index.js"),
                    address,
                    "--quiet",
                ),
                *("--output=json", f"--output-path={file}", f"--port={DEBUG_PORT}", f"--hostname={HOST}"),
                *(
                    "--disable-storage-reset",
                    "--form-factor=mobile",
                    f"--only-categories={','.join(CATEGORIES)}",
                ),
            ],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        told: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        if told and "runtimeError" not in told:
            return {one: 100 * (told["categories"][one]["score"] or 0) for one in CATEGORIES}
    raise SystemExit(f"Lighthouse failed {TRIES} times on {name}; see {file.relative_to(ROOT)}")


def _judge(name: str, runs: list[dict[str, float]]) -> Iterator[str]:
    performance = median(run["performance"] for run in runs)
    least = {one: min(run[one] for run in runs) for one in EXACT}
    told = ", ".join(f"{one} {value:.0f}" for one, value in least.items())
    slowest = min(run["performance"] for run in runs)
    sys.stdout.write(f"{name}: performance {performance:.0f} (least {slowest:.0f}), {told}\n")
    sys.stdout.flush()
    if performance < 100:
        yield f"{name}: the median of performance is {performance:.0f}"
    for one, value in least.items():
        if value < 100:
            yield f"{name}: {one} is {value:.0f}"


def _sizes(browser: BrowserContext, base_url: str) -> Iterator[str]:
    """What the deposit page costs a phone that has never been there, as it goes over the wire."""
    page = browser.new_page()
    with recorded(page) as found:
        page.goto(f"{base_url}/deposit/", wait_until="networkidle")
    page.close()
    parts = ", ".join(f"{name} {size:.0f}" for name, size in found.sizes.items())
    sys.stdout.write(f"S1 cold: {found.total:.0f} bytes with headers ({parts})\n")
    if found.total > MOST_BYTES:
        yield f"S1 cold takes {found.total:.0f} bytes, and may take {MOST_BYTES}"
    if found.script > MOST_SCRIPT_BYTES:
        yield f"S1 cold takes {found.script:.0f} bytes of script, and may take {MOST_SCRIPT_BYTES}"


if __name__ == "__main__":
    sys.exit(main())
