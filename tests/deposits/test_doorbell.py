"""What was accepted stays accepted, whether it can be rung for or not."""

from __future__ import annotations

import threading

import pytest

from deposits import doorbell


@pytest.mark.usefixtures("committed")
def test_a_process_that_may_have_no_thread_more_rings_nobody_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(doorbell, "_ringer", None)
    monkeypatch.setattr(threading.Thread, "start", start)
    before = doorbell.FAILURES._value.get()
    doorbell.ring()
    assert doorbell.FAILURES._value.get() == before + 1
