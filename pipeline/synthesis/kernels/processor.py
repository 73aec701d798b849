"""The class of this processor: what its convolutions are fast in, and which of the measured tables is its own."""

from __future__ import annotations

import os
import platform
from functools import cache
from typing import Literal

import torch

Processor = Literal["amx", "avx512_bf16", "avx512", "avx2", "arm_bf16", "arm", "other"]

SWITCH = "NECKAR_PROCESSOR"  # makes a machine look like one of less: its libraries and ours take no better kernels
_LESS: dict[str, dict[str, str]] = {
    "avx512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "ATEN_CPU_CAPABILITY": "avx512"},
    "avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
}


def _look_like_less() -> None:
    """The libraries read these at their first call: this module is imported before there is one."""
    wanted = os.environ.get(SWITCH)
    if wanted is None:
        return
    if wanted not in _LESS:
        raise ValueError(f"{SWITCH}={wanted} is none of {', '.join(_LESS)}")
    for name, value in _LESS[wanted].items():
        os.environ.setdefault(name, value)


_look_like_less()


@cache
def processor() -> Processor:
    """Of this machine, or as `NECKAR_PROCESSOR` has it."""
    found = _own()
    wanted = os.environ.get(SWITCH)
    return wanted if found in {"amx", "avx512_bf16", "avx512"} and wanted in {"avx512", "avx2"} else found  # type: ignore[return-value]


def _own() -> Processor:
    # torch's own questions to the processor, which have no public names
    if platform.machine().lower() in {"aarch64", "arm64"}:
        return "arm_bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "arm"  # noqa: SLF001
    if torch.cpu._is_amx_tile_supported():  # noqa: SLF001
        return "amx"
    if torch.cpu._is_avx512_bf16_supported():  # noqa: SLF001
        return "avx512_bf16"
    if torch.cpu._is_avx512_supported():  # noqa: SLF001
        return "avx512"
    return "avx2" if torch.cpu._is_avx2_supported() else "other"  # noqa: SLF001


@cache
def bfloat16_is_possible() -> bool:
    """Whether oneDNN has convolutions in bfloat16 here, be they slow."""
    return processor() not in {"avx2", "other"} and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001


def bfloat16_is_fast() -> bool:
    """Whether they are faster than in float32: the processor multiplies in bfloat16."""
    return processor() in {"amx", "avx512_bf16", "arm_bf16"}
