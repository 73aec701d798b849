"""What a precision means on a device. A GPU is asked nothing here: its switches are set without one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from neckar.pipeline.synthesis.engine import device as devices
from neckar.pipeline.synthesis.engine.synthesizer import Synthesizer
from neckar.pipeline.synthesis.network.convolution import PackedConvolution
from neckar.pipeline.synthesis.task import Program
from tests.synthesis.engine.test_slots import STYLE, make, pixels

CUDA = torch.device("cuda")
PROGRAM = Program(32, 24, ("conv2_2",), STYLE[:3])


@pytest.fixture
def switches():
    """The GPU's, as they were afterwards."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = (cudnn.allow_tf32, cudnn.deterministic, matmul.allow_tf32)
    yield cudnn, matmul
    cudnn.allow_tf32, cudnn.deterministic, matmul.allow_tf32 = before
    matmul.allow_bf16_reduced_precision_reduction = True


def test_float32_is_ieee_on_a_gpu_and_no_sum_is_split(switches):
    cudnn, matmul = switches
    cudnn.allow_tf32 = matmul.allow_tf32 = True
    devices.prepare(CUDA)
    assert not cudnn.allow_tf32
    assert not matmul.allow_tf32
    assert cudnn.deterministic
    assert not matmul.allow_bf16_reduced_precision_reduction
    assert not matmul.allow_bf16_reduced_precision_reduction_split_k


@pytest.mark.parametrize(
    ("capability", "possible"), [((7, 5), ("float32", "bfloat16")), ((8, 0), ("float32", "tf32", "bfloat16"))]
)
def test_tf32_is_possible_from_compute_capability_8(monkeypatch, capability, possible):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    assert devices.possible(CUDA) == possible
    told = devices.impossible("tf32", CUDA)
    assert (told is None) == ("tf32" in possible)
    assert told is None or "compute capability 8.0" in told


def test_tf32_is_of_its_own_passes_alone_and_another_network_judges(random_weights, monkeypatch, switches):
    """On a CPU both compute the same; what differs is what a GPU would be allowed."""
    cudnn, _ = switches
    cudnn.allow_tf32 = False
    allowed = []
    respond = PackedConvolution.respond

    def watched(self, x, **named):
        allowed.append(cudnn.allow_tf32)
        return respond(self, x, **named)

    monkeypatch.setattr(PackedConvolution, "respond", watched)
    engine = Synthesizer(random_weights, device="cpu", slots=1)
    found = []
    for precision in ("float32", "tf32"):
        allowed.clear()
        engine.submit(replace(make(PROGRAM, 0, iterations=3), program=replace(PROGRAM, precision=precision)))
        (end,) = engine.step(lambda: False)
        found.append(pixels(end))
        assert set(allowed) == ({False} if precision == "float32" else {True, False})
        assert not cudnn.allow_tf32
    assert found[0] == found[1]
