"""How long a file and a function may be, and which names and which ways to retry are not used."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.source import Module

LONGEST_FILE_LINES = 400
LONGEST_FUNCTION_LINES = 50

# They say nothing about what is inside.
BANNED_MODULE_NAMES = frozenset(
    {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
)

# When to act again is a column of a row, `next_action_at`, and nowhere else: a message may be lost or doubled.
BANNED_ARGUMENTS = frozenset({"countdown", "eta", "autoretry_for"})


def size_problems(module: Module) -> Iterator[str]:
    """Files and functions that are longer than a person can take in."""
    lines = len(module.text.splitlines())
    # A migration is generated, and history: nobody may take it apart.
    if lines > LONGEST_FILE_LINES and ".migrations." not in module.name:
        yield f"{module.path} has {lines} lines, more than {LONGEST_FILE_LINES}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION_LINES:
                yield f"{module.path}:{node.lineno} {node.name} has {length} lines, more than {LONGEST_FUNCTION_LINES}"


def name_problems(module: Module) -> Iterator[str]:
    """Files and directories whose names say nothing."""
    for part in module.name.split("."):
        if part in BANNED_MODULE_NAMES:
            yield f"{module.path}: {part!r} says nothing about what is inside"


def retry_problems(module: Module) -> Iterator[str]:
    """Retries that are left to the queue."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in BANNED_ARGUMENTS:
                    yield f"{module.path}:{node.lineno} passes {keyword.arg}="
        if _is_self_retry(node):
            yield f"{module.path}:{getattr(node, 'lineno', 0)} calls self.retry"


def _is_self_retry(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "retry"
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )
