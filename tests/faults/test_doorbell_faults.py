"""F16 and F21: messages that come ten times, and a worker that lives and takes none."""

from __future__ import annotations

from celery import current_app

from deposits import doorbell
from tests.faults.rig import Rig


def test_f16_the_same_doorbell_ten_times_on_four_workers_charges_once(rig: Rig) -> None:
    rig.stack.freeze("worker")
    try:
        deposits = [rig.deposit() for _ in range(5)]
        for _ in range(10):
            current_app.send_task(doorbell.DRAIN_TASK, queue=doorbell.QUEUE, retry=False)
    finally:
        rig.stack.thaw("worker")
    rig.ended_true(*deposits, charged=True)
    for deposit in deposits:
        assert rig.attempts(deposit) == [("authorise", "approved")]
        assert len(rig.charge_requests(deposit)) == 1


def test_f21_a_worker_that_lives_and_takes_nothing_is_missed_and_stood_in_for(rig: Rig) -> None:
    log = rig.stack.log_dir / "sweeper.log"
    missed_before = log.read_text().count("no_worker_answers")
    rig.stack.freeze("worker")
    try:
        deposit = rig.deposit()
        rig.ended_true(deposit, charged=True)
        assert log.read_text().count("no_worker_answers") > missed_before
    finally:
        rig.stack.thaw("worker")
    # Awake again, it finds nothing left to do, and takes what comes next.
    assert rig.attempts(deposit) == [("authorise", "approved")]
    rig.ended_true(rig.deposit(), charged=True)
