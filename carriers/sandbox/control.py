"""The control calls under /sandbox/: settings, clock, scripts, the record of charges, the requests seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from aiohttp import web
from msgspec import Struct

from carriers.sandbox.answers import Answer
from carriers.sandbox.bank.control import BankControl, check_settings
from carriers.sandbox.clock import stamp
from carriers.sandbox.errors import NOT_FOUND, Refusal, Refused, invalid, method_not_allowed
from carriers.sandbox.messages import Inbox, Message
from carriers.sandbox.page import STATIC, control_page
from carriers.sandbox.payments import Charge
from carriers.sandbox.scripts import Script
from carriers.sandbox.settings import Settings
from carriers.sandbox.stories import FAULTS, is_served
from carriers.sandbox.wire import decode_plain, encode
from carriers.sandbox.world import World, read_limited

Item = TypeVar("Item")
Schema = TypeVar("Schema")

# Ten years: enough for any expiry, and far from what a date can hold.
ADVANCE_LIMIT_S = 315_360_000.0


class Advance(Struct, forbid_unknown_fields=True):
    """Body of POST /sandbox/clock."""

    advance_s: float


class Reversal(Struct, forbid_unknown_fields=True):
    """Body of POST /sandbox/reversals."""

    reference: str


class Control:
    """Answers the requests under /sandbox/."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._initial = encode(world.settings)
        self._bank = BankControl(world.bank)
        self._inbox = Inbox()
        self._reads: dict[str, Callable[[web.BaseRequest], Answer]] = {
            "": lambda _: Answer(200, control_page(world), "text/html; charset=utf-8"),
            "health": lambda _: _json({"status": "ok"}),
            "settings": lambda _: _json(world.settings),
            "clock": lambda _: self._clock(),
            "scripts": lambda _: _json({"waiting": world.scripts.waiting()}),
            "ledger": self._ledger,
            "requests": self._requests,
            "notifications": self._notifications,
            "settlement": self._settlement,
            "messages": lambda _: Answer(200, self._inbox.page(), "text/html; charset=utf-8"),
            "messages.json": lambda it: _json({"messages": self._inbox.newest(it.query.get("to", ""))}),
            **self._bank.reads,
        }
        self._writes: dict[tuple[str, str], Callable[[bytes], Answer]] = {
            ("PUT", "settings"): self._put_settings,
            ("POST", "settings"): self._post_settings,
            ("DELETE", "settings"): lambda _: self._change_settings(_read(self._initial, Settings)),
            ("POST", "clock"): self._advance,
            ("POST", "scripts"): self._script,
            ("DELETE", "scripts"): self._clear_scripts,
            ("POST", "reversals"): self._reverse,
            ("POST", "messages"): self._take_message,
            **self._bank.writes,
        }

    async def answer(self, request: web.BaseRequest, path: str) -> Answer:
        """Answer one control call. Raises `Refused`."""
        name = path.removeprefix("/sandbox").lstrip("/")
        if request.method in ("GET", "HEAD"):
            if name in self._reads:
                return self._reads[name](request)
            if name.startswith("ledger/"):
                return self._of_reference(unquote(name.removeprefix("ledger/")))
            if name in STATIC:
                return Answer(200, *STATIC[name], headers={"Cache-Control": "no-cache"})
            return self._bank.of_path(name)
        write = self._writes.get((request.method, name))
        if write is None:
            allowed = [method for method, written in self._writes if written == name]
            if name in self._reads:
                raise method_not_allowed(", ".join(["GET", *allowed]))
            raise Refused(NOT_FOUND)
        _check_origin(request)
        return write(await read_limited(request))

    def _take_message(self, body: bytes) -> Answer:
        message = _read(body, Message)
        self._inbox.take(message, self._world.clock.now())
        return _json({"status": "taken"})

    def _put_settings(self, body: bytes) -> Answer:
        changes = decode_plain(body)
        if not isinstance(changes, dict):
            raise invalid("The settings are a JSON object.")
        now = {name: getattr(self._world.settings, name) for name in Settings.__struct_fields__}
        return self._change_settings(_read(encode({**now, **changes}), Settings))

    def _post_settings(self, body: bytes) -> Answer:
        """The form of the control page: settings, and `advance_s` for the clock."""
        form = dict(parse_qsl(body.decode(errors="replace"), max_num_fields=100))
        advance = form.pop("advance_s", "")
        if advance:
            self._advance(encode({"advance_s": _number("advance_s", advance)}))
        changes: dict[str, object] = {}
        faults: dict[str, dict[str, float]] = {"fault": {}, "bank_fault": {}}
        for name, text in form.items():
            kind, _, fault = name.partition(".")
            if kind in faults:
                faults[kind][fault] = _number(name, text)
            else:
                changes[name] = text if name == "seed" else _number(name, text)
        if changes:
            for kind, shares in faults.items():
                changes[f"{kind}s"] = {name: value for name, value in shares.items() if value}
            self._put_settings(encode(changes))
        return Answer(303, content_type="", headers={"Location": "/sandbox/"})

    def _change_settings(self, new: Settings) -> Answer:
        """Check the rules a type cannot say, then change the one object that all parts hold."""
        for name in [*new.faults, *(force.fault for force in new.force)]:
            if name not in FAULTS:
                raise invalid(f"{name!r} is no fault. Faults: {', '.join(FAULTS)}.")
        if sum(new.faults.values()) > 1 + 1e-9:
            raise invalid("The probabilities of the faults must not add up to more than 1.")
        for force in new.force:
            if not force.phone_number and force.next_n is None:
                raise invalid("A force needs phone_number, next_n or both.")
        if new.minimum_minor > new.maximum_minor:
            raise invalid("minimum_minor must not be above maximum_minor.")
        check_settings(new)
        for name in Settings.__struct_fields__:
            setattr(self._world.settings, name, getattr(new, name))
        return _json(self._world.settings)

    def _clock(self) -> Answer:
        clock = self._world.clock
        return _json({"now": stamp(clock.now()), "offset_s": clock.offset_s})

    def _advance(self, body: bytes) -> Answer:
        seconds = _read(body, Advance).advance_s
        if not 0 <= seconds <= ADVANCE_LIMIT_S - self._world.clock.offset_s:
            raise invalid("advance_s must not be negative, nor take the clock more than ten years on.")
        self._world.store.advance_clock(seconds)
        return self._clock()

    def _script(self, body: bytes) -> Answer:
        script = _read(body, Script)
        if not is_served(script.phone_number):
            raise invalid("phone_number must be one of +44770090 and four digits.")
        self._world.scripts.add(script)
        return _json({"waiting": self._world.scripts.waiting()})

    def _clear_scripts(self, _: bytes) -> Answer:
        self._world.scripts.clear()
        return _json({"waiting": []})

    def _reverse(self, body: bytes) -> Answer:
        reference = _read(body, Reversal).reference
        payment = self._world.store.by_reference.get(reference)
        if payment is None or payment.status != "succeeded":
            raise invalid("reference must be the clientCorrelator of a payment that has succeeded.")
        self._world.lifecycle.reverse(payment)
        return self._of_reference(reference)

    def _settlement(self, request: web.BaseRequest) -> Answer:
        """The record of one day as a settlement file: the carrier's, or that of `bank_id`."""
        day = request.query.get("date", stamp(self._world.clock.now())[: len("2026-01-31")])
        try:
            date.fromisoformat(day)
        except ValueError:
            raise invalid("date must be a day like 2026-01-31.") from None
        lines = ["date,reference,payment_id,amount,currency,kind"]
        bank_id = request.query.get("bank_id")
        lines += [
            f"{day},{charge.reference_code},{charge.payment_id},{_major(charge.amount_minor)},"
            f"{charge.currency},{charge.kind}"
            for charge in self._world.store.charges
            if bank_id is None and charge.at.startswith(day)
        ]
        lines += [
            f"{day},{line.reference},{line.payment_id},{_major(line.amount_minor)},{line.currency},charge"
            for line in (self._bank.settlement(bank_id, day) if bank_id is not None else [])
        ]
        return Answer(200, "\n".join([*lines, ""]).encode(), "text/csv; charset=utf-8")

    def _ledger(self, request: web.BaseRequest) -> Answer:
        reference = request.query.get("reference")
        if reference is not None:
            return self._of_reference(reference)
        after, limit = _whole(request, "after"), _whole(request, "limit")
        charges = self._world.store.charges
        # Line n has seq n: the record only grows.
        shown = charges[after or 0 :]
        return _json({"entries": shown if limit is None else shown[:limit], "total": len(charges)})

    def _of_reference(self, reference: str) -> Answer:
        charges = self._world.store.charges_of(reference)
        return _json({"entries": charges, "total": len(charges), "net_minor": _net(charges)})

    def _requests(self, request: web.BaseRequest) -> Answer:
        reference, limit = request.query.get("reference"), _whole(request, "limit")
        found = [
            {**msgspec.structs.asdict(seen), "at": stamp(seen.at)}
            for seen in self._last(self._world.seen, limit, lambda seen: reference in (None, seen.reference))
        ]
        return _json({"requests": found, "total": len(found)})

    def _notifications(self, request: web.BaseRequest) -> Answer:
        reference, limit = request.query.get("reference"), _whole(request, "limit")
        deliveries = self._world.notifier.deliveries
        found = self._last(deliveries, limit, lambda sent: reference in (None, sent.reference))
        return _json({"notifications": found, "total": len(found)})

    @staticmethod
    def _last(items: Iterable[Item], limit: int | None, wanted: Callable[[Item], bool]) -> list[Item]:
        newest_first = (item for item in reversed(list(items)) if wanted(item))
        return list(islice(newest_first, limit))[::-1]


def _net(charges: list[Charge]) -> int:
    return sum(charge.amount_minor if charge.kind == "charge" else -charge.amount_minor for charge in charges)


def _major(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


def _json(value: object) -> Answer:
    return Answer(200, encode(value), headers={"Cache-Control": "no-store"})


def _read(body: bytes, schema: type[Schema]) -> Schema:
    try:
        return msgspec.json.Decoder(schema, float_hook=Decimal).decode(body)
    except msgspec.ValidationError as wrong:
        raise invalid(str(wrong)) from None


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise invalid(f"{name} is {text!r}; a number is right.") from None
    return int(number) if number.is_integer() else number


def _whole(request: web.BaseRequest, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise invalid(f"{name} must be a whole number, 0 or more.")
    return int(text)


def _check_origin(request: web.BaseRequest) -> None:
    """Refuse writes that a page of another site makes a browser send; this port asks for no password."""
    origin = request.headers.get("Origin")
    foreign = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    if foreign or (origin is not None and urlsplit(origin).netloc != request.headers.get("Host")):
        raise Refused(
            Refusal(403, "PERMISSION_DENIED", "The sandbox is set from its own page or without a browser.")
        )
