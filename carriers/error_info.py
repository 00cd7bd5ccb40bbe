"""ErrorInfo, the body with which every CAMARA API refuses: a status, a code and a message."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from carriers import wire
from carriers.interface import HttpAnswer


class _ErrorInfo(Struct):
    status: int
    code: Annotated[str, Meta(pattern=r"^[A-Z0-9_.]{1,80}\Z")]
    message: str


def code_and_message(answer: HttpAnswer) -> tuple[str, str]:
    """Code and lower-case message of a legible ErrorInfo with the answer's own status; else "" twice."""
    try:
        info = wire.read(answer.body, _ErrorInfo)
    except ValueError:
        return "", ""
    return (info.code, info.message.lower()) if info.status == answer.status else ("", "")


def described(answer: HttpAnswer) -> str:
    """The status and the code, such as "404 NOT_FOUND"; the status alone where there is no legible code."""
    return f"{answer.status} {code_and_message(answer)[0]}".rstrip()
