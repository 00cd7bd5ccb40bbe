"""What a browser brings back is taken only where it is ours, and for this bank."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from carriers.adapters.camara import Adapter as Camara
from carriers.adapters.open_banking import Adapter
from carriers.interface import Return, ReturnRefused
from carriers.outcomes import RedirectRequired
from tests.carriers.bank_replies import BARE, profile, run
from tests.carriers.replies import BANK_PROFILE, ORDER, PROFILE


@pytest.fixture(scope="module")
def state() -> str:
    redirect = run("authorise", BARE, "consent_201")
    assert isinstance(redirect, RedirectRequired)
    return parse_qs(urlsplit(redirect.url).query)["state"][0]


def test_a_return_says_which_deposit_it_is_about(state: str) -> None:
    adapter = Adapter(BANK_PROFILE)
    assert adapter.read_return({"state": state, "code": "c-1"}) == Return(ORDER.reference, "c-1")
    brought = {"state": state, "code": "c-1", "iss": BANK_PROFILE.issuer}
    assert adapter.read_return(brought) == Return(ORDER.reference, "c-1")
    refused = adapter.read_return({"state": state, "error": "access_denied"})
    assert refused == Return(ORDER.reference, error="access_denied")
    assert adapter.read_return({"state": state}).error == "no code"
    assert adapter.read_return({"state": state, "error": "<script>"}).error == "no code"


@pytest.mark.parametrize(
    "change",
    [
        lambda state: "",
        lambda state: "D-7F3K-92QX",
        lambda state: f"{state}x",
        lambda state: state[:-1],
        lambda state: state.replace("D-7F3K", "D-AAAA"),
        lambda state: state.swapcase(),
        lambda state: f"\u00fc{state}",
    ],
)
def test_a_state_that_is_not_ours_is_refused(state: str, change: object) -> None:
    assert callable(change)
    with pytest.raises(ReturnRefused) as refused:
        Adapter(BANK_PROFILE).read_return({"state": change(state), "code": "c-1"})
    assert "c-1" not in refused.value.detail


def test_another_banks_return_is_refused(state: str) -> None:
    with pytest.raises(ReturnRefused):
        Adapter(profile(code="other-bank")).read_return({"state": state, "code": "c-1"})
    with pytest.raises(ReturnRefused):
        Adapter(BANK_PROFILE).read_return({"state": state, "code": "c-1", "iss": "https://elsewhere.example"})


@pytest.mark.parametrize("code", ["", "a b", "c" * 2_049, "\u00fc", "a\nb"])
def test_a_code_that_is_none_is_refused(state: str, code: str) -> None:
    with pytest.raises(ReturnRefused):
        Adapter(BANK_PROFILE).read_return({"state": state, "code": code})


def test_a_carrier_that_sends_nobody_anywhere_takes_nobody_back(state: str) -> None:
    with pytest.raises(ReturnRefused):
        Camara(PROFILE).read_return({"state": state, "code": "c-1"})
