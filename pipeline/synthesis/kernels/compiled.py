"""The kernels in C, where they were built: a processor's hot loops that torch has no operator for."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .processor import Processor, processor

_AT, _COUNT, _LONG, _FLOAT = ctypes.c_void_p, ctypes.c_int, ctypes.c_ssize_t, ctypes.c_float
BLOCK = 8192  # numbers of a row that are summed one after the other; the sums of blocks are summed in float64
ALIGNED = 32  # numbers that the kernels take at a time: two registers, a line of the cache in bfloat16
TILES = ("2_bfloat16", "3_bfloat16", "4_bfloat16", "4_float32")  # the m of F(m x m, 3 x 3), and the data type
NAMES = {torch.bfloat16: "bfloat16", torch.float32: "float32"}  # the endings of what there is for both
_EVERYWHERE: dict[str, list[Any]] = {
    **{f"inputs{kind}": [_AT, _AT, *[_COUNT] * 4, _LONG, _LONG, *[_COUNT] * 4] for kind in TILES},
    **{f"outputs{kind}": [_AT, _AT, _AT, *[_COUNT] * 4, _LONG, *[_COUNT] * 5] for kind in TILES},
    **{f"differences_of_maps_{kind}": [*[_AT] * 6, _COUNT, _LONG, _COUNT, _COUNT] for kind in NAMES.values()},
    **{
        f"differences_of_grams_{kind}": [_AT, _AT, _FLOAT, *[_AT] * 4, _COUNT, _LONG, _COUNT, _COUNT]
        for kind in NAMES.values()
    },
    **{f"history_products_{kind}": [_AT, _COUNT, _AT, _LONG, _COUNT, _AT, _AT, _COUNT] for kind in NAMES.values()},
    "history_sum_bfloat16": [_AT, _COUNT, _AT, _AT, _LONG, _COUNT, _COUNT],
}
_PRODUCTS = {
    f"{name}_{kind}": arguments
    for kind in NAMES.values()
    for name, arguments in {
        "pack_all": [_AT, _AT, *[_COUNT] * 4],
        "products": [_AT, _AT, _AT, *[_COUNT] * 6],
        "gram": [_AT, _AT, _AT, *[_COUNT] * 5],
    }.items()
}  # of matrices, where the processor has the instructions
# Which libraries a processor may load, the fastest first: each was built for the instructions of its name.
_LIBRARIES: dict[Processor, tuple[str, ...]] = {
    "amx": ("avx512", "avx2", "base"),  # oneDNN multiplies bfloat16 with AMX, and several times as fast
    "avx512_bf16": ("avx512_bf16", "avx512", "avx2", "base"),
    "avx512": ("avx512", "avx2", "base"),
    "avx2": ("avx2", "base"),
}


@cache
def library() -> ctypes.CDLL | None:
    """All of them for this processor; None where they were not built, as on a machine without a C compiler.

    They are linked against no OpenMP of their own: they find torch's, so that both have one pool of threads.
    """
    for name in _LIBRARIES.get(processor(), ("base",)):
        spec = find_spec(f"._{name}", __package__)
        if spec is None or spec.origin is None:
            continue  # the compiler did not know these instructions
        try:
            found = ctypes.CDLL(spec.origin)
        except OSError:  # built for another libc, or torch brings another OpenMP
            continue
        for function, arguments in (_EVERYWHERE | _PRODUCTS).items():
            if hasattr(found, function):
                getattr(found, function).restype, getattr(found, function).argtypes = None, arguments
        return found
    return None


def kernels_name() -> str:
    """The class of processors that the loaded kernels were built for, or "torch" where its operators do the work."""
    found = library()
    name = "torch" if found is None else found._name  # noqa: SLF001 - the path it was loaded from, as ctypes keeps it
    return Path(name).name.split(".")[0].removeprefix("_")


def kernels_for(row: int, *tensors: Tensor, needed: str, float32: Sequence[Tensor] = ()) -> ctypes.CDLL | None:
    """The kernels, if they may take these tensors; where it is None, torch's operators do the same.

    Args:
        row: numbers that lie side by side and are gone through together; a multiple of `ALIGNED` is taken.
        tensors: contiguous, on a CPU, float32 or bfloat16, all alike.
        needed: the kernel, without its data type; some take instructions that not every processor has.
        float32: those that have to be of this data type, likewise.
    """
    kind = tensors[0].dtype
    typed = [*((t, kind) for t in tensors), *((t, torch.float32) for t in float32)]
    if (
        kind not in NAMES
        or not aligned(row)
        or not all(t.dtype == dtype and t.device.type == "cpu" and t.is_contiguous() for t, dtype in typed)
    ):
        return None
    found = library()
    return found if found is not None and hasattr(found, f"{needed}_{NAMES[kind]}") else None


def aligned(*counts: int) -> bool:
    """Whether the kernels can go through so many numbers."""
    return not any(count % ALIGNED for count in counts)


def addresses(*tensors: Tensor) -> list[int]:
    """Where the tensors' numbers begin."""
    return [t.data_ptr() for t in tensors]


def threads() -> int:
    """The caller's share, as torch's own kernels have it."""
    return torch.get_num_threads()
