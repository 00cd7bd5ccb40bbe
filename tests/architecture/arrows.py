"""Who may import whom: the tables of the design, and the check that reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.architecture.source import PACKAGES, Import, Module, imports_of

# package -> packages of ours that it may import
MAY_IMPORT = {
    "paysite": {"deposits", "carriers", "accounts"},
    "deposits": {"carriers", "accounts"},
    "carriers": set[str](),
    "accounts": set[str](),
}

# A program of its own, which stands for others' systems: it shares no code with the product, in either direction.
SEPARATE = "carriers.sandbox"


@dataclass(frozen=True)
class Layer:
    """Modules of `deposits` at one height. They import lower layers; one another only where `peers` says so."""

    modules: frozenset[str]
    peers: bool = False


# From the top. A module that is not here fails the test until somebody has decided where it belongs.
LAYERS = (
    Layer(frozenset({"apps", "urls"})),
    Layer(
        frozenset(
            {
                "api",
                "ui",
                "admin",
                "tasks",
                "notifications",
                "webhooks",
                "live",
                "management",
            }
        )
    ),
    Layer(frozenset({"refunds_shown", "consent_shown", "player_texts"})),
    Layer(frozenset({"presentation", "links", "figures", "reconciliation"})),
    Layer(frozenset({"actions"})),
    Layer(
        frozenset(
            {
                *("transitions", "refund_transitions", "retry", "limits", "rules", "rule_sets"),
                *("doorbell", "attendance", "breakers", "deadlines", "velocity"),
            }
        ),
        peers=True,
    ),
    Layer(frozenset({"models"})),
    Layer(
        frozenset(
            {
                *("states", "refund_states", "references", "crash_points", "stopping", "leases"),
                *("windows", "formats", "gathering"),
            }
        )
    ),
)
LAYERED = "deposits"

# History, written once: each migration stands alone.
UNLAYERED = frozenset({"migrations"})


def violations(modules: Iterable[Module]) -> list[str]:
    """Every import that breaks a rule, one line of text each: where, and which rule."""
    modules = list(modules)
    known = frozenset(module.name for module in modules)
    found = []
    graph: dict[str, set[str]] = {}
    for module in modules:
        found += _misplaced(module)
        ours = [one for one in imports_of(module, known) if one.name.split(".")[0] in PACKAGES]
        graph[module.name] = {one.name for one in ours if one.name in known and not one.inside_function}
        for one in ours:
            found += [f"{module.path}:{one.line} {problem}" for problem in _problems(module, one)]
    return found + _circles(graph)


def _problems(module: Module, one: Import) -> Iterator[str]:
    source, target = module.name.split(".")[0], one.name.split(".")[0]
    if one.inside_function:
        yield f"imports {one.name} inside a function"
    if source != target and target not in MAY_IMPORT[source]:
        yield f"imports {one.name}, and {source} may not import {target}"
    if _is_separate(module.name) != _is_separate(one.name):
        yield f"imports {one.name}, and {SEPARATE} and the product share nothing"
    if source == target == LAYERED:
        yield from _backwards(module.name, one.name)


def _is_separate(name: str) -> bool:
    return name == SEPARATE or name.startswith(f"{SEPARATE}.")


def _unit(name: str) -> str:
    """The part of `deposits` a module belongs to; "" for the package itself."""
    return f"{name}.".split(".")[1]


def _height(unit: str) -> int | None:
    """Counted from the top; None for what has no place."""
    return next((index for index, layer in enumerate(LAYERS) if unit in layer.modules), None)


def _misplaced(module: Module) -> list[str]:
    unit = _unit(module.name)
    if not module.name.startswith(f"{LAYERED}.") or unit in UNLAYERED or _height(unit) is not None:
        return []
    return [f"{module.path} has no place yet: put {unit!r} into LAYERS"]


def _backwards(source: str, target: str) -> Iterator[str]:
    above, below = _unit(source), _unit(target)
    if above == below or above in UNLAYERED:
        return
    high, low = _height(above), _height(below)
    if high is None or low is None:
        # The package itself imports nothing; a module without a place is reported once, not for each import.
        if above == "" or below == "":
            yield f"imports {target}: {LAYERED}/__init__.py is to stay empty"
        return
    if high > low:
        yield f"imports {target}, which lies above {above}"
    elif high == low and not LAYERS[high].peers:
        yield f"imports {target}, its neighbour"


def _circles(graph: dict[str, set[str]]) -> list[str]:
    """Imports that lead back to where they began, each circle once."""
    found: set[tuple[str, ...]] = set()
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> None:
        if name in way:
            circle = way[way.index(name) :]
            first = circle.index(min(circle))
            found.add(tuple(circle[first:] + circle[:first]))
            return
        if name in done:
            return
        for target in sorted(graph.get(name, ())):
            visit(target, [*way, name])
        done.add(name)

    for name in sorted(graph):
        visit(name, [])
    return [f"imports go in a circle: {' -> '.join([*circle, circle[0]])}" for circle in sorted(found)]
