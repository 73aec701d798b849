"""More slots than memory: fewer slots, the same pictures; and one that fits nowhere fails with its code."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from neckar.pipeline.synthesis.engine import memory
from neckar.pipeline.synthesis.engine.networks import Networks
from neckar.pipeline.synthesis.engine.slots import SlotEngine
from neckar.pipeline.synthesis.engine.synthesizer import Synthesizer
from neckar.pipeline.synthesis.losses.targets import TargetCache
from neckar.pipeline.synthesis.task import Failure, Program, Solution
from tests.synthesis.engine.test_slots import make, pixels, run

PROGRAM = Program(16, 16, ("conv2_1",), ("conv1_1",))


def test_a_million_slots_are_cut_to_what_is_free(random_weights):
    synthesizer = Synthesizer(random_weights, slots=10**9)
    ended = run(synthesizer, [make(PROGRAM, 1)])
    fitting = memory.slots_that_fit(PROGRAM, torch.device("cpu"))
    assert 1 <= synthesizer.slots < 10**9
    assert fitting / 2 < synthesizer.slots < fitting * 2  # others take and free memory meanwhile
    assert pixels(ended["image-1"]) == pixels(run(Synthesizer(random_weights, slots=1), [make(PROGRAM, 1)])["image-1"])


@pytest.fixture
def scarce(monkeypatch):
    """Torch's own error, raised as soon as more than `scarce.most` images are in the slots."""

    class Scarce:
        most = 2

    step = SlotEngine.step

    def limited(engine):
        if engine.busy > Scarce.most:
            torch.empty(2**62, dtype=torch.uint8)  # the allocator's real refusal
        return step(engine)

    monkeypatch.setattr(SlotEngine, "step", limited)
    return Scarce


@pytest.mark.parametrize(("threads", "slots"), [(1, 2), (2, 4)])  # of two threads, each has a lane of two slots
def test_running_out_halves_the_slots_and_loses_no_image(random_weights, scarce, two_threads, threads, slots):
    torch.set_num_threads(threads)
    tasks = [make(PROGRAM, seed) for seed in range(9)]
    expected = {task.key: pixels(run(Synthesizer(random_weights, slots=1), [task])[task.key]) for task in tasks}
    synthesizer = Synthesizer(random_weights, slots=8)
    ended = run(synthesizer, tasks)
    assert {key: pixels(end) for key, end in ended.items()} == expected
    assert synthesizer.slots == slots


def test_an_image_that_does_not_fit_alone_fails_and_the_next_program_runs(random_weights, scarce):
    scarce.most = 0
    (end,) = run(Synthesizer(random_weights, slots=4), [make(PROGRAM, 1)]).values()
    assert isinstance(end, Failure)
    assert end.code == "out_of_memory"


def test_an_estimate_is_of_the_right_order(oxford):
    """At 512 px in bfloat16: at most 600 MB a slot, L-BFGS history included."""
    program = Program(512, 512, ("conv4_2",), ("conv1_1", "conv5_1"), precision="bfloat16")
    assert 250e6 < memory.bytes_per_slot(program, torch.device("cpu")) < 600e6


class FailingOperators(TorchDispatchMode):
    """Torch's operators, of which some find no memory, by their number."""

    def __init__(self, failing: Collection[int] = ()) -> None:
        super().__init__()
        self.count = 0
        self._failing = failing

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        self.count += 1
        if self.count in self._failing:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        return operator(*args, **(kwargs or {}))


