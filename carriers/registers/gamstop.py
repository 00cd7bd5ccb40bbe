"""A register of GAMSTOP's shape: one request about one person, answered yes or no.

The field names and the answer are those of the stand-in in the sandbox (docs/sandbox.md). GAMSTOP's own interface is
given out under contract and was not read; whoever has it changes this file and nothing else.
"""

from __future__ import annotations

from datetime import date
from typing import Literal
from urllib.parse import urlencode

import msgspec

from carriers.interface import HttpRequest
from carriers.registers import Person, Question, Register, Verdict


class _Answer(msgspec.Struct):
    """`exclusion`: "Y" or "N"; `expires_on` is the last day, where there is one."""

    exclusion: Literal["Y", "N"]
    expires_on: date | None = None


class Adapter(Register):
    """Asks over POST, so that no personal data stands in an address."""

    def ask(self, person: Person) -> Question:
        """Ask about one person."""
        form = {
            "firstName": person.first_name,
            "lastName": person.last_name,
            "dateOfBirth": person.born_on.isoformat(),
            "postcode": person.postcode,
            "email": person.email,
            "mobile": person.phone_number,
        }
        answer = yield HttpRequest(
            "POST",
            f"{self.profile.base_url}/v2/exclusions",
            {"X-API-Key": self.profile.api_key, "Content-Type": "application/x-www-form-urlencoded"},
            urlencode(form).encode(),
        )
        if answer.status != 200:
            raise ValueError(f"the register answered {answer.status}")
        told = msgspec.json.decode(answer.body, type=_Answer)
        return Verdict(told.exclusion == "Y", told.expires_on)
