"""More slots than memory: fewer slots, the same pictures; and one that fits nowhere fails with its code."""

from __future__ import annotations

import pytest
import torch

from neckar.pipeline.synthesis.engine import memory
from neckar.pipeline.synthesis.engine.slots import SlotEngine
from neckar.pipeline.synthesis.engine.synthesizer import Synthesizer
from neckar.pipeline.synthesis.task import Failure, Program
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
