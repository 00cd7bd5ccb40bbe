"""The control page at /sandbox/: plain HTML, no script, nothing from other hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from itertools import islice
from pathlib import Path

from carriers.sandbox.bank.stories import BANK_FAULTS, BANKS
from carriers.sandbox.clock import stamp
from carriers.sandbox.lifecycle import CODE
from carriers.sandbox.payments import Charge
from carriers.sandbox.seen import Seen
from carriers.sandbox.stories import FAULTS, STORIES
from carriers.sandbox.world import World

STATIC = {
    "page.css": ((Path(__file__).parent / "static" / "page.css").read_bytes(), "text/css; charset=utf-8"),
}
SHOWN = 50

_FIELDS = (
    ("seed", "Seed", "text", "Decides the faults drawn and the ids minted"),
    ("answer_delay_ms", "Answer delay, ms", "number", "Added to every answer"),
    ("delay_jitter_ms", "Jitter, ms", "number", "Up to this much on top"),
    ("time_divisor", "Time divisor", "number", "Divides the delays of the stories"),
)


def control_page(world: World) -> bytes:
    """The whole page, with the settings, the newest charges and the newest requests."""
    body = "\n".join(
        (
            _header(world),
            _section("numbers", "Phone numbers", _numbers(world)),
            _section("banks", "Banks", _banks(world)),
            _section("settings", "Settings", _settings(world)),
            _section("charges", "Charges", _charges(world), _count(len(world.store.charges), "line")),
            _section(
                "payments", "Bank payments", _payments(world), _count(len(world.bank.store.lines), "line")
            ),
            _section("requests", "Requests", _requests(world), _count(len(world.seen), "request")),
        )
    )
    return f"""<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sandbox Mobile and Sandbox Bank</title>
<link rel="stylesheet" href="/sandbox/page.css">
</head>
<body>
<main>
{body}
</main>
</body>
</html>
""".encode()


def _header(world: World) -> str:
    return f"""<header>
<p class="tag">Simulator: no real phone is charged, no real money moves</p>
<h1>Sandbox Mobile and Sandbox Bank</h1>
<p>A carrier that speaks CAMARA Carrier Billing 0.5 and plays a story for each phone number, and banks that speak
UK Open Banking 4.0 and play one each. Their clock says <time>{stamp(world.clock.now())}</time>.</p>
<nav aria-label="On this page"><a href="#numbers">Numbers</a> <a href="#banks">Banks</a>
<a href="#settings">Settings</a> <a href="#charges">Charges</a> <a href="#payments">Bank payments</a>
<a href="#requests">Requests</a> <a href="/sandbox/messages">Text messages</a></nav>
</header>"""


def _section(name: str, title: str, content: str, note: str = "") -> str:
    small = f" <small>{note}</small>" if note else ""
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">\n'
        f'<h2 id="{name}-title">{title}{small}</h2>\n{content}\n</section>'
    )


def _numbers(world: World) -> str:
    rows = [(f"<code>{number}</code>", escape(story.text)) for number, story in STORIES.items()]
    rows.append(("<code>+44770090</code> and any other four digits", "approved at once"))
    lowest, highest = _pounds(world.settings.minimum_minor), _pounds(world.settings.maximum_minor)
    note = f"<p>The one-time code is always <code>{CODE}</code>. Amounts from {lowest} to {highest} are allowed.</p>"
    return note + _table(("Number", "What happens"), rows)


def _banks(world: World) -> str:
    rows = [
        (f"<code>{bank_id}</code>", escape(story.name), escape(story.text))
        for bank_id, story in BANKS.items()
    ]
    decisions = world.settings.bank_decisions
    decided = ", ".join(f"{escape(name)} {share:g}" for name, share in decisions.items()) or "the page asks"
    origin = escape(world.bank.origin)
    note = f"<p>They are at <code>{origin}</code>. Customers decide: {decided}.</p>"
    return note + _table(("bank_id", "Name", "What happens"), rows)


def _settings(world: World) -> str:
    fields = "\n".join(
        _field(name, label, kind, str(getattr(world.settings, name)), hint)
        for name, label, kind, hint in _FIELDS
    )
    faults = _faults("fault", FAULTS, world.settings.faults)
    bank_faults = _faults("bank_fault", BANK_FAULTS, world.settings.bank_faults)
    every = [*world.settings.force, *world.settings.bank_force]
    forced = "".join(f"<li><code>{escape(str(force))}</code></li>" for force in every)
    advance = _field("advance_s", "Advance by, seconds", "number", "600", "A reservation ends after 600")
    return f"""<form method="post" action="/sandbox/settings">
