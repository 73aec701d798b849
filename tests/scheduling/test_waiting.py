"""Order of the waiting pairs: one program at a time, the longest first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neckar.pipeline.scheduling.pair_state import PairState
from neckar.pipeline.scheduling.waiting import WaitingPairs
from neckar.schemas.pair import Pair


def state(index, program, cost):
    return PairState(Pair(index, str(index), None, None, None), program, cost)


def test_a_worker_stays_with_its_program_and_then_goes_to_the_longest():
    waiting = WaitingPairs()
    for index, (program, cost) in enumerate([("a", 1), ("b", 5), ("a", 2), ("c", 9), ("b", 1)]):
        waiting.push(state(index, program, cost))
    taken = [waiting.take("a") for _ in range(5)]
    assert [(t.program, t.cost) for t in taken] == [("a", 2), ("a", 1), ("c", 9), ("b", 5), ("b", 1)]


def test_equals_come_in_the_order_of_the_manifest():
    waiting = WaitingPairs()
    for index in (3, 1, 2, 0):
        waiting.push(state(index, "a", 1.0))
    assert [waiting.take(None).pair.index for _ in range(4)] == [0, 1, 2, 3]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 3))))
def test_like_a_sorted_list(steps):
    """Against the plain model: a list that is searched through."""
    waiting, model = WaitingPairs(), []
    for index, (push, program, cost) in enumerate(steps):
        if push or not model:
            model.append(state(index, program, cost))
            waiting.push(model[-1])
        else:
            mine = [t for t in model if t.program == program] or model
            expected = min(mine, key=lambda t: t.rank)
            assert waiting.take(program) is expected
            model.remove(expected)
        assert len(waiting) == len(model)


def test_a_million_of_one_program_leave_nothing_behind():
    waiting = WaitingPairs()
    for index in range(50):
        waiting.push(state(index, "a", 1.0))
    for index in range(50, 5000):
        waiting.take("a")
        waiting.push(state(index, "a", 1.0))
    assert len(waiting._heads) <= 2 * 50 + 65
