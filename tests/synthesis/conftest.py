from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neckar.pipeline.synthesis.kernels import compiled
from neckar.pipeline.synthesis.network.vgg19 import SPECS
from neckar.pipeline.synthesis.network.weights import Weights, load_oxford


@pytest.fixture(scope="session")
def oxford() -> Weights:
    return load_oxford()


@pytest.fixture(scope="session")
def random_weights() -> Weights:
    """Quick to make and with responses of moderate size, for tests of arithmetic alone."""
    generator = torch.Generator().manual_seed(0)
    kernels, biases = {}, {}
    for spec in SPECS:
        scale = (2 / (9 * spec.inputs)) ** 0.5
        kernels[spec.name] = scale * torch.randn(spec.outputs, spec.inputs, 3, 3, generator=generator)
        biases[spec.name] = 0.1 * torch.randn(spec.outputs, generator=generator)
    return Weights("random", "0" * 64, kernels, biases)


@pytest.fixture(scope="session")
def picture():
    """A scikit-image picture by name, its longest side `size` px: float32 (h, w, 3) RGB 0-255."""
    from importlib.util import find_spec

    folder = Path(next(iter(find_spec("skimage").submodule_search_locations))) / "data"

    def load(name: str, size: int) -> np.ndarray:
        image = Image.open(folder / name).convert("RGB")
        factor = size / max(image.size)
        size_px = (round(image.width * factor), round(image.height * factor))
        return np.asarray(image.resize(size_px, Image.Resampling.LANCZOS), np.float32)

    return load


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Two threads of the kernels; a test may set another number."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def no_kernels(monkeypatch) -> None:
    """As on a machine where pip found no C compiler."""
    monkeypatch.setattr(compiled, "library", lambda: None)


@pytest.fixture(params=["compiled", "torch"])
def way(request) -> None:
    """By the kernels in C, if they were built and the processor has what they need, and by torch's operators."""
    if request.param == "torch":
        request.getfixturevalue("no_kernels")
