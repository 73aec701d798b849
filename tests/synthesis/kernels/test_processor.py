"""What this processor is taken for, and the switch that makes a machine look like one of less."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from neckar.pipeline.synthesis.kernels import processor as processors

ASK = """
import torch
from neckar.pipeline.synthesis.engine import device
from neckar.pipeline.synthesis.kernels.compiled import kernels_for
from neckar.pipeline.synthesis.kernels.processor import processor
cpu, b = torch.device("cpu"), torch.zeros(2, 32, dtype=torch.bfloat16)
print(processor(), device.possible(cpu), device.resolve("auto", cpu), kernels_for(32, b, needed="products") is None)
print(torch.backends.cpu.get_cpu_capability())
"""


def asked(**switches: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ASK], env={**os.environ, **switches}, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(processors.processor() in {"arm", "arm_bf16", "other"}, reason="the switch is for x86-64")
def test_a_machine_looks_like_one_with_avx2_alone():
    answer = asked(NECKAR_PROCESSOR="avx2")
    assert answer.stdout.splitlines() == ["avx2 ('float32',) float32 True", "AVX2"]


def test_a_name_that_is_none_is_refused():
    answer = asked(NECKAR_PROCESSOR="avx3")
    assert "NECKAR_PROCESSOR=avx3 is none of avx512, avx2" in answer.stderr


@pytest.mark.parametrize(
    ("has", "expected", "fast"),
    [
        ({"amx_tile", "avx512_bf16", "avx512", "avx2"}, "amx", True),
        ({"avx512_bf16", "avx512", "avx2"}, "avx512_bf16", True),
        ({"avx512", "avx2"}, "avx512", False),
        ({"avx2"}, "avx2", False),
        (set(), "other", False),
    ],
)
def test_classes(monkeypatch, has, expected, fast):
    monkeypatch.delenv(processors.SWITCH, raising=False)
    monkeypatch.setattr(processors.platform, "machine", lambda: "x86_64")
    for name in ("amx_tile", "avx512_bf16", "avx512", "avx2"):
        monkeypatch.setattr(processors.torch.cpu, f"_is_{name}_supported", lambda name=name: name in has)
    processors.processor.cache_clear()
    try:
        assert processors.processor() == expected
        assert processors.bfloat16_is_fast() is fast
    finally:
        processors.processor.cache_clear()
