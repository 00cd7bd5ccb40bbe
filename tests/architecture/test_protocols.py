"""A way to pay is one adapter: nothing else of the product knows the protocol by which money is moved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pytest

from tests.architecture.source import PACKAGES, ROOT, Module, modules_below

#: What only those who speak a protocol have to say: its names, its paths, its fields.
_WORDS = {
    "open_banking": re.compile(
        r"open[ _-]?banking|\bOBIE\b|domestic[-_ ]?payment|domestic\w*consent|x-idempotency-key|x-fapi|\bFAPI\b"
        r"|x-jws-signature|InstructedAmount|EndToEndIdentification|\bAC(SC|CC|SP|WP)\b",
        re.IGNORECASE,
    ),
    "camara": re.compile(
        r"clientCorrelator|amountTransaction|chargingInformation|carrier-billing|paymentCreationDate",
        re.IGNORECASE,
    ),
}
#: Who may: the adapter with its parts, the profiles' data, and the simulator, which is a program of its own.
_SPEAKERS = {
    "open_banking": (
        "carriers/adapters/open_banking",
        "carriers/adapters/_open_banking",
        "carriers/sandbox/",
        # Data: addresses, an account's scheme, which statuses credit.
        "paysite/sandbox_banks.py",
        "carriers/profiles.py",
        # The code flow is a part of the adapter, named after the standards that it follows.
        "carriers/code_flow.py",
    ),
    "camara": (
        "carriers/adapters/camara",
        "carriers/sandbox/",
        "carriers/camara_refunds.py",
        "paysite/settings.py",
    ),
}


def named_outside(modules: Iterable[Module], protocol: str) -> Iterator[str]:
    """Return each place, "path:line word", at which a module that may not names the protocol."""
    for module in modules:
        if module.path.startswith(_SPEAKERS[protocol]):
            continue
        for number, line in enumerate(module.text.splitlines(), start=1):
            if found := _WORDS[protocol].search(line):
                yield f"{module.path}:{number} {found[0]}"


def sources() -> list[Module]:
    """The product's modules, statements, templates, styles and scripts."""
    others = [
        path
        for folder in (*PACKAGES, "templates", "static")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".sql", ".html", ".js", ".css", ".json")
    ]
    texts = [Module("", str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in others]
    return modules_below(ROOT) + texts


@pytest.mark.parametrize("protocol", _WORDS)
def test_only_its_adapter_its_data_and_the_sandbox_know_a_protocol(protocol: str) -> None:
    assert list(named_outside(sources(), protocol)) == []


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("deposits/actions/drain.py", "x = 1\nif adapter == 'open_banking':", ["open_banking"]),
        ("deposits/sql/claim.sql", "WHERE status = 'ACSC'", ["ACSC"]),
        ("deposits/ui/methods.py", "'x-idempotency-key'", ["x-idempotency-key"]),
        ("carriers/adapters/_open_banking_wire.py", "open_banking", []),
        ("deposits/ui/methods.py", "banks = registry.banks()", []),
    ],
)
def test_a_protocol_named_elsewhere_is_found(path: str, text: str, found: list[str]) -> None:
    named = list(named_outside([Module("m", path, text)], "open_banking"))
    assert [one.rpartition(" ")[2] for one in named] == found
