"""The bodies about players that partners send: who they are, and the breaks they take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from accounts.models import Player, Protection
from accounts.protections.breaks import OWN
from deposits import limits
from deposits.api import checks
from deposits.api.fields import Field, Group, errors_in, refuse
from deposits.api.problems import FieldError
from deposits.models import Rule

NAME_CHARACTERS = 100
POSTCODE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9 -]{0,10}[A-Za-z0-9]$"
JURISDICTION_PATTERN = r"^[A-Z]{2}$"
EMAIL_PATTERN = r"^[^@\s]{1,64}@[^@\s]{1,189}$"
_OLDEST = date(1900, 1, 1)

#: Our names for what the body calls otherwise.
_COLUMNS = {"birth_date": "born_on", "identity": "identity_state"}


def _matching(pattern: str, right: str) -> checks.Check:
    compiled = re.compile(pattern.removesuffix("$") + r"\Z")
    return lambda value: None if compiled.match(value) else ("malformed", right)


def _name(value: str) -> checks.Wrong:
    if not 1 <= len(value) <= NAME_CHARACTERS or not value.isprintable() or not value.strip():
        return "malformed", f"Send 1 to {NAME_CHARACTERS} printable characters."
    return None


def _birth_date(value: str) -> checks.Wrong:
    right = "Send a day like 1990-05-17, not in the future."
    try:
        born_on = date.fromisoformat(value)
    except ValueError:
        return "malformed", right
    return None if len(value) == 10 and _OLDEST <= born_on <= limits.today() else ("malformed", right)


def _one_of(values: list[str]) -> checks.Check:
    return lambda value: None if value in values else ("malformed", f"Send one of: {', '.join(values)}.")


def _any_number(value: int) -> None:
    return None


def _limit(value: int) -> checks.Wrong:
    if 0 <= value <= checks.MOST_MINOR:
        return None
    return "out_of_range", f"Send 0 to {checks.MOST_MINOR} minor units, or leave it out for no limit."


def _particulars(*, identity_required: bool) -> Group:
    return Group(
        {
            "identity": Field(str, _one_of(Player.Identity.values), required=identity_required),
            "jurisdiction": Field(
                str, _matching(JURISDICTION_PATTERN, "Send two capital letters, like GB."), required=False
            ),
            "birth_date": Field(str, _birth_date, required=False),
            "first_name": Field(str, _name, required=False),
            "last_name": Field(str, _name, required=False),
            "postcode": Field(
                str, _matching(POSTCODE_PATTERN, "Send a postcode like SW1A 1AA."), required=False
            ),
            "email": Field(
                str, _matching(EMAIL_PATTERN, "Send an address like ada@example.com."), required=False
            ),
            "phone_number": Field(str, checks.phone_number, required=False),
        }
    )


_PUT, _PATCH = _particulars(identity_required=True), _particulars(identity_required=False)
_BREAK = Group(
    {
        "type": Field(str, _one_of([kind.value for kind in OWN])),
        "hours": Field(int, _any_number, required=False),
        "months": Field(int, _any_number, required=False),
    }
)


LIMIT_ACTS = ("set", "confirm_raise", "withdraw_raise", "keep")
_LIMITS = Group(
    {
        "act": Field(str, _one_of(list(LIMIT_ACTS))),
        "period": Field(str, _one_of(Rule.Own.values), required=False),
        "amount": Field(int, _limit, required=False),
    }
)


def limit_act(raw: Mapping[str, Any]) -> tuple[str, Rule.Own | None, int | None]:
    """Read an act on a player's own limits: which, of which period, and the amount. Raises `Problem` (422).

    Every act but "keep" needs a period; only "set" takes an amount, and none means no limit.
    """
    errors = errors_in(raw, _LIMITS)
    if not errors and raw["act"] != "keep" and raw.get("period") is None:
        errors.append(FieldError("period", "missing", f"Send one of: {', '.join(Rule.Own.values)}."))
    if not errors and raw["act"] != "set" and raw.get("amount") is not None:
        errors.append(FieldError("amount", "unknown_field", "Leave it out: only `set` takes an amount."))
    if errors:
        refuse(errors)
    period = Rule.Own(raw["period"]) if raw.get("period") else None
    return raw["act"], period, raw.get("amount")


def particulars(raw: Mapping[str, Any], *, complete: bool) -> dict[str, Any]:
    """Read what is known about a player, by the names of our columns. `complete`: PUT, not PATCH.

    Raises `Problem` (422) that names each wrong field.
    """
    if errors := errors_in(raw, _PUT if complete else _PATCH):
        refuse(errors)
    given = {_COLUMNS.get(name, name): value for name, value in raw.items() if value is not None}
    if "born_on" in given:
        given["born_on"] = date.fromisoformat(given["born_on"])
    return given


def break_length(raw: Mapping[str, Any]) -> tuple[Protection.Kind, int]:
    """Read a break to begin: its kind, and its hours (time-out) or months (self-exclusion). Raises `Problem` (422)."""
    if errors := errors_in(raw, _BREAK):
        refuse(errors)
    kind = Protection.Kind(raw["type"])
    wanted, other = ("hours", "months") if kind == Protection.Kind.TIME_OUT else ("months", "hours")
    errors = []
    if raw.get(wanted) is None:
        errors.append(FieldError(wanted, "missing", f"Send how many {wanted} it is to last."))
    if raw.get(other) is not None:
        errors.append(FieldError(other, "unknown_field", f"Leave it out: this type lasts {wanted}."))
    if errors:
        refuse(errors)
    return kind, int(raw[wanted])
