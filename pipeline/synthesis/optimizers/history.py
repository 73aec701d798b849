"""Products with the rows of L-BFGS's histories; in bfloat16 they take half the memory, and half the time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor

from ..kernels.compiled import BLOCK, NAMES, addresses, kernels_for, threads
from ..kernels.threads import one_thread


def kept(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """Data type of the histories behind a network of this one.

    A bfloat16 network's gradients are no more precise than a bfloat16 history. On CUDA no operator sums the products
    of such rows with float32 vectors in float32.
    """
    return dtype if dtype != torch.bfloat16 or device.type == "cpu" else torch.float32


def products(matrices: Sequence[Tensor], vectors: Sequence[Tensor]) -> list[np.ndarray]:
    """Every matrix (k, n) times its vector, float64.

    Image by image, for the bits of a batched product may depend on the batch; one transfer from the device.

    Args:
        matrices: of the vectors' data type or bfloat16.
        vectors: (n,), float32 or better.
    """
    if not matrices:
        return []
    found = torch.cat([_product(matrix, vector) for matrix, vector in zip(matrices, vectors, strict=True)])
    ends = np.cumsum([len(matrix) for matrix in matrices])[:-1]
    return np.split(found.double().cpu().numpy(), ends)


def weighted_sum(matrix: Tensor, weights: Tensor, out: Tensor) -> None:
    """matrix^T weights.

    Args:
        matrix: (k, n), of the weights' data type or bfloat16.
        weights: (k,), float32 or better.
        out: (n,), of the weights' data type.
    """
    library = kernels_for(matrix.shape[1], matrix, float32=[weights, out], needed="history_sum")
    if library is not None:
        count, n = matrix.shape
        library.history_sum_bfloat16(matrix.data_ptr(), count, *addresses(weights, out), n, BLOCK, threads())
    elif matrix.dtype == out.dtype:
        torch.mv(matrix.T, weights, out=out)
    else:
        out.zero_()
        for row, weight in zip(matrix, weights.tolist(), strict=True):
            out.add_(row.to(out.dtype), alpha=weight)  # no copy of all rows


def _product(matrix: Tensor, vector: Tensor) -> Tensor:
    library = kernels_for(matrix.shape[1], matrix, float32=[vector], needed="history_products")
    if library is not None:
        count, n = matrix.shape
        partial = torch.empty(-(-n // BLOCK), count, dtype=torch.float64)
        found = torch.empty(count, dtype=torch.float64)
        fill = getattr(library, f"history_products_{NAMES[matrix.dtype]}")
        fill(matrix.data_ptr(), count, vector.data_ptr(), n, BLOCK, *addresses(partial, found), threads())
        return found
    # BLAS splits these sums among its threads (seen on Intel's processors with AVX-512).
    with one_thread() if matrix.device.type == "cpu" else nullcontext():
        if matrix.dtype == vector.dtype:
            return torch.mv(matrix, vector)
        found = vector.new_empty(len(matrix))  # of no rows too: a first pair may have been rejected
        for place, row in zip(torch.split(found, 1), torch.split(matrix, 1), strict=True):
            torch.mv(row.to(vector.dtype), vector, out=place)
        return found
