"""The parts that schemas are made of (JSON Schema 2020-12, as OpenAPI 3.1 has it)."""

from __future__ import annotations

from typing import Any

from deposits.api import checks

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Return a reference to the schema `name`."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(description: str, **more: Any) -> Schema:
    """Return the schema of a text."""
    return {"type": "string", "description": description, **more}


def kind(value: str) -> Schema:
    """The constant that tells the variants of an object apart."""
    return {"type": "string", "const": value}


def one_of(values: Any, description: str) -> Schema:
    """Return the schema of a text that is one of `values`."""
    return {"type": "string", "enum": list(values), "description": description}


def time(description: str, *, nullable: bool = False) -> Schema:
    """Return the schema of a moment."""
    kind: Any = ["string", "null"] if nullable else "string"
    return {"type": kind, "format": "date-time", "description": f"{description} UTC."}


def object_of(properties: Schema, description: str, optional: tuple[str, ...] = (), **more: Any) -> Schema:
    """Return the schema of an object that has all of `properties` but the `optional` ones."""
    return {
        "type": "object",
        "description": description,
        "required": [name for name in properties if name not in optional],
        "properties": properties,
        **more,
    }


def or_null(schema: Schema, description: str) -> Schema:
    """Return a schema that also takes null."""
    return {"anyOf": [schema, {"type": "null"}], "description": description}


NEXT_CURSOR: Schema = {
    "type": ["string", "null"],
    "description": "Send it as `after` for the next page; null on the last.",
}
AMOUNT = {"type": "integer", "minimum": 1, "maximum": checks.MOST_MINOR}
CURRENCY = text("ISO 4217, in capital letters.", pattern="^[A-Z]{3}$", examples=["GBP"])
