"""`python -m tests.look.answers`: how soon a page answers, plain and on a slow phone; 50 runs of each.

Two figures, each p50 and p95 in milliseconds: from the moment a carrier's answer is recorded (the database's time in
the deposit) to the change of the page that waits, and from the click to the button's other words on the screen. Slow
means 150 ms and 1.6 Mbit/s on the way and a processor four times slower. It prints; only people judge it, because
whatever else the machine does shows in it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import uuid
from collections.abc import Callable
from datetime import datetime

from playwright.sync_api import Browser, Page, sync_playwright

from paysite.local_stack.chromium import launch_arguments, require_chromium
from tests.look.standing import DATA_DIR, standing
from tests.look.walk import TAP
from tests.stack import http

SLOW_NETWORK = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 200_000,
    "uploadThroughput": 93_750,
}
SLOW_CPU = {"rate": 4}
#: "processing", then approved: by the sandbox's story after 15 s, divided by the divisor below.
LATER = "+447700900007"
TIME_DIVISOR = "4"

#: Notes when the panel has become what follows the answer.
WATCH_PANEL = """window.shown = new Promise((done) => addEventListener("DOMContentLoaded", () => {
    const panel = document.getElementById("panel");
    if (panel) new MutationObserver(() => panel.querySelector("[data-screen=S13]") && done(Date.now()))
        .observe(panel, { childList: true, subtree: true });
}));"""
#: Sends nothing, and notes when the frame after the changed words was begun.
WATCH_BUTTON = """selector => {
    const button = document.querySelector(selector);
    let clicked = 0;
    addEventListener("click", (event) => { clicked = event.timeStamp }, true);
    document.addEventListener("submit", (event) => event.preventDefault());
    window.took = new Promise((done) => new MutationObserver(() =>
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - clicked)))
    ).observe(button, { childList: true }));
}"""


def main() -> int:
    """Print a table; return 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.look.answers", description=__doc__)
    parser.add_argument("--runs", type=int, default=50, help="of each figure")
    runs = range(parser.parse_args().runs)
    with standing(TIME_DIVISOR=TIME_DIVISOR) as base_url, sync_playwright() as playwright:
        api_key = json.loads((DATA_DIR / "run.json").read_text())["api_key"]
        browser = playwright.chromium.launch(executable_path=require_chromium(), args=launch_arguments())
        for speed in ("plain", "slow"):
            _tell("answer → page", speed, [_answered(browser, base_url, api_key, speed) for _ in runs])
            _tell("click → button", speed, _clicked(browser, base_url, speed, len(runs)))
        browser.close()
    return 0


def _tell(what: str, speed: str, took_ms: list[float]) -> None:
    p95 = statistics.quantiles(took_ms, n=20, method="inclusive")[-1] if len(took_ms) > 1 else took_ms[0]
    sys.stdout.write(
        f"{what}, {speed}, {len(took_ms)} runs: p50 {statistics.median(took_ms):.0f} ms, p95 {p95:.0f} ms, "
        f"most {max(took_ms):.0f} ms\n"
    )
    sys.stdout.flush()


def _page(browser: Browser, speed: str) -> Page:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    if speed == "slow":
        protocol = page.context.new_cdp_session(page)
        protocol.send("Network.enable")
        protocol.send("Network.emulateNetworkConditions", SLOW_NETWORK)
        protocol.send("Emulation.setCPUThrottlingRate", SLOW_CPU)
    return page


def _answered(browser: Browser, base_url: str, api_key: str, speed: str) -> float:
    """Milliseconds from the answer being recorded to the change of a page that was opened before."""
    call = _caller(base_url, api_key)
    body = {
        "player": f"p-{uuid.uuid4().hex[:12]}",
        "amount": 2_000,
        "currency": "GBP",
        "method": {"type": "carrier_billing", "phone_number": LATER},
    }
    made = call("POST", "/deposits", body)
    page = _page(browser, speed)
    page.add_init_script(WATCH_PANEL)
    page.goto(made["page_url"])
    shown_ms: float = page.evaluate("window.shown")
    page.close()
    recorded = datetime.fromisoformat(call("GET", f"/deposits/{made['id']}", None)["updated_at"])
    return shown_ms - recorded.timestamp() * 1_000


def _caller(base_url: str, api_key: str) -> Callable[..., dict[str, str]]:
    def call(method: str, path: str, body: object) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {api_key}", "Idempotency-Key": str(uuid.uuid4())}
        answer = http(method, f"{base_url}/api/v1{path}", body, headers)
        if answer.status not in (200, 201):
            raise SystemExit(f"{method} {path}: {answer.status} {answer.body}")
        told: dict[str, str] = answer.body
        return told

    return call


def _clicked(browser: Browser, base_url: str, speed: str, runs: int) -> list[float]:
    """Milliseconds from each click to the words that answer it."""
    page = _page(browser, speed)
    took_ms: list[float] = []
    for _ in range(runs):
        page.goto(f"{base_url}/deposit/", wait_until="load")
        page.evaluate(WATCH_BUTTON, TAP)
        page.click(TAP)
        took_ms.append(page.evaluate("window.took"))
    page.close()
    return took_ms


if __name__ == "__main__":
    sys.exit(main())
