"""Order of the waiting pairs: one program at a time, the longest first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neckar.pipeline.scheduling.waiting import Ticket, Window
from neckar.schemas.pair import Pair


def ticket(index, program, cost):
    return Ticket(Pair(index, str(index), None, None, None), program, cost)


def test_a_worker_stays_with_its_program_and_then_goes_to_the_longest():
    window = Window()
    for index, (program, cost) in enumerate([("a", 1), ("b", 5), ("a", 2), ("c", 9), ("b", 1)]):
        window.push(ticket(index, program, cost))
    taken = [window.take("a") for _ in range(5)]
    assert [(t.program, t.cost) for t in taken] == [("a", 2), ("a", 1), ("c", 9), ("b", 5), ("b", 1)]


def test_equals_come_in_the_order_of_the_manifest():
    window = Window()
    for index in (3, 1, 2, 0):
        window.push(ticket(index, "a", 1.0))
    assert [window.take(None).pair.index for _ in range(4)] == [0, 1, 2, 3]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 3))))
def test_like_a_sorted_list(steps):
    """Against the plain model: a list that is searched through."""
    window, model = Window(), []
    for index, (push, program, cost) in enumerate(steps):
        if push or not model:
            model.append(ticket(index, program, cost))
            window.push(model[-1])
        else:
            mine = [t for t in model if t.program == program] or model
            expected = min(mine, key=lambda t: t.rank)
            assert window.take(program) is expected
            model.remove(expected)
        assert len(window) == len(model)


def test_a_million_of_one_program_leave_nothing_behind():
    window = Window()
    for index in range(50):
        window.push(ticket(index, "a", 1.0))
    for index in range(50, 5000):
        window.take("a")
        window.push(ticket(index, "a", 1.0))
    assert len(window._heads) <= 2 * 50 + 65
