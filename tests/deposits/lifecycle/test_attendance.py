"""What a worker says to the doorbell holds up none of its work."""

from __future__ import annotations

import threading

import pytest

from deposits import attendance, doorbell


class FrozenRedis:
    """Takes what is said and answers nothing before it is thawed."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.thawed = threading.Event()
        self.heard: list[str] = []
        for name in ("hold", "release", "ring_now"):
            patch.setattr(doorbell, name, self._takes(name))

    def _takes(self, name: str) -> object:
        def take() -> bool:
            assert self.thawed.wait(30)
            self.heard.append(name)
            return True

        return take


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> FrozenRedis:
    monkeypatch.setattr(attendance, "_speaker", None)
    return FrozenRedis(monkeypatch)


def await_all_said() -> None:
    assert attendance._current_speaker().silent.wait(30)


def test_a_frozen_redis_holds_up_no_worker_and_hears_no_old_news_when_it_thaws(frozen: FrozenRedis) -> None:
    bell = attendance.Attendance()
    bell.leave()
    for _ in range(3):
        bell.attend()
        bell.leave()
    assert frozen.heard == []
    frozen.thawed.set()
    await_all_said()
    assert set(frozen.heard) == {"release"}
    assert len(frozen.heard) <= 2


def test_a_call_for_help_gives_the_bell_free_and_rings_it(frozen: FrozenRedis) -> None:
    frozen.thawed.set()
    bell = attendance.Attendance()
    bell.attend()
    await_all_said()
    bell.call_help()
    await_all_said()
    assert frozen.heard == ["hold", "release", "ring_now"]


def test_while_redis_does_not_hear_nothing_else_is_tried(
    frozen: FrozenRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen.thawed.set()
    monkeypatch.setattr(doorbell, "PAUSE_AFTER_FAILURE_S", 0.0)
    tried: list[str] = []

    def deaf() -> bool:
        tried.append("release")
        return False

    monkeypatch.setattr(doorbell, "release", deaf)
    bell = attendance.Attendance()
    bell.call_help()
    await_all_said()
    assert (tried, frozen.heard) == (["release"], [])
