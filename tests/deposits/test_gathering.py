"""Who asks while somebody asks already is asked for together with the others who do."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from deposits.gathering import Gathering, NotReached
from tests.stack import await_condition

#: Nobody who waits for so long is sent away in a test that is not about it.
LONG_S = 120.0


class Desk:
    """Answers a number with its double; the first call only when told to. `calls` are the groups it was asked for."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.opened = threading.Event()
        self.refuses: BaseException | None = None

    def ask(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append(list(numbers))
        if len(self.calls) == 1:
            assert self.opened.wait(60)
        elif self.refuses is not None:
            raise self.refuses
        return [2 * number for number in numbers]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def gather(
    pool: ThreadPoolExecutor, gathering: Gathering[int, int], desk: Desk, numbers: Sequence[int]
) -> list[Future[int]]:
    """Ask for 0, and for `numbers` while 0 is being asked; open the desk when all of them wait."""
    futures = [pool.submit(gathering.ask, 0)]
    await_condition(lambda: desk.calls, what="the first at the desk")
    for number in numbers:
        futures.append(pool.submit(gathering.ask, number))
        await_condition(lambda: len(gathering) == len(futures) - 1, what="the next one waiting")
    desk.opened.set()
    return futures


def ask_meanwhile(desk: Desk, numbers: Sequence[int], most: int = 16) -> list[Future[int]]:
    """Ask for 0, and for `numbers` while 0 is being asked; return what became of each once all have ended."""
    gathering: Gathering[int, int] = Gathering(desk.ask, most, LONG_S)
    with ThreadPoolExecutor(len(numbers) + 1) as pool:
        futures = gather(pool, gathering, desk, numbers)
    assert len(gathering) == 0
    return futures


def test_those_who_come_meanwhile_are_asked_for_together(desk: Desk) -> None:
    futures = ask_meanwhile(desk, [1, 2, 3])
    assert desk.calls == [[0], [1, 2, 3]]
    assert [one.result() for one in futures] == [0, 2, 4, 6]


def test_a_group_has_a_bound_and_the_rest_goes_next(desk: Desk) -> None:
    futures = ask_meanwhile(desk, [1, 2, 3, 4, 5], most=2)
    assert desk.calls == [[0], [1, 2], [3, 4], [5]]
    assert [one.result() for one in futures] == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize("refuses", [ValueError("no"), SystemExit(1)])
def test_what_goes_wrong_goes_wrong_for_each_and_for_nobody_after_them(
    desk: Desk, refuses: BaseException
) -> None:
    desk.refuses = refuses
    futures = ask_meanwhile(desk, [1, 2])
    assert futures[0].result() == 0
    assert [one.exception() for one in futures[1:]] == [refuses, refuses]


def test_the_next_one_after_a_failure_is_asked_for(desk: Desk) -> None:
    desk.opened.set()
    gathering: Gathering[int, int] = Gathering(desk.ask, 16, LONG_S)
    assert gathering.ask(1) == 2
    desk.refuses = ValueError("no")
    with pytest.raises(ValueError, match="no"):
        gathering.ask(2)
    desk.refuses = None
    assert gathering.ask(3) == 6


def test_many_at_once_each_get_their_own_answer(desk: Desk) -> None:
    desk.opened.set()
    gathering: Gathering[int, int] = Gathering(desk.ask, 4, LONG_S)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(gathering.ask, range(2_000))) == [2 * number for number in range(2_000)]
    assert sorted(number for call in desk.calls for number in call) == list(range(2_000))


def test_who_waits_lets_go_first_and_who_asks_does_not(desk: Desk) -> None:
    let_go: list[int] = []
    gathering: Gathering[int, int] = Gathering(
        desk.ask, 16, LONG_S, lambda: let_go.append(threading.get_ident())
    )
    asking = threading.Thread(target=gathering.ask, args=[0])
    asking.start()
    await_condition(lambda: desk.calls, what="the first at the desk")
    waiting = threading.Thread(target=gathering.ask, args=[1])
    waiting.start()
    await_condition(lambda: let_go, what="the second letting go")
    assert let_go == [waiting.ident]
    desk.opened.set()
    asking.join()
    waiting.join()
    assert desk.calls == [[0], [1]]