<fieldset><legend>Times</legend>{fields}</fieldset>
<fieldset><legend>Faults, as a probability from 0 to 1, on numbers without a story</legend>{faults}</fieldset>
<fieldset><legend>Faults of banks without a story</legend>{bank_faults}</fieldset>
<button>Save settings</button>
</form>
{f"<p>Forced faults:</p><ul>{forced}</ul>" if forced else ""}
<form method="post" action="/sandbox/settings">
<fieldset><legend>Clock</legend>{advance}</fieldset>
<button>Advance the clock</button>
</form>"""


def _faults(prefix: str, names: Iterable[str], set_now: Mapping[str, float]) -> str:
    return "\n".join(
        _field(f"{prefix}.{name}", name.replace("_", " "), "number", f"{set_now.get(name, 0):g}", "")
        for name in names
    )


def _field(name: str, label: str, kind: str, value: str, hint: str) -> str:
    more = ' step="any" min="0" required' if kind == "number" else " required"
    described = f' aria-describedby="{name}-hint"' if hint else ""
    small = f'<small id="{name}-hint">{hint}</small>' if hint else ""
    return (
        f'<p><label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" value="{escape(value)}"{more}{described}>{small}</p>'
    )


def _charges(world: World) -> str:
    newest: list[Charge] = world.store.charges[: -SHOWN - 1 : -1]
    if not newest:
        return "<p>Nothing has been charged yet.</p>"
    rows = [
        (
            str(charge.seq),
            f"<time>{charge.at}</time>",
            charge.kind,
            f'<span class="money">{_money(charge)}</span>',
            f"<code>{charge.phone_number}</code>",
            f"<code>{escape(charge.reference)}</code>",
        )
        for charge in newest
    ]
    return _table(("No.", "At", "Kind", "Amount", "Number", "Reference"), rows)


def _payments(world: World) -> str:
    newest = world.bank.store.lines[: -SHOWN - 1 : -1]
    if not newest:
        return "<p>Nothing has been paid yet.</p>"
    rows = [
        (
            str(line.seq),
            f"<time>{line.at}</time>",
            line.kind,
            f'<span class="money">{"−" if line.kind == "refund" else ""}{_pounds(line.amount_minor)}</span>',
            f"<code>{line.bank_id}</code>",
            f"<code>{escape(line.reference)}</code>",
        )
        for line in newest
    ]
    return _table(("No.", "At", "Kind", "Amount", "Bank", "Reference"), rows)


def _requests(world: World) -> str:
    newest: list[Seen] = list(islice(reversed(world.seen), SHOWN))
    if not newest:
        return "<p>No request has come yet.</p>"
    rows = [
        (
            f"<time>{stamp(seen.at)}</time>",
            f"<code>{escape(seen.method)} {escape(seen.path)}</code>",
            str(seen.status) if seen.status else seen.outcome,
            f"<code>{escape(seen.reference)}</code>",
        )
        for seen in newest
    ]
    return _table(("At", "Request", "Answer", "Reference"), rows)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def _money(charge: Charge) -> str:
    sign = "−" if charge.kind == "reversal" else ""
    return sign + _pounds(charge.amount_minor)


def _pounds(amount_minor: int) -> str:
    return f"£{amount_minor // 100}.{amount_minor % 100:02d}"


def _count(number: int, noun: str) -> str:
    shown = f", newest {SHOWN} shown" if number > SHOWN else ""
    return f"{number:,} {noun}{'' if number == 1 else 's'}{shown}"
