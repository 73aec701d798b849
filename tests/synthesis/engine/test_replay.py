"""Evaluations recorded and played again: the same bits as without, or none of it.

On a CPU a stand-in records: it does the work once more, in the tensors of the first time, as a CUDA graph does.
"""

from __future__ import annotations

from functools import partial

import pytest
import torch

from neckar.pipeline.synthesis.engine import replay, slots
from neckar.pipeline.synthesis.engine.cuda_graph import recorded
from neckar.pipeline.synthesis.engine.replay import ReplayedObjective
from neckar.pipeline.synthesis.engine.slots import SlotEngine
from neckar.pipeline.synthesis.losses.objective import Objective
from neckar.pipeline.synthesis.losses.targets import TargetCache
from neckar.pipeline.synthesis.network.network import Network
from neckar.pipeline.synthesis.task import Program, RecordingFailed
from tests.synthesis.engine.test_slots import STYLE, make, pixels

PROGRAM = Program(32, 24, ("conv2_2",), STYLE[:3])
LENGTHS = (3, 9, 5, 7, 6, 4, 8)  # evaluations of each image: they come and go at different times
CUDA = torch.device("cuda")

on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="without a GPU")


class Recordable(Network):
    """A network whose passes a recorder takes, wherever it is."""

    recordable = True


class StandIn:
    """Records by hand.

    Attributes:
        recordings: how many were asked for.
        plays: how often one was played.
    """

    def __init__(self, error: str = "", change: float = 0.0) -> None:
        self.recordings = self.plays = 0
        self._error, self._change = error, change

    def __call__(self, work, device):
        self.recordings += 1
        if self._error:
            raise RuntimeError(self._error)
        found = work()

        def again():
            self.plays += 1
            for t, new in zip(found, work(), strict=True):
                t.copy_(new).add_(self._change)

        return again, found


def made(engine: SlotEngine, network: Network) -> dict[str, str]:
    """The bits of seven images through three slots."""
    targets = TargetCache()
    waiting = [make(PROGRAM, seed, iterations=length) for seed, length in enumerate(LENGTHS)]
    ended: dict[str, str] = {}
    while waiting or engine.busy:
        while waiting and engine.free:
            task = waiting.pop(0)
            engine.admit(task, targets.targets(network, task))
        ended |= {end.key: pixels(end) for end in engine.step()}
    return ended


def network(weights, kind=Network, device="cpu") -> Network:
    return kind(weights, ["conv3_1"], pooling="average", dtype=torch.float32, device=torch.device(device))


@pytest.fixture
def expected(random_weights):
    plain = network(random_weights)
    return made(SlotEngine(plain, PROGRAM, 3), plain)


def by(stand_in, weights, monkeypatch) -> dict[str, str]:
    monkeypatch.setattr(slots, "ReplayedObjective", partial(ReplayedObjective, record=stand_in))
    recordable = network(weights, Recordable)
    return made(SlotEngine(recordable, PROGRAM, 3), recordable)


def test_images_that_come_and_go_have_the_same_bits_by_replay(random_weights, monkeypatch, expected, caplog):
    stand_in = StandIn()
    assert by(stand_in, random_weights, monkeypatch) == expected
    assert stand_in.recordings == 1
    assert stand_in.plays > 8  # of all steps, full or not, but the first
    assert not caplog.records


@pytest.fixture
def three_together(monkeypatch):
    """Micro-batches of three images, whatever their size."""
    monkeypatch.setattr(replay, "together", lambda program: 3)