def answered(synthesizer: Synthesizer, tasks: list, failing: Collection[int] = ()) -> tuple[list, int]:
    """All answers in their order, and the number of operators."""
    answers: list = []
    with FailingOperators(failing) as operators:
        for task in tasks:
            synthesizer.submit(task)
        for _ in range(1000):
            if not synthesizer.backlog:
                return answers, operators.count
            answers += synthesizer.step()
    raise AssertionError("the engine does not come to an end")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_wherever_memory_fails_every_task_is_answered_once(random_weights, data):
    """During target passes, admissions, evaluations, steps and while finished images are judged."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # one lane, in this thread, where the operators are watched
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Networks, "exact", lambda self, program: self.of(program))  # as bfloat16 has one that judges
            tasks = [make(PROGRAM, seed, iterations=2 + seed % 2) for seed in range(4)]
            whole, count = answered(Synthesizer(random_weights, slots=2), tasks)
            expected = {end.key: pixels(end) for end in whole}
            failing = data.draw(st.sets(st.integers(1, 2 * count), min_size=1, max_size=4))
            answers, _ = answered(Synthesizer(random_weights, slots=2), tasks, failing)
    finally:
        torch.set_num_threads(threads)
    assert sorted(end.key for end in answers) == sorted(expected)
    for end in answers:
        if isinstance(end, Failure):
            assert end.code == "out_of_memory"
            assert len(failing) > 1, "one failure in company halves the slots and costs nobody a picture"
        else:
            assert pixels(end) == expected[end.key]


@pytest.mark.parametrize("seed", [0, 2])
def test_the_one_whose_targets_do_not_fit_fails_and_no_other(random_weights, monkeypatch, seed):
    of = TargetCache.targets

    def limited(cache, network, task):
        if task.key == f"image-{seed}":
            raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)")
        return of(cache, network, task)

    monkeypatch.setattr(TargetCache, "targets", limited)
    ended = run(Synthesizer(random_weights, slots=4), [make(PROGRAM, number) for number in range(4)])
    assert {key for key, end in ended.items() if isinstance(end, Failure)} == {f"image-{seed}"}


@pytest.mark.parametrize("method", ["_solutions", "_evaluate", "_move"])
def test_no_image_of_any_lane_is_lost(random_weights, monkeypatch, two_threads, method):
    """The same in lanes with threads of their own: the third call of a part finds no memory."""
    calls, lock, whole = [0], threading.Lock(), getattr(SlotEngine, method)

    def limited(engine, *given, **named):
        with lock:
            calls[0] += 1
            fails = calls[0] in {3, 11}
        if fails:
            raise MemoryError
        return whole(engine, *given, **named)

    monkeypatch.setattr(SlotEngine, method, limited)
    ended = run(Synthesizer(random_weights, slots=8), [make(PROGRAM, number) for number in range(9)])
    assert len(ended) == 9
    assert all(isinstance(end, Solution) for end in ended.values())


def test_a_size_that_cannot_fit_is_refused_with_the_number_before_anything_is_computed(random_weights, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 2 * 2**30)
    huge = Program(4096, 4096, ("conv4_2",), ("conv1_1",))
    synthesizer = Synthesizer(random_weights, slots=4)
    synthesizer.submit(make(PROGRAM, 1))
    synthesizer.submit(make(huge, 2, content=np.zeros((1, 1, 3), np.float32)))
    ended = {}
    while synthesizer.backlog:
        ended |= {end.key: end for end in synthesizer.step()}
    assert isinstance(ended["image-1"], Solution)
    assert ended["image-2"].code == "out_of_memory"
    assert re.search(r"4096 x 4096 px needs about \d+\.\d GiB", ended["image-2"].message)


def test_workers_on_one_machine_share_its_memory(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 16 * 2**30)
    program, cpu = Program(512, 512, ("conv4_2",), ("conv1_1", "conv5_1")), torch.device("cpu")
    alone, shared = (memory.slots_that_fit(program, cpu, workers) for workers in (1, 4))
    assert shared < alone / 3


def test_slots_are_counted_when_the_last_program_is_gone(random_weights, monkeypatch):
    """Two programs in turn: the second is not counted beside the memory of the first."""
    counted = []
    synthesizer = Synthesizer(random_weights, slots=2)
    fit = memory.slots_that_fit

    def watched(program, *given):
        counted.append((program, synthesizer.slots))
        return fit(program, *given)

    monkeypatch.setattr(memory, "slots_that_fit", watched)
    other = Program(32, 16, ("conv2_1",), ("conv1_1",))
    run(synthesizer, [make(PROGRAM, 1), make(other, 2)])
    assert counted == [(PROGRAM, 0), (other, 0)]


@pytest.mark.parametrize(
    "told",
    [
        "[enforce fail at alloc_cpu.cpp:129] data. DefaultCPUAllocator: not enough memory: you tried to",
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried",
        "std::bad_alloc",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuFFT error: CUFFT_ALLOC_FAILED",
    ],
)
def test_every_library_says_it_in_its_own_words(told):
    assert memory.ran_out(RuntimeError(told))
    assert not memory.ran_out(ValueError(told))


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_errors_that_are_of_a_class_for_it(error):
    assert memory.ran_out(error)


def test_another_error_is_not_taken_for_it():
    assert not memory.ran_out(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
