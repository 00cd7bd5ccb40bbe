"""Files and functions stay small, names say something, and only rows are retried."""

from __future__ import annotations

from itertools import chain

import pytest

from tests.architecture.limits import name_problems, retry_problems, size_problems
from tests.architecture.source import PACKAGES, ROOT, Module, modules_below

EVERYTHING = (*PACKAGES, "tests")


def long_function(lines: int) -> str:
    return "def long():\n" + "    pass\n" * (lines - 1)


def test_no_file_and_no_function_is_too_long() -> None:
    assert list(chain.from_iterable(map(size_problems, modules_below(ROOT, EVERYTHING)))) == []


def test_no_name_says_nothing() -> None:
    assert list(chain.from_iterable(map(name_problems, modules_below(ROOT, EVERYTHING)))) == []


def test_f25_nothing_is_retried_by_the_queue() -> None:
    assert list(chain.from_iterable(map(retry_problems, modules_below(ROOT)))) == []


def test_a_long_function_is_found() -> None:
    assert list(size_problems(Module("m", "m.py", long_function(50)))) == []
    assert list(size_problems(Module("m", "m.py", long_function(51)))) == [
        "m.py:1 long has 51 lines, more than 50"
    ]


def test_a_long_file_is_found() -> None:
    assert list(size_problems(Module("m", "m.py", "x = 1\n" * 400))) == []
    assert list(size_problems(Module("m", "m.py", "x = 1\n" * 401))) == ["m.py has 401 lines, more than 400"]
    assert list(size_problems(Module("a.migrations.0001_m", "m.py", "x = 1\n" * 401))) == []


@pytest.mark.parametrize("name", ["accounts.utils", "deposits.helpers.money", "carriers.manager"])
def test_an_empty_name_is_found(name: str) -> None:
    assert len(list(name_problems(Module(name, "m.py", "")))) == 1


def test_managers_of_models_keep_djangos_word() -> None:
    assert list(name_problems(Module("accounts.models.player", "m.py", "objects = UserManager()"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "drain.apply_async(countdown=5)",
        "drain.apply_async(eta=tomorrow)",
        "@shared_task(autoretry_for=(OSError,))\ndef drain(): ...",
        "def drain(self):\n    raise self.retry()",
    ],
)
def test_a_retry_by_the_queue_is_found(text: str) -> None:
    assert len(list(retry_problems(Module("m", "m.py", text)))) == 1