def test_every_evaluation_is_of_the_same_shape_and_one_recording_serves_for_all(random_weights, three_together):
    """However many images there are: rows without one repeat another."""
    stand_in = StandIn()
    recordable = network(random_weights, Recordable)
    objective = ReplayedObjective(recordable, PROGRAM, record=stand_in)
    plain = Objective(network(random_weights), PROGRAM)
    tasks = [make(PROGRAM, seed) for seed in range(7)]
    targets = [TargetCache().targets(recordable, task) for task in tasks]
    x = torch.randn(7, 3, 32, 24)
    shapes = set()
    respond = recordable.respond
    recordable.respond = lambda x, **named: shapes.add(tuple(x.shape)) or respond(x, **named)
    for images in (7, 2, 1, 3, 5):
        given, batch = x[:images], objective.batch(targets[:images], tasks[:images])
        found, expected = objective.evaluate(given, batch), plain.evaluate(given, batch)
        assert torch.equal(found.gradient, expected.gradient)
        assert (found.losses == expected.losses).all()
        assert (objective.judge(given, batch) == expected.losses).all()
    assert shapes == {(3, 3, 32, 24)}
    assert (stand_in.recordings, stand_in.plays) == (1, 3 + 1 + 1 + 1 + 2)


def test_what_plays_another_result_is_told_once_and_left(random_weights, monkeypatch, expected, caplog):
    stand_in = StandIn(change=1e-3)
    assert by(stand_in, random_weights, monkeypatch) == expected
    assert stand_in.recordings == 1
    (record,) = caplog.records
    assert "without CUDA graphs" in record.message
    assert "what is played differs" in record.message


def test_what_cannot_be_recorded_ends_the_engine(random_weights, monkeypatch):
    stand_in = StandIn(error="operation not permitted\nwhen stream is capturing")
    with pytest.raises(RecordingFailed, match="cannot be recorded as a CUDA graph: operation not permitted"):
        by(stand_in, random_weights, monkeypatch)


def test_an_engine_without_graphs_records_nothing(random_weights, monkeypatch, expected):
    stand_in = StandIn(error="not asked")
    monkeypatch.setattr(slots, "ReplayedObjective", partial(ReplayedObjective, record=stand_in))
    recordable = network(random_weights, Recordable)
    assert made(SlotEngine(recordable, PROGRAM, 3, graphs=False), recordable) == expected
    assert stand_in.recordings == 0


class Uneven(Recordable):
    """Its rows do not all have the same bits, as where a library's sums depend on the row."""

    def respond(self, x, *, layers=None):
        return super().respond(x + 1e-3 * torch.arange(len(x)).view(-1, 1, 1, 1), layers=layers)


@pytest.mark.parametrize(("kind", "told"), [(Uneven, 1), (Recordable, 0)])
def test_bits_that_depend_on_the_row_are_told(random_weights, three_together, caplog, kind, told):
    uneven = network(random_weights, kind)
    objective = ReplayedObjective(uneven, PROGRAM, record=None)
    tasks = [make(PROGRAM, seed) for seed in range(2)]
    batch = objective.batch([TargetCache().targets(uneven, task) for task in tasks], tasks)
    for _ in range(2):
        objective.evaluate(torch.randn(2, 3, 32, 24), batch)
    assert sum("bits depend on its row" in record.message for record in caplog.records) == told


@on_cuda
def test_a_cuda_graph_gives_the_bits_of_the_operators(random_weights, monkeypatch, caplog):
    graphs = network(random_weights, device="cuda")
    found = made(SlotEngine(graphs, PROGRAM, 3), graphs)
    monkeypatch.setattr(Network, "recordable", False)
    operators = network(random_weights, device="cuda")
    assert found == made(SlotEngine(operators, PROGRAM, 3), operators)
    assert not caplog.records


@on_cuda
def test_all_recordings_share_one_stream_beside():
    """Every stream that was ever used keeps workspaces of its own."""
    t, streams = torch.ones(3, device=CUDA), set()
    for _ in range(3):
        recorded(lambda: (streams.add(torch.cuda.current_stream()) or t + t,), CUDA)
    assert len(streams) == 1


@on_cuda
def test_a_recording_that_fails_leaves_the_stream_as_it_was():
    before = torch.cuda.current_stream()
    t = torch.ones(3, device=CUDA)
    with pytest.raises(RuntimeError):
        recorded(lambda: (t * t.sum().item(),), CUDA)
    assert torch.cuda.current_stream() == before
    assert (t + t).tolist() == [2.0] * 3
