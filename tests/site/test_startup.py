"""Start-up refuses settings that cannot be safe, naming each."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from paysite.startup import GARBAGE_AFTER, refuse_unsafe_settings, started, unsafe_settings
from paysite.time_limits import TimeLimits


def test_the_settings_of_the_tests_are_safe() -> None:
    assert unsafe_settings() == []


@pytest.mark.parametrize("divisor", [1, 10])
def test_the_time_limits_stand_in_order(divisor: float) -> None:
    assert TimeLimits.divided_by(divisor).disorder() == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SECRET_KEY", "", "SECRET_KEY: must be set"),
        ("SECRET_KEY", "short", "SECRET_KEY: must be at least 32"),
        (
            "TIME_LIMITS",
            TimeLimits(20, 30, 40, 35, 120),
            r"task_hard \(40 s\) must be shorter than lease \(35 s\)",
        ),
        (
            "TIME_LIMITS",
            TimeLimits(50, 30, 40, 60, 120),
            r"http_total \(50 s\) must be shorter than task_soft",
        ),
        ("CARRIERS", [{"code": "x"}], "x"),
        (
            "MESSAGES",
            {"adapter": "pigeon", "base_url": "https://x.example"},
            "MESSAGES: adapter: there is no",
        ),
        ("MESSAGES", {"adapter": "sandbox", "base_url": "x"}, "MESSAGES: base_url: must begin with https://"),
        ("MESSAGES", {"adapter": "sandbox", "key": "x"}, "MESSAGES: key: unknown"),
    ],
)
def test_an_unsafe_setting_is_refused_by_name(settings: Any, name: str, value: object, words: str) -> None:
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=words):
        refuse_unsafe_settings()


def test_doors_that_stand_open_are_refused_where_the_site_is_public(settings: Any) -> None:
    settings.BASE_URL = "https://pay.example"
    settings.DEBUG = settings.DEMO = True
    settings.CRASH_POINTS = "/deaths"
    settings.SEALING_KEYS = [settings.DEVELOPMENT_SEALING_KEY]
    named = [sentence.split(":")[0] for sentence in unsafe_settings()]
    assert named == ["DEBUG", "DEMO", "CRASH_POINTS", "SEALING_KEYS", "MESSAGES", "TIME_DIVISOR"]


@pytest.mark.parametrize(
    ("messages", "sign_in", "said"),
    [
        ({}, "/deposit/", "MESSAGES: must name what texts players their codes where DEMO is off"),
        ({}, "https://casino.example/sign-in", ""),
        ({"adapter": "bearer_json", "base_url": "http://x.example", "api_key": "k"}, "/sign-in/", "https://"),
        (
            {"adapter": "bearer_json", "base_url": "https://x.example"},
            "/sign-in/",
            "MESSAGES: api_key: must be",
        ),
        ({"adapter": "bearer_json", "base_url": "https://x.example", "api_key": "k"}, "/sign-in/", ""),
    ],
)
def test_players_can_sign_in_and_their_codes_go_over_https(
    settings: Any, messages: dict[str, str], sign_in: str, said: str
) -> None:
    settings.DEMO, settings.MESSAGES = False, messages
    settings.LOBBY_URL, settings.SIGN_IN_URL = "/deposit/", sign_in
    found = [sentence for sentence in unsafe_settings() if sentence.startswith("MESSAGES")]
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_what_start_up_has_made_is_not_looked_through_for_garbage_again() -> None:
    usual = gc.get_threshold()
    try:
        started()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] == GARBAGE_AFTER
        assert len(gc.get_objects()) < gc.get_freeze_count()
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)
