"""The bank's part of the control calls: its record, its consents, its client's registration, its settings' rules."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

import msgspec
from aiohttp import web

from carriers.sandbox.answers import Answer
from carriers.sandbox.bank.clients import Registration
from carriers.sandbox.bank.records import BankLine, Consent
from carriers.sandbox.bank.stories import BANK_FAULTS, BANKS, DECISIONS
from carriers.sandbox.bank.world import BankWorld
from carriers.sandbox.clock import stamp
from carriers.sandbox.errors import NOT_FOUND, Refused, invalid
from carriers.sandbox.settings import Settings
from carriers.sandbox.wire import encode

LEDGER = "bank-ledger"
CLIENT = "bank/client"


class BankControl:
    """Answers the control calls about the bank."""

    def __init__(self, world: BankWorld) -> None:
        self._world = world
        self.reads: dict[str, Callable[[web.BaseRequest], Answer]] = {
            "bank": lambda _: self._summary(),
            "bank/consents": self._consents,
            CLIENT: lambda _: _json(world.client.registration),
            LEDGER: self._ledger,
        }
        self.writes: dict[tuple[str, str], Callable[[bytes], Answer]] = {("PUT", CLIENT): self._register}

    def of_path(self, name: str) -> Answer:
        """GET /sandbox/bank-ledger/{reference}. Raises `Refused` for other paths."""
        if not name.startswith(f"{LEDGER}/"):
            raise Refused(NOT_FOUND)
        return self._shown(self._world.store.lines_of(reference=unquote(name.removeprefix(f"{LEDGER}/"))))

    def settlement(self, bank_id: str, day: str) -> list[BankLine]:
        """What a bank's statement of one day ("2026-01-31") has of payments taken. Raises `Refused` for no bank."""
        if bank_id not in BANKS:
            raise invalid(f"{bank_id!r} is no bank. Banks: {', '.join(BANKS)}.")
        lines = self._world.store.lines
        return [
            line
            for line in lines
            if line.bank_id == bank_id and line.kind == "payment" and line.at.startswith(day)
        ]

    def _summary(self) -> Answer:
        banks = [
            {"bank_id": bank_id, "name": story.name, "base": self._world.base(bank_id), "story": story.text}
            for bank_id, story in BANKS.items()
        ]
        return _json({"origin": self._world.origin, "banks": banks})

    def _register(self, body: bytes) -> Answer:
        try:
            self._world.client.register(msgspec.json.decode(body, type=Registration))
        except msgspec.ValidationError as wrong:
            raise invalid(str(wrong)) from None
        except ValueError as wrong:
            raise invalid(f"jwks is {wrong}.") from None
        return _json(self._world.client.registration)

    def _ledger(self, request: web.BaseRequest) -> Answer:
        reference, consent_id = request.query.get("reference", ""), request.query.get("consent_id", "")
        store = self._world.store
        if reference or consent_id:
            return self._shown(store.lines_of(reference=reference, consent_id=consent_id))
        after = request.query.get("after", "0")
        if not (after.isascii() and after.isdigit()):
            raise invalid("after must be a whole number, 0 or more.")
        # Line n has seq n: the record only grows.
        return _json({"entries": store.lines[int(after) :], "total": len(store.lines)})

    @staticmethod
    def _shown(lines: list[BankLine]) -> Answer:
        net = sum(line.amount_minor if line.kind == "payment" else -line.amount_minor for line in lines)
        return _json({"entries": lines, "total": len(lines), "net_minor": net})

    def _consents(self, request: web.BaseRequest) -> Answer:
        """Consents of a reference, or the newest hundred, each with its payment."""
        reference = request.query.get("reference")
        found = [
            consent
            for consent in self._world.store.consents.values()
            if reference in (None, consent.reference)
        ]
        return _json({"consents": [self._consent(one) for one in found[-100:]], "total": len(found)})

    def _consent(self, consent: Consent) -> dict[str, object]:
        payment = self._world.store.payment_of(self._world.lifecycle.current(consent))
        return {
            "consent_id": consent.id,
            "bank_id": consent.bank_id,
            "reference": consent.reference,
            "amount_minor": consent.amount_minor,
            "status": consent.status,
            "reason": consent.reason,
            "created_at": stamp(consent.created_at),
            "payment": payment
            and {"payment_id": payment.id, "status": payment.status, "reason": payment.reason},
        }


def check_settings(new: Settings) -> None:
    """The rules about the bank that a type cannot say. Raises `Refused`."""
    for name in [*new.bank_faults, *(force.fault for force in new.bank_force)]:
        if name not in BANK_FAULTS:
            raise invalid(f"{name!r} is no fault of the bank. Faults: {', '.join(BANK_FAULTS)}.")
    for name in new.bank_decisions:
        if name not in DECISIONS:
            raise invalid(f"{name!r} is no decision. Decisions: {', '.join(DECISIONS)}.")
    for force in new.bank_force:
        if force.bank_id not in ("", *BANKS):
            raise invalid(f"{force.bank_id!r} is no bank. Banks: {', '.join(BANKS)}.")
        if not force.bank_id and force.next_n is None:
            raise invalid("A bank_force needs bank_id, next_n or both.")
    for field in ("bank_faults", "bank_decisions"):
        if sum(getattr(new, field).values()) > 1 + 1e-9:
            raise invalid(f"The probabilities of {field} must not add up to more than 1.")


def _json(value: object) -> Answer:
    return Answer(200, encode(value), headers={"Cache-Control": "no-store"})
