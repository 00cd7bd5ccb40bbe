"""GAMSTOP: one request about one person, answered in a header.

Its specification is given out under contract and was not read. What is here is what public clients of it agree on: a
form posted to the versioned root with `X-API-Key`, answered 200 with `X-Exclusion`: Y is excluded, N is not, P was once
and is no longer. It tells no last day. Confirm it against the specification when taking part.
"""

from __future__ import annotations

from urllib.parse import urlencode

from carriers.interface import HttpRequest
from carriers.registers import Person, Question, Register, Verdict

_EXCLUDED = {"Y": True, "N": False, "P": False}


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
            self.profile.base_url,
            {"X-API-Key": self.profile.api_key, "Content-Type": "application/x-www-form-urlencoded"},
            urlencode(form).encode(),
        )
        if answer.status != 200:
            raise ValueError(f"the register answered {answer.status}")
        told = answer.headers.get("x-exclusion", "").strip().upper()
        if told not in _EXCLUDED:
            raise ValueError("the register answered without Y, N or P in X-Exclusion")
        return Verdict(_EXCLUDED[told])
