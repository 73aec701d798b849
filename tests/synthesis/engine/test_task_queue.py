"""Which task is next."""

from __future__ import annotations

from neckar.pipeline.synthesis.engine.task_queue import TaskQueue
from neckar.pipeline.synthesis.task import Program, Task

SMALL, LARGE = (Program(side, side, (), ("conv1_1",)) for side in (32, 64))


def task(key, program=SMALL):
    return Task(key=key, program=program, content=None, style=None, alpha=0.0, beta=1.0, style_weights=(1.0,))


def filled(*tasks):
    queue = TaskQueue()
    for one in tasks:
        queue.add(one)
    return queue


def keys(queue, program=SMALL):
    return [one.key for one in queue.of(program)]


def test_first_in_first_out_within_a_program():
    queue = filled(task("a"), task("x", LARGE), task("b"))
    assert (len(queue), queue.longest) == (3, SMALL)
    assert [queue.take(SMALL).key for _ in range(2)] == ["a", "b"]
    assert (len(queue), queue.longest, keys(queue)) == (1, LARGE, [])
    queue.take(LARGE)
    assert (len(queue), queue.longest) == (0, None)


def test_of_programs_with_equally_many_the_first_one():
    assert filled(task("x", LARGE), task("a")).longest == LARGE


def test_what_is_put_back_comes_first_in_its_order():
    queue = filled(task("c"))
    queue.put_back(SMALL, [task("a"), task("b")])
    assert keys(queue) == ["a", "b", "c"]
    queue.put_back(LARGE, [])
    assert queue.longest == SMALL


def test_a_dropped_task_leaves_no_program_behind():
    queue = filled(task("a"), task("x", LARGE))
    assert queue.drop("x")
    assert not queue.drop("x")
    assert (len(queue), queue.longest) == (1, SMALL)
    assert queue.drop("a")
    assert queue.longest is None
