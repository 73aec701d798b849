"""The kernels in C, where they were built: a processor's hot loops that torch has no operator for."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from .processor import processor

_AT, _COUNT, _LONG, _FLOAT = ctypes.c_void_p, ctypes.c_int, ctypes.c_ssize_t, ctypes.c_float
BLOCK = 8192  # numbers of a row that are summed one after the other; the sums of blocks are summed in float64
ALIGNED = 32  # numbers that the kernels take at a time: two registers, a line of the cache in bfloat16
TILES = ("2", "3", "4")  # the m of F(m x m, 3 x 3)
_ARGUMENTS: dict[str, list[Any]] = {
    **{f"inputs{m}": [_AT, _AT, *[_COUNT] * 4, _LONG, _LONG, *[_COUNT] * 4] for m in TILES},
    **{f"outputs{m}": [_AT, _AT, _AT, *[_COUNT] * 4, _LONG, *[_COUNT] * 5] for m in TILES},
    "differences_of_maps": [*[_AT] * 6, _COUNT, _LONG, _COUNT, _COUNT],
    "differences_of_grams": [_AT, _AT, _FLOAT, *[_AT] * 4, _COUNT, _LONG, _COUNT, _COUNT],
    "history_products": [_AT, _COUNT, _AT, _LONG, _COUNT, _AT, _AT, _COUNT],
    "history_sum": [_AT, _COUNT, _AT, _AT, _LONG, _COUNT, _COUNT],
}
_DOTS: dict[str, list[Any]] = {
    "gram": [_AT, _AT, _AT, *[_COUNT] * 5],
    "pack_all": [_AT, _AT, *[_COUNT] * 4],
    "products": [_AT, _AT, _AT, *[_COUNT] * 6],
}


@cache
def library() -> ctypes.CDLL | None:
    """All of them; None where they were not built, as on a machine without a C compiler.

    They are linked against no OpenMP of their own: they find torch's, so that both have one pool of threads.
    """
    spec = find_spec("._compiled", __package__)
    if spec is None or spec.origin is None:
        return None
    try:
        found = ctypes.CDLL(spec.origin)
    except OSError:  # built for another libc, or torch brings another OpenMP
        return None
    # Those of dots.c are for processors with AVX512-BF16, which this one may not be.
    for name, arguments in (_ARGUMENTS | _DOTS if found.dots_are_built() else _ARGUMENTS).items():
        function = getattr(found, name)
        function.restype, function.argtypes = None, arguments
    return found


def kernels_for(
    row: int, *, bfloat16: Sequence[Tensor] = (), float32: Sequence[Tensor] = (), dots: bool = False
) -> ctypes.CDLL | None:
    """The kernels, if they may take these tensors; where it is None, torch's operators do the same.

    Args:
        row: numbers that lie side by side and are gone through together; a multiple of `ALIGNED` is taken.
        bfloat16: the tensors that have to be of this data type; each has to be contiguous, on a CPU.
        float32: likewise.
        dots: whether the kernels of dots.c are needed, which take a processor with AVX512-BF16.
    """
    typed = [*((t, torch.bfloat16) for t in bfloat16), *((t, torch.float32) for t in float32)]
    if not aligned(row) or not all(
        t.dtype == dtype and t.device.type == "cpu" and t.is_contiguous() for t, dtype in typed
    ):
        return None
    found = library()
    if found is not None and dots and not (found.dots_are_built() and processor() == "avx512_bf16"):
        return None  # where there is AMX, oneDNN multiplies with it, and several times as fast
    return found


def aligned(*counts: int) -> bool:
    """Whether the kernels can go through so many numbers."""
    return not any(count % ALIGNED for count in counts)


def addresses(*tensors: Tensor) -> list[int]:
    """Where the tensors' numbers begin."""
    return [t.data_ptr() for t in tensors]


def threads() -> int:
    """The caller's share, as torch's own kernels have it."""
    return torch.get_num_threads()
