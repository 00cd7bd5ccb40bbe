"""Reads the project's source as syntax trees: which modules there are, and what each of them imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("paysite", "deposits", "carriers", "accounts")

# Calls that import by name. Their first argument, when it is written out, counts as an import.
IMPORTING_CALLS = frozenset({"import_module", "__import__", "import_string"})


@dataclass(frozen=True)
class Import:
    """One module that another names, on one line; `inside_function` when it is imported late."""

    name: str
    line: int
    inside_function: bool


@dataclass(frozen=True)
class Module:
    """A source file: its dotted name, where it lies, and its text."""

    name: str
    path: str
    text: str

    @property
    def is_package(self) -> bool:
        """Whether this is a package's `__init__.py`."""
        return self.path.endswith("__init__.py")

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text, filename=self.path)


def modules_below(root: Path, packages: tuple[str, ...] = PACKAGES) -> list[Module]:
    """Every Python file of the packages below `root`, sorted by name."""
    return [
        Module(_dotted(path.relative_to(root)), str(path.relative_to(root)), path.read_text())
        for package in packages
        for path in sorted((root / package).rglob("*.py"))
    ]


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(module: Module, known: frozenset[str]) -> list[Import]:
    """What the module imports. `from package import name` means the module `package.name` where it is `known`."""
    return [
        Import(name, getattr(node, "lineno", 0), inside)
        for node, inside in _walk(module.tree, inside=False)
        for name in _imported_names(node, module, known)
    ]


def _walk(node: ast.AST, inside: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        yield child, inside
        function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _walk(child, inside or function)


def _imported_names(node: ast.AST, module: Module, known: frozenset[str]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = _absolute(node, module)
        return sorted({_resolved(base, alias.name, known) for alias in node.names})
    if isinstance(node, ast.Call) and _called_name(node) in IMPORTING_CALLS and node.args:
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            return [first.value]
    return []


def _absolute(node: ast.ImportFrom, module: Module) -> str:
    if node.level == 0:
        return node.module or ""
    parts = module.name.split(".")
    package = parts if module.is_package else parts[:-1]
    base = package[: len(package) - (node.level - 1)]
    return ".".join([*base, *(node.module or "").split(".")]).rstrip(".")


def _resolved(base: str, name: str, known: frozenset[str]) -> str:
    return f"{base}.{name}" if f"{base}.{name}" in known else base


def _called_name(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
