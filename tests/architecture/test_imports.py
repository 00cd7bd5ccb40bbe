"""The product's imports follow the arrows of the design, and the check that says so can tell."""

from __future__ import annotations

import pytest

from tests.architecture.arrows import violations
from tests.architecture.source import PACKAGES, ROOT, Module, modules_below


def module(name: str, text: str = "", *, package: bool = False) -> Module:
    path = name.replace(".", "/")
    return Module(name, f"{path}/__init__.py" if package else f"{path}.py", text)


def test_the_product_follows_the_arrows() -> None:
    modules = modules_below(ROOT)

    assert {one.name.split(".")[0] for one in modules} == set(PACKAGES)
    assert violations(modules) == []


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("carriers.http", "import deposits.states", "carriers may not import deposits"),
        ("carriers.http", "from accounts.models import Player", "carriers may not import accounts"),
        ("accounts.ledger", "from carriers import outcomes", "accounts may not import carriers"),
        ("deposits.states", "import paysite", "deposits may not import paysite"),
        ("deposits.tasks", "from carriers.sandbox import world", "share nothing"),
        ("carriers.registry", "from carriers import sandbox", "share nothing"),
        ("carriers.registry", "import_module('carriers.sandbox.world')", "share nothing"),
        ("carriers.sandbox.world", "from carriers.outcomes import Approved", "share nothing"),
        ("deposits.models.deposit", "from deposits import actions", "lies above models"),
        ("deposits.states", "from deposits.models import Deposit", "lies above states"),
        ("deposits.actions.accept", "from ..api import views", "lies above actions"),
        ("deposits.api.views", "from deposits.ui import views", "its neighbour"),
        ("deposits.api.views", "def view():\n    from deposits.actions import accept", "inside a function"),
        ("accounts.ledger", "def post():\n    from accounts import models", "inside a function"),
        ("deposits.newcomer", "", "has no place yet"),
        ("deposits.newcomer.part", "", "has no place yet"),
    ],
)
def test_a_wrong_arrow_is_found(name: str, text: str, problem: str) -> None:
    others = ["deposits.actions", "deposits.api", "deposits.ui", "carriers.sandbox", "carriers.outcomes"]
    tree = [module(other, package=True) for other in others if not name.startswith(other)]

    found = violations([*tree, module(name, text)])

    assert len(found) == 1, found
    assert problem in found[0]
    assert name.replace(".", "/") in found[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "paysite.urls",
            "from deposits.ui import urls\nfrom accounts import models\nimport carriers.registry",
        ),
        ("deposits.api.views", "from deposits.actions import accept\nfrom deposits.states import State"),
        ("deposits.transitions", "from deposits.limits import release"),
        (
            "deposits.actions.accept",
            "from . import refusal\nfrom deposits import models\nfrom carriers import routing",
        ),
        ("carriers.sandbox.world", "from carriers.sandbox.clock import Clock"),
        ("deposits.migrations.0001_deposits", "from django.db import migrations"),
        ("deposits.api.views", "def view():\n    import json\n    import deposits_elsewhere"),
    ],
)
def test_a_right_arrow_is_let_be(name: str, text: str) -> None:
    assert violations([module("deposits.models", package=True), module(name, text)]) == []


def test_a_circle_is_found_once() -> None:
    tree = [
        module("accounts.first", "from accounts import second"),
        module("accounts.second", "from accounts.third import x"),
        module("accounts.third", "import accounts.first"),
    ]

    assert violations(tree) == [
        "imports go in a circle: accounts.first -> accounts.second -> accounts.third -> accounts.first"
    ]


def test_a_full_package_file_of_deposits_is_found() -> None:
    tree = [module("deposits", "from deposits.states import State", package=True), module("deposits.states")]

    assert len(violations(tree)) == 1
    assert "stay empty" in violations(tree)[0]
