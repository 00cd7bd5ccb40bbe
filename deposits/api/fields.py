"""Checking the fields of a body against a table: every field that is wrong is named, with what would be right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from deposits.api.kinds import KINDS
from deposits.api.problems import FieldError, Problem

#: Returns (code, detail) for a value of the right type that will not do, else None.
Check = Callable[[Any], "tuple[str, str] | None"]
# A name that the caller made up comes back in the answer; this much of it is enough to find it.
_NAME_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its type, and what its value must be like. An optional one may be absent or null."""

    kind: type
    check: Check
    required: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """An object of fields."""

    fields: Mapping[str, Field | Group | Variants]
    required: bool = True


@dataclass(frozen=True, slots=True)
class Variants:
    """An object whose fields depend on the text of one, `by`: a group for each. Without it the `usual` one holds.

    Where its check says no, nothing else in the object is looked at.
    """

    by: str
    check: Check
    groups: Mapping[str, Group]
    usual: str
    required: bool = True


_DESCRIBED = {str: "text", int: "a whole number, written in digits only, without quotes", dict: "an object"}


def errors_in(raw: Mapping[str, Any], group: Group, path: str = "") -> list[FieldError]:
    """Return what is wrong with `raw`, in the order of the table, unknown fields last; empty when nothing is."""
    fields = group.fields
    found: list[FieldError] = []
    for name, field in fields.items():
        if name not in raw:
            if field.required:
                found.append(FieldError(path + name, "missing", f"Send {_kind(field)}."))
        elif raw[name] is not None or field.required:
            found += _field_error(raw[name], field, path + name)
    if raw.keys() - fields.keys():
        known = ", ".join(fields)
        found += [
            FieldError(path + name[:_NAME_CHARACTERS], "unknown_field", f"Leave it out. Known here: {known}.")
            for name in raw
            if name not in fields
        ]
    return found


def refuse(errors: list[FieldError]) -> NoReturn:
    """Raise the `Problem` for `errors`: the one error's own code where that is a kind of problem by itself."""
    only = errors[0].code if len(errors) == 1 else ""
    code = only if only in KINDS else "validation_failed"
    raise Problem(code, " ".join(f"{error.field}: {error.detail}" for error in errors[:3]), errors=errors)


def _field_error(value: Any, field: Field | Group | Variants, path: str) -> list[FieldError]:
    if isinstance(field, Field):
        return _value_error(value, field, path)
    if not isinstance(value, dict):
        return [FieldError(path, "wrong_type", "Send an object.")]
    if isinstance(field, Group):
        return errors_in(value, field, f"{path}.")
    chosen = value.get(field.by)
    if not isinstance(chosen, str):
        chosen = field.usual
    if wrong := field.check(chosen):
        return [FieldError(f"{path}.{field.by}", *wrong)]
    return errors_in(value, field.groups[chosen], f"{path}.")


def _value_error(value: Any, field: Field, path: str) -> list[FieldError]:
    # Not isinstance: True is no whole number here.
    if type(value) is not field.kind:
        return [FieldError(path, "wrong_type", f"Send {_kind(field)}.")]
    wrong = field.check(value)
    return [FieldError(path, *wrong)] if wrong else []


def _kind(field: Field | Group | Variants) -> str:
    return _DESCRIBED[field.kind if isinstance(field, Field) else dict]
