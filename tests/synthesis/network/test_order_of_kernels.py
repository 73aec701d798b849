"""oneDNN gets a layer's kernels in the order it wants them: it reorders none while pictures are made."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from neckar.pipeline.synthesis.kernels.processor import processor

RUN = """
import torch
from neckar.pipeline.synthesis.kernels.processor import processor  # the switch is read before torch's first call
from neckar.pipeline.synthesis.network.convolution import Direct
maps = {size: torch.zeros(3, 512, size, size).contiguous(memory_format=torch.channels_last) for size in (4, 8, 16, 32)}
layer = Direct(torch.zeros(512, 512, 3, 3), torch.zeros(512), torch.float32)
for turn in ("first", "later"):
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for x in maps.values():
            for images in (1, 3):
                print(turn, flush=True)
                layer(x[:images], relu=True)
"""


@pytest.mark.parametrize("look", [None, "avx2"])
def test_no_kernels_are_reordered_after_the_first_call(look):
    """On AVX2 that took 60 ms a call, where the sum itself takes 1.3."""
    if look is not None and processor() in {"arm", "arm_bf16", "other"}:
        pytest.skip("the switch is for x86-64")
    switch = {} if look is None else {"NECKAR_PROCESSOR": look}
    answer = subprocess.run(
        [sys.executable, "-c", RUN],
        env={**os.environ, "ONEDNN_VERBOSE": "1", **switch},
        capture_output=True,
        text=True,
        check=True,
    )
    _, later = answer.stdout.split("\nlater\n", 1)
    executed = [line.split(",")[5] for line in later.splitlines() if ",exec," in line]
    assert "convolution" in executed
    assert "reorder" not in executed
