"""Engines side by side: every image ends once, whatever its neighbours in other lanes do meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from functools import partial

import pytest
import torch

from neckar.pipeline.synthesis.engine.lanes import Lanes, lanes
from neckar.pipeline.synthesis.engine.slots import SlotEngine
from neckar.pipeline.synthesis.losses.targets import TargetCache
from neckar.pipeline.synthesis.network.network import Network
from neckar.pipeline.synthesis.task import Program, Task
from tests.synthesis.engine.test_slots import make

PROGRAM = Program(16, 16, ("conv2_1",), ("conv1_1",))


@pytest.fixture
def network(random_weights) -> Network:
    return Network(random_weights, ["conv2_1"], pooling="average", dtype=torch.float32, device=torch.device("cpu"))


def filled(network: Network, tasks: list[Task], slots: int | None = None) -> Lanes:
    found = lanes(network, PROGRAM, slots or len(tasks))
    targets = TargetCache()
    with torch.no_grad():
        for task in tasks:
            found.admit(task, targets.targets(network, task))
    return found


def forever(seed: int) -> Task:
    return make(PROGRAM, seed, iterations=10**9)


def eventually(happens) -> None:
    """Wait for other threads; a minute is far more than they need."""
    until = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.01)


def lane_threads() -> int:
    return sum(thread.name == "lane" for thread in threading.enumerate())


@pytest.mark.parametrize(("threads", "slots", "expected"), [(1, 4, 0), (2, 1, 0), (2, 3, 2), (3, 2, 2)])
def test_a_lane_for_every_thread_and_none_without_a_slot(network, two_threads, threads, slots, expected):
    torch.set_num_threads(threads)
    before = lane_threads()
    found = filled(network, [forever(seed) for seed in range(slots)])
    assert (lane_threads() - before, found.slots, found.busy) == (expected, slots, slots)
    assert set(found.running) == {f"image-{seed}" for seed in range(slots)}


def test_lanes_go_on_until_they_are_stopped(network, two_threads):
    found = filled(network, [forever(1), forever(2)])
    assert found.step(lambda: True) == []
    assert found.beside
    reached = found.evaluations
    eventually(lambda: found.evaluations > reached + 10)
    assert found.stop() == []
    assert not found.beside
    reached = found.evaluations
    time.sleep(0.2)
    assert found.evaluations == reached
    assert {task.key for task in found.tasks} == {"image-1", "image-2"}


def test_a_step_waits_for_every_lane_even_one_that_hangs(network, two_threads, monkeypatch):
    """Or nobody outside would notice that it hangs."""
    step, woken = SlotEngine.step, threading.Event()

    def sleepy(engine):
        if "image-2" in engine.running:
            assert woken.wait(60)
        return step(engine)

    monkeypatch.setattr(SlotEngine, "step", sleepy)
    found = filled(network, [forever(1), forever(2)])
    caller = threading.Thread(target=found.step, args=(lambda: True,))
    caller.start()
    eventually(lambda: found.running["image-1"] > 10e-9)
    assert caller.is_alive()
    woken.set()
    caller.join(60)
    assert not caller.is_alive()
    assert found.running["image-2"] > 0


def test_slots_are_refilled_while_the_other_lane_moves(network, two_threads):
    """One slot in each of two lanes, refilled while the other lane moves."""
    waiting = [make(PROGRAM, seed, iterations=3 + seed) for seed in range(9)]
    found = filled(network, waiting[:2])
    ended, rest = [], waiting[2:]
    while found.busy:
        ended += found.step(lambda: False)
        _refill(found, network, rest)
    assert sorted(end.key for end in ended) == sorted(task.key for task in waiting)
    assert {end.key: end.iterations for end in ended} == {task.key: task.iterations for task in waiting}


def test_a_lane_leaves_their_share_to_others_that_are_about_to_end(network, two_threads):
    """Three slots in each lane: one is empty, the other has three images of one more evaluation."""
    short = [make(PROGRAM, seed, iterations=1) for seed in (1, 2, 3)]
    found = filled(network, [forever(0), *short], slots=6)
    found.evict("image-0")
    waiting = [make(PROGRAM, seed, iterations=100) for seed in (4, 5, 6, 7)]
    ended, refill = [], partial(_refill, found, network, waiting)
    refill()
    assert (len(waiting), found.busy) == (2, 5)
    while found.busy:
        ended += found.step(lambda: False)
        refill()
    assert sorted(end.key for end in ended) == [f"image-{seed}" for seed in range(1, 8)]


def _refill(found: Lanes, network: Network, waiting: list[Task]) -> None:
    while found.has_room(waiting):
        task = waiting.pop(0)
        with torch.no_grad():
            found.admit(task, TargetCache().targets(network, task))


def test_a_running_image_is_evicted_and_its_neighbours_end(network, two_threads):
    found = filled(network, [forever(1), make(PROGRAM, 2, iterations=2000), forever(3)])
    found.step(lambda: True)
    assert found.evict("image-1")
    assert not found.evict("image-1")
    assert found.evict("image-3")
    (end,) = found.step(lambda: False)
    assert (end.key, found.busy) == ("image-2", 0)


def test_what_ended_in_one_lane_survives_an_error_in_another(network, two_threads, monkeypatch):
    step, one_ended = SlotEngine.step, threading.Event()

    def breaking(engine):
        if "image-2" in engine.running:
            one_ended.wait()
            torch.empty(2**62, dtype=torch.uint8)  # the allocator's real refusal
        ended = step(engine)
        if ended:
            one_ended.set()
        return ended

    monkeypatch.setattr(SlotEngine, "step", breaking)
    found = filled(network, [make(PROGRAM, 1, iterations=4), forever(2)])
    ended = []

    def until_it_breaks() -> None:
        while True:
            ended.extend(found.step(lambda: False))

    with pytest.raises(RuntimeError, match="can't allocate memory"):
        until_it_breaks()
    assert not found.beside
    ended += found.stop()
    assert [end.key for end in ended] == ["image-1"]
    assert [task.key for task in found.tasks] == ["image-2"]


def test_threads_end_with_their_lanes(network, two_threads):
    before = lane_threads()
    found = filled(network, [forever(1), forever(2)])
    found.step(lambda: True)
    assert lane_threads() == before + 2
    del found
    assert lane_threads() == before


def test_a_process_ends_although_lanes_move():
    code = """
import torch
from neckar.pipeline.synthesis.network.weights import load_oxford
from neckar.pipeline.synthesis.network.network import Network
from tests.synthesis.engine.test_lanes import filled, forever
torch.set_num_threads(2)
network = Network(load_oxford(), ["conv2_1"], pooling="average", dtype=torch.float32, device=torch.device("cpu"))
found = filled(network, [forever(1), forever(2)])
found.step(lambda: True)
assert found.beside
print("moving")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "moving\n", "")
