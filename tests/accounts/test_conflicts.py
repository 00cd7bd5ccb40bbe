"""A transaction that met a deadlock is run again, three times in all, and never inside somebody else's."""

from __future__ import annotations

import pytest
from django.db import OperationalError, transaction
from psycopg import errors

from accounts.conflicts import again_on_conflict


class _Runs:
    """A transaction that meets `errors` one after the other and then succeeds; counts its runs."""

    def __init__(self, *met: type[Exception]) -> None:
        self.met = list(met)
        self.number = 0

    def __call__(self) -> str:
        self.number += 1
        if self.met:
            raise OperationalError("met") from self.met.pop(0)()
        return "done"

    __name__ = "runs"


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("met", [errors.DeadlockDetected, errors.SerializationFailure])
def test_f49_a_transaction_is_run_three_times_at_most(met: type[Exception]) -> None:
    twice = _Runs(met, met)
    assert (again_on_conflict(twice)(), twice.number) == ("done", 3)
    for_ever = _Runs(*[met] * 9)
    with pytest.raises(OperationalError):
        again_on_conflict(for_ever)()
    assert for_ever.number == 3


@pytest.mark.usefixtures("committed")
def test_another_error_is_not_tried_again() -> None:
    runs = _Runs(errors.LockNotAvailable)
    with pytest.raises(OperationalError):
        again_on_conflict(runs)()
    assert runs.number == 1


@pytest.mark.django_db
def test_inside_a_transaction_of_the_caller_it_runs_once() -> None:
    runs = _Runs(errors.DeadlockDetected)
    with pytest.raises(OperationalError), transaction.atomic():
        again_on_conflict(runs)()
    assert runs.number == 1
