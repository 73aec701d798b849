"""The bench tells what it does and for how long, and outlives what does not fit."""

from __future__ import annotations

import pytest
import torch

from neckar.pipeline.synthesis.bench import measure
from neckar.pipeline.synthesis.bench.measure import bench, filled, network_of, seconds_an_evaluation
from neckar.pipeline.synthesis.network.network import Network

CPU = torch.device("cpu")


@pytest.fixture
def no_roofline(monkeypatch):
    """Nor a large product: seconds of arithmetic that no test looks at."""
    monkeypatch.setattr(measure, "gemm_gflops", lambda dtype, device: 1.0)


def test_each_measurement_is_announced_and_none_that_cannot_fit_is_tried(oxford, monkeypatch, no_roofline):
    tried, told, said = [], [], []

    def too_much(weights, size, slots, precision, device, *, graphs):
        tried.append((size, slots))
        torch.empty(2**62, dtype=torch.uint8)  # the allocator's real refusal

    monkeypatch.setattr(measure, "measure", too_much)
    monkeypatch.setattr(measure, "load_oxford", lambda: oxford)
    report = bench([64, 32], [2, 1], ["float32"], CPU, told.append, say=said.append)
    assert tried == [(32, 1), (64, 1)]  # two images fit no more than one does
    assert report.rows == []
    assert report.conv_roofline_gflops == {}
    assert sum("does not fit into memory" in line for line in told) == 2
    assert said[0] == "32 px, 1 slots, float32: 1 of 4"
    assert [line.split(": ")[1][:6] for line in said] == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
    assert all("left at most" in line for line in said[1:])


def test_another_error_is_not_taken_for_memory(oxford, monkeypatch, no_roofline):
    def broken(*given, **named):
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(measure, "measure", broken)
    monkeypatch.setattr(measure, "load_oxford", lambda: oxford)
    with pytest.raises(RuntimeError, match="illegal"):
        bench([32], [1], ["float32"], CPU, [].append)


@pytest.mark.parametrize(("times", "limit_s"), [(3, 600.0), (10**9, 0.0)])
def test_a_slow_machine_is_measured_over_fewer_evaluations(random_weights, times, limit_s):
    lanes = filled(network_of(Network, random_weights, "float32", CPU), 32, 1, "float32")
    assert seconds_an_evaluation(lanes, times, limit_s) > 0
    assert lanes.evaluations == (3 if times == 3 else 1)
