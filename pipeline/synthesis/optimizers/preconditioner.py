"""A first guess of the inverse Hessian in the Fourier domain: low frequencies are curved less than high ones."""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels.threads import one_thread

EXPONENT = 0.5  # K = 1/f^0.5; the runs it was chosen by are in docs/benchmarks.md


class FourierPreconditioner:
    """K of `LBFGS`: a circular convolution with the transfer function 1/f^exponent, the same for all colours.

    f is the radial frequency, from one cycle an image (which stands for the mean too) to beyond Nyquist's half a cycle
    a pixel. The transform runs image by image and, on the CPU, in one thread: its bits depend on both (seen at 64 px).

    Args:
        height, width: of the image, px.
        exponent: 0 is the identity.
        device: where the gradients are.
        dtype: of the gradients.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        exponent: float = EXPONENT,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._shape = (3, height, width)
        vertical = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
        horizontal = torch.fft.rfftfreq(width, dtype=torch.float64)[None]
        frequency = (vertical.square() + horizontal.square()).sqrt().clamp_min(1 / max(height, width))
        self._transfer = (2 * frequency).pow(-exponent).to(device, dtype)

    def __call__(self, gradient: Tensor) -> Tensor:
        """K g for every row of (B, n >= 3 height width); what a row has beyond the image is padding and stays 0."""
        n = self._shape[0] * self._shape[1] * self._shape[2]
        out = torch.empty_like(gradient)
        with one_thread():
            for row, filtered in zip(gradient, out, strict=True):
                spectrum = torch.fft.rfft2(row[:n].view(self._shape)).mul_(self._transfer)
                filtered[:n] = torch.fft.irfft2(spectrum, s=self._shape[1:]).reshape(-1)
                filtered[n:] = 0.0
        return out
