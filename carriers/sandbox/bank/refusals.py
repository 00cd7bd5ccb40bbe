"""Refusals with the codes of UK Open Banking 4.0 (code set OBExternalStatusReason1Code, U000 to U029)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ErrorCode = Literal[
    "U000",  # unexpected error
    "U002",  # field is invalid
    "U004",  # field is missing
    "U005",  # field is not expected
    "U006",  # header is invalid
    "U007",  # header is missing
    "U008",  # payment and consent differ
    "U009",  # the consent's status does not allow it
    "U010",  # body does not have the schema
    "U011",  # resource not found
    "U015",  # signature does not verify
    "U016",  # a claim of the signature is wrong
    "U017",  # a claim of the signature is missing
    "U018",  # signature cannot be parsed
    "U019",  # signature is missing
    "U021",  # account identifier not supported
    "U023",  # currency not supported
    "U027",  # account scheme not supported
    "U042",  # any other reason
]

_TITLES = {400: "400 BadRequest", 403: "403 Forbidden", 500: "500 InternalServerError"}


class BankRefused(Exception):
    """Ends a request to the protocol. Without `code` there is no body, as 401, 405, 406, 415, 429 and 503 have none.

    `path` names the field or header at fault. Nothing was kept, unless the raiser says so.
    """

    def __init__(
        self, status: int, code: ErrorCode | None = None, message: str = "", path: str = "", allow: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.path = path
        self.allow = allow

    def body(self, error_id: str) -> dict[str, object] | None:
        """OBErrorResponse1, or None where the specification has no body."""
        if self.code is None:
            return None
        error: dict[str, object] = {"ErrorCode": self.code, "Message": self.message[:500]}
        if self.path:
            error["Path"] = self.path[:500]
        return {
            "Id": error_id,
            "Code": _TITLES.get(self.status, f"{self.status} Error"),
            "Message": self.message[:500],
            "Errors": [error],
        }


def bad(code: ErrorCode, message: str, path: str = "") -> BankRefused:
    """A 400 with one error."""
    return BankRefused(400, code, message, path)


@dataclass(slots=True)
class OAuthRefused(Exception):
    """Ends a request to the token address: an error of RFC 6749 §5.2."""

    error: str
    description: str
    status: int = 400
    headers: dict[str, str] = field(default_factory=dict)
