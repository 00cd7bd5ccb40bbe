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
    assert attendance._current_speaker().say(lambda: True).wait(30)


def test_a_frozen_redis_holds_up_no_worker_and_hears_all_in_order_when_it_thaws(frozen: FrozenRedis) -> None:
    bell = attendance.Attendance()
    bell.attend()
    bell.call_help()
    bell.leave()
    assert frozen.heard == []
    frozen.thawed.set()
    await_all_said()
    assert frozen.heard == ["hold", "release", "ring_now", "release"]


def test_after_redis_did_not_hear_nothing_is_said_for_a_while(
    frozen: FrozenRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen.thawed.set()
    said: list[str] = []

    def deaf() -> bool:
        said.append("hold")
        return False

    monkeypatch.setattr(doorbell, "hold", deaf)
    bell = attendance.Attendance()
    bell.attend()
    bell.leave()
    bell.call_help()
    await_all_said()
    assert (said, frozen.heard) == (["hold"], [])