def test_who_cannot_let_go_is_asked_for_all_the_same_and_takes_the_lead(desk: Desk) -> None:
    gathering: Gathering[int, int] = Gathering(desk.ask, 1, LONG_S, lambda: 1 / 0)
    with ThreadPoolExecutor(3) as pool:
        futures = gather(pool, gathering, desk, [1, 2])
    assert [one.result() for one in futures] == [0, 2, 4]


def test_who_is_interrupted_while_waiting_leaves_and_the_others_are_asked_for(desk: Desk) -> None:
    came: list[int] = []

    def let_go() -> None:
        came.append(1)
        if len(came) == 1:
            raise SystemExit(1)

    gathering: Gathering[int, int] = Gathering(desk.ask, 16, LONG_S, let_go)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(gathering.ask, 0)
        await_condition(lambda: desk.calls, what="the first at the desk")
        assert isinstance(pool.submit(gathering.ask, 1).exception(), SystemExit)
        second = pool.submit(gathering.ask, 2)
        await_condition(lambda: len(gathering) == 1, what="the next one waiting")
        desk.opened.set()
    assert [first.result(), second.result()] == [0, 4]
    assert desk.calls == [[0], [2]]


@pytest.mark.parametrize("everybodys", [True, False])
def test_an_error_that_all_would_meet_is_told_to_all_at_once(desk: Desk, everybodys: bool) -> None:
    desk.refuses = ValueError("no")
    gathering: Gathering[int, int] = Gathering(
        desk.ask, 1, LONG_S, is_everybodys=lambda error: everybodys and isinstance(error, ValueError)
    )
    with ThreadPoolExecutor(4) as pool:
        futures = gather(pool, gathering, desk, [1, 2, 3])
    assert futures[0].result() == 0
    assert [str(one.exception()) for one in futures[1:]] == ["no"] * 3
    assert desk.calls == [[0], [1]] + ([] if everybodys else [[2], [3]])
    # And whoever comes afterwards asks anew.
    desk.refuses = None
    assert gathering.ask(4) == 8


def test_who_is_not_reached_in_time_leaves_and_is_never_asked_for(desk: Desk) -> None:
    gathering: Gathering[int, int] = Gathering(desk.ask, 16, 0.05)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gathering.ask, 0)
        await_condition(lambda: desk.calls, what="the first at the desk")
        assert isinstance(pool.submit(gathering.ask, 1).exception(), NotReached)
        desk.opened.set()
        # However long it took: what is being asked has to be known.
        assert first.result() == 0
    assert desk.calls == [[0]]


def test_who_is_being_asked_for_waits_for_the_answer(desk: Desk) -> None:
    """The desk is slow for a group of two, of whom one does not lead."""
    asked, answered = threading.Event(), threading.Event()

    def ask(numbers: Sequence[int]) -> list[int]:
        if len(numbers) == 2:
            asked.set()
            assert answered.wait(60)
        return desk.ask(numbers)

    # Nobody's patience runs before both have come: the leader's when it is to lead, the other's when it is asked for.
    impatient = [threading.Event(), asked]

    def before_waiting() -> None:
        assert impatient.pop(0).wait(60)

    gathering: Gathering[int, int] = Gathering(ask, 16, 0.05, before_waiting)
    with ThreadPoolExecutor(3) as pool:
        leads = impatient[0]
        futures = [pool.submit(gathering.ask, 0)]
        await_condition(lambda: desk.calls, what="the first at the desk")
        for number in (1, 2):
            futures.append(pool.submit(gathering.ask, number))
            await_condition(lambda number=number: len(impatient) == 2 - number, what="the next one waiting")  # type: ignore[misc]
        desk.opened.set()
        assert futures[0].result() == 0
        leads.set()
        # Long after the patience of who does not lead has ended.
        with pytest.raises(TimeoutError):
            futures[2].result(timeout=1)
        answered.set()
    assert [one.result() for one in futures] == [0, 2, 4]
