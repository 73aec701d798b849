"""The slot engine: the same bits in any company, slots that refill, and what happens off the finite numbers."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from neckar.pipeline.synthesis.engine.slots import SlotEngine
from neckar.pipeline.synthesis.engine.start import grey_noise
from neckar.pipeline.synthesis.engine.synthesizer import Synthesizer
from neckar.pipeline.synthesis.kernels.compiled import library
from neckar.pipeline.synthesis.network.network import DTYPES, Network
from neckar.pipeline.synthesis.network.weights import Weights
from neckar.pipeline.synthesis.optimizers.lbfgs import LBFGS, Steps
from neckar.pipeline.synthesis.task import Failure, Program, Solution, Task

STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")


def make(program: Program, seed: int, **changes) -> Task:
    rng = np.random.default_rng(100 + seed)
    given = {
        "key": f"image-{seed}",
        "program": program,
        "content": rng.uniform(0, 255, (program.height, program.width, 3)).astype(np.float32),
        "style": rng.uniform(0, 255, (40, 48, 3)).astype(np.float32),
        "content_key": f"c{seed}",
        "style_key": f"s{seed}",
        "alpha": 1e-3,
        "beta": 1.0,
        "style_weights": (0.2,) * len(program.style_layers),
        "seed": seed,
        "iterations": 6,
    }
    return Task(**(given | changes))


def run(synthesizer: Synthesizer, tasks: list[Task]) -> dict[str, Solution | Failure]:
    for task in tasks:
        synthesizer.submit(task)
    ended: dict[str, Solution | Failure] = {}
    for _ in range(10_000):
        if not synthesizer.backlog:
            return ended
        ended |= {end.key: end for end in synthesizer.step()}
    raise AssertionError("the engine does not come to an end")


def pixels(solution: Solution | Failure) -> str:
    assert isinstance(solution, Solution)
    return hashlib.sha256(solution.image.tobytes() + solution.trace.tobytes()).hexdigest()


def test_snapshots_show_the_way_and_change_nothing(oxford: Weights) -> None:
    program = Program(height=32, width=32, content_layers=("conv2_1",), style_layers=("conv1_1",))
    wanted = make(program, 1)
    plain = run(Synthesizer(oxford, slots=1), [wanted])["image-1"]
    kept = run(Synthesizer(oxford, slots=2), [replace(wanted, snapshots=(1, 4, 99)), make(program, 2)])
    found = kept["image-1"]
    assert isinstance(plain, Solution)
    assert isinstance(found, Solution)
    assert pixels(found) == pixels(plain)
    assert [iteration for iteration, _ in found.snapshots] == [1, 4]
    assert plain.snapshots == ()
    begun = run(Synthesizer(oxford, slots=1), [replace(wanted, iterations=1)])["image-1"]
    assert isinstance(begun, Solution)
    assert (found.snapshots[0][1] == begun.image).all()  # the first evaluation is of the start
    other = kept["image-2"]
    assert isinstance(other, Solution)
    assert other.snapshots == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "optimizer", "size"),
    [
        ("float32", "lbfgs", (64, 64)),
        ("float32", "lbfgs", (49, 83)),  # rows of odd length
        ("float32", "lbfgs", (32, 48)),  # conv5_1 sees 6 positions
        ("bfloat16", "lbfgs", (96, 128)),  # conv3 by Winograd's filtering
        ("bfloat16", "lbfgs", (49, 83)),
        ("float32", "adam", (49, 83)),
        ("bfloat16", "adam", (64, 64)),
        ("float32", "grey", (49, 83)),
        ("bfloat16", "grey", (64, 64)),
    ],
)
def test_the_same_pair_has_the_same_bits_in_any_company(oxford, precision, optimizer, size, two_threads):
    """Alone, with other batch mates, other slot counts, other places in the queue, other thread counts."""
    grey = optimizer == "grey"
    optimizer = "lbfgs" if grey else optimizer
    program = Program(*size, ("conv4_2",), STYLE, precision=precision, optimizer=optimizer, grey=grey)
    tasks = [make(program, seed, iterations=4 + seed) for seed in range(5)]
    alone = {task.key: pixels(run(Synthesizer(oxford, slots=1), [task])[task.key]) for task in tasks}
    assert len(set(alone.values())) == len(tasks)
    for threads, slots, order in ((1, 2, tasks), (2, 3, tasks[::-1]), (3, 5, tasks), (2, 1, tasks)):
        torch.set_num_threads(threads)
        together = run(Synthesizer(oxford, slots=slots), order)
        assert {key: pixels(end) for key, end in together.items()} == alone


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_grey_picture_has_three_equal_channels(random_weights, optimizer):
    """From one field of noise, whatever colours its pictures have; its losses fall as those of a coloured one."""
    program = Program(24, 32, ("conv2_1",), ("conv1_1", "conv2_1"), optimizer=optimizer, grey=True)
    task = make(program, 1, iterations=40)
    end = run(Synthesizer(random_weights, slots=1), [task])[task.key]
    assert np.ptp(end.image, axis=2).max() == 0.0
    assert end.image.std() > 1.0
    assert end.losses.total < 0.9 * end.trace[0, 0]


def test_grey_noise_is_one_field_around_the_luma_of_the_mean():
    noise = grey_noise(7, 10.0, 200, 300)
    assert np.ptp(noise, axis=2).max() == 0.0
    assert noise.mean() == pytest.approx(0.299 * 123.68 + 0.587 * 116.779 + 0.114 * 103.939, abs=0.2)
    assert noise.std() == pytest.approx(10.0, rel=0.02)


@pytest.mark.slow
@pytest.mark.skipif(library() is None, reason="the kernels in C were not built")
@pytest.mark.bfloat16
def test_without_kernels_in_c_pictures_end_at_about_the_same_losses(oxford, picture, two_threads, request):
    """And, likewise, with the same bits in any company. The first pair of a history is rejected here."""
    content, style = picture("coffee.png", 96), picture("ihc.png", 96)
    program = Program(*content.shape[:2], ("conv4_2",), STYLE, precision="bfloat16")
    tasks = [
        make(program, seed, content=content, style=style, init_sigma=10.0, iterations=20 + seed) for seed in range(3)
    ]
    expected = run(Synthesizer(oxford, slots=3), tasks)
    request.getfixturevalue("no_kernels")
    found = run(Synthesizer(oxford, slots=3), tasks)
    for task in tasks:
        assert found[task.key].losses.total == pytest.approx(expected[task.key].losses.total, rel=0.25)
        assert pixels(found[task.key]) == pixels(run(Synthesizer(oxford, slots=1), [task])[task.key])
        assert pixels(found[task.key]) != pixels(expected[task.key])


def test_slots_refill_and_every_task_ends_once(random_weights):
    """Seven images of different lengths through three slots, two programs in turn."""
    wide = Program(16, 24, ("conv2_1",), ("conv1_1",))
    tall = Program(24, 16, ("conv2_1",), ("conv1_1",))
    tasks = [make(wide if seed % 3 else tall, seed, iterations=2 + 3 * (seed % 4)) for seed in range(7)]
    ended = run(Synthesizer(random_weights, slots=3), tasks)
    assert {key: end.iterations for key, end in ended.items()} == {task.key: task.iterations for task in tasks}
    for task in tasks:
        end = ended[task.key]
        assert end.stop_reason == "iterations"
        assert end.trace.shape == (task.iterations, 4)
        assert end.trace_columns == ("total", "content", "style", "conv1_1")
        assert end.image.shape == (task.program.height, task.program.width, 3)
        assert end.losses.total == pytest.approx(end.trace[:, 0].min(), rel=1e-6)


def test_a_factorial_costs_one_pass_an_image(random_weights):
    """C contents and S styles are C + S target passes, not C x S."""
    program = Program(16, 16, ("conv2_1",), ("conv1_1",))
    synthesizer = Synthesizer(random_weights, slots=2)
    contents, styles = [make(program, seed) for seed in range(3)], [make(program, 10 + seed) for seed in range(4)]
    tasks = [
        replace(c, key=f"{c.key}-{s.key}", style=s.style, style_key=s.style_key, iterations=1)
        for c in contents
        for s in styles
    ]
    assert len(run(synthesizer, tasks)) == 12
    assert synthesizer.targets.passes == 3 + 4


def test_tolerance_is_relative(random_weights):
    """The same problem on a loss 1e6 times as large stops at the same evaluation."""
    program = Program(16, 16, ("conv2_1",), ("conv1_1",))
    task = make(program, 1, iterations=2000, tolerance=1e-4)
    large = replace(task, key="large", alpha=task.alpha * 2**10, beta=task.beta * 2**10)
    ended = run(Synthesizer(random_weights, slots=2), [task, large])
    assert ended[task.key].stop_reason == "tolerance"
    assert 21 < ended[task.key].iterations < 2000
    trace = ended[task.key].trace[:, 0]
    assert abs(trace[-21] - trace[-1]) <= 1e-4 * trace[-21]
    assert abs(trace[-22] - trace[-2]) > 1e-4 * trace[-22]


@pytest.mark.parametrize(("iterations", "tolerance"), [(1, 0.0), (30, 0.0), (2000, 1e-3)])
@pytest.mark.bfloat16
def test_bfloat16_is_judged_in_float32(random_weights, iterations, tolerance):
    """The trace is the rounded network's, the losses of the result the exact one's at the same image."""
    program = Program(16, 16, ("conv2_1",), ("conv1_1",), precision="bfloat16")
    task = make(program, 1, iterations=iterations, tolerance=tolerance)
    (end,) = run(Synthesizer(random_weights, slots=2), [task]).values()
    assert end.stop_reason == ("tolerance" if tolerance else "iterations")
    assert len(end.trace) == end.iterations <= iterations
    exact = replace(task, program=replace(program, precision="float32"), init=end.image, iterations=1)
    (judged,) = run(Synthesizer(random_weights, slots=2), [exact]).values()
    np.testing.assert_allclose(end.losses.total, judged.losses.total, rtol=1e-4)
    np.testing.assert_allclose(end.losses.layers, judged.losses.layers, rtol=1e-4)
    assert end.losses.total != end.trace[:, 0].min()
    assert end.losses.total == pytest.approx(end.trace[:, 0].min(), rel=0.03)


def test_identical_content_and_start_is_stationary(random_weights):
    """Zero gradient: nothing to do, and no division by it."""
    program = Program(16, 16, ("conv2_1",), ())
    task = make(program, 1)
    end = run(Synthesizer(random_weights, slots=1), [replace(task, beta=0.0, style_weights=(), init=task.content)])
    (solution,) = end.values()
    assert (solution.stop_reason, solution.iterations, solution.losses.total) == ("stationary", 1, 0.0)
    np.testing.assert_allclose(solution.image, task.content, atol=1e-4)


class Poisoned(Network):
    """A network whose gradient is NaN in chosen evaluations."""

    def __init__(self, *args, poison: set[int], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.poison, self.calls = poison, 0

    def pull_back(self, tape, injected):
        g = super().pull_back(tape, injected)
        self.calls += 1
        return g * float("nan") if self.calls in self.poison else g


def poisoned(weights: Weights, poison: set[int], *iterations: int) -> tuple[Poisoned, SlotEngine, list[Task]]:
    """A poisoned network and an engine with a task of each of these numbers of evaluations."""
    program = Program(16, 16, ("conv2_1",), ("conv1_1",))
    network = Poisoned(
        weights,
        ["conv2_1"],
        pooling="average",
        dtype=DTYPES["float32"],
        device=torch.device("cpu"),
        poison=poison,
    )
    engine, helper = SlotEngine(network, program, len(iterations)), Synthesizer(weights)
    tasks = [make(program, seed, iterations=count) for seed, count in enumerate(iterations, start=1)]
    for task in tasks:
        engine.admit(task, helper.targets.targets(network, task))
    return network, engine, tasks


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        (set(), "iterations"),
        ({5}, "iterations+restart"),
        ({5, 9}, "iterations+adam"),
        ({5, 9, 12}, "non_finite+adam"),
    ],
)
def test_the_ladder_after_a_gradient_that_is_not_finite(random_weights, poison, reason):
    _, engine, _ = poisoned(random_weights, poison, 20)
    while not (ended := engine.step()):
        pass
    (solution,) = ended
    assert isinstance(solution, Solution)
    assert solution.stop_reason == reason
    assert np.isfinite(solution.image).all()
    with_gradient = [row for call, row in enumerate(solution.trace[:, 0], start=1) if call not in poison]
    assert solution.losses.total == pytest.approx(min(with_gradient), rel=1e-6)
    assert solution.iterations == (12 if "non_finite" in reason else 20)


def test_the_last_gradient_is_not_taken_and_where_a_batch_mate_takes_one_not_looked_at(random_weights):
    network, engine, (short, long) = poisoned(random_weights, {3}, 3, 5)
    ended = {end.key: end for _ in range(5) for end in engine.step()}
    assert engine.busy == 0
    assert network.calls == 4
    assert {key: end.stop_reason for key, end in ended.items()} == {
        short.key: "iterations",
        long.key: "iterations+restart",
    }
    _, alone, _ = poisoned(random_weights, set(), 3)
    (solution,) = (end for _ in range(3) for end in alone.step())
    assert pixels(solution) == pixels(ended[short.key])


def test_a_start_that_is_not_finite_fails_and_its_batch_mate_does_not(random_weights):
    program = Program(16, 16, ("conv2_1",), ("conv1_1",))
    bad = make(program, 1, init=np.full((16, 16, 3), np.nan, np.float32))
    good = make(program, 2)
    ended = run(Synthesizer(random_weights, slots=2), [bad, good])
    assert isinstance(ended[bad.key], Failure)
    assert ended[bad.key].code == "non_finite_loss"
    assert pixels(ended[good.key]) == pixels(run(Synthesizer(random_weights, slots=1), [good])[good.key])


def test_eviction_empties_the_slot_and_the_queue(random_weights):
    program = Program(16, 16, ("conv2_1",), ("conv1_1",))
    synthesizer = Synthesizer(random_weights, slots=1)
    running, queued, kept = (make(program, seed) for seed in range(3))
    for task in (running, queued, kept):
        synthesizer.submit(task)
    synthesizer.step()
    assert synthesizer.evict(running.key)
    assert synthesizer.evict(queued.key)
    assert not synthesizer.evict("nobody")
    assert set(run(synthesizer, [])) == {kept.key}


FLAT = np.full((19, 33, 3), 128.0, np.float32)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"content": FLAT, "style": FLAT}, id="flat pictures, odd sides"),
        pytest.param({"content": FLAT, "style": FLAT, "init": FLAT}, id="flat start"),
        pytest.param({"style": None, "iterations": 1}, id="one evaluation"),
        pytest.param({"init_sigma": 0.0}, id="no noise"),
    ],
)
def test_odd_requests_give_finite_pictures(random_weights, changes):
    program = Program(19, 33, ("conv2_1",), () if changes.get("style", 0) is None else ("conv1_1", "conv2_2"))
    task = make(program, 1, **changes)
    (end,) = run(Synthesizer(random_weights, slots=2), [task]).values()
    assert isinstance(end, Solution)
    assert end.image.shape == (19, 33, 3)
    assert np.isfinite(end.image).all()
    assert np.isfinite(end.losses.total)


@pytest.mark.bfloat16
def test_the_smallest_picture_reaches_the_deepest_style_layer(oxford):
    """16 px: conv5_1 sees a map of 1 x 1."""
    program = Program(16, 16, ("conv4_2",), STYLE, precision="bfloat16")
    (end,) = run(Synthesizer(oxford), [make(program, 1, iterations=3)]).values()
    assert isinstance(end, Solution)
    assert np.isfinite(end.trace).all()


@pytest.mark.parametrize(("precision", "optimizer"), [("float32", "lbfgs"), ("bfloat16", "lbfgs"), ("float32", "adam")])
def test_the_unit_of_alpha_and_beta_changes_no_bit(oxford, precision, optimizer):
    """A loss twice as large has the same minimum: every comparison and constant has to be free of its scale."""
    program = Program(48, 64, ("conv4_2",), STYLE, precision=precision, optimizer=optimizer)
    plain = make(program, 1, iterations=12)
    expected = run(Synthesizer(oxford, slots=1), [plain])[plain.key]
    for k in (-30, -1, 13, 40):
        unit = 2.0**k
        found = run(Synthesizer(oxford, slots=1), [replace(plain, alpha=unit * plain.alpha, beta=unit * plain.beta)])
        assert np.array_equal(found[plain.key].image, expected.image), k
        assert found[plain.key].losses.total == unit * expected.losses.total


def test_a_pair_that_is_rejected_again_and_again_does_not_overflow(random_weights):
    """2 ** rejections has no place in a float after a thousand of them."""
    lbfgs = LBFGS(1, 32, steps=Steps(first=1.0, longest=10.0))
    x = torch.zeros(1, 32)
    for _ in range(1100):
        lbfgs.advance(x, [0], torch.ones(1, 32))  # the same gradient everywhere: no curvature
    assert torch.isfinite(x).all()


@pytest.mark.parametrize(("learning_rate", "told"), [(255.0, "+no_improvement"), (0.1, "")])
def test_a_result_that_is_its_start_says_so(random_weights, learning_rate, told):
    program = Program(32, 32, ("conv4_2",), (), optimizer="adam")
    start = np.full((32, 32, 3), 128.0, np.float32)
    task = make(program, 1, learning_rate=learning_rate, iterations=3, init=start, style=None)
    solution = run(Synthesizer(random_weights, slots=1), [replace(task, content=start + np.float32(1.0))])[task.key]
    assert solution.stop_reason == f"iterations{told}"
