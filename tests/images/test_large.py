"""A large picture is made smaller on its way, to what it would have become anyway, in little memory."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data as pictures

from neckar.pipeline.images import shrink
from neckar.pipeline.images.decode import decode, decode_at
from neckar.pipeline.images.resize import resize
from neckar.pipeline.images.samples import Samples
from tests.images.files import pillow, tiff

COFFEE = np.asarray(Image.fromarray(pictures.coffee()).resize((1200, 803), Image.Resampling.LANCZOS))
DEEP = COFFEE.astype(np.uint16) * 257
ALPHA = np.tile(np.linspace(0, 255, 1200).astype(np.uint8), (803, 1))
MULTIPLIED = np.dstack([np.rint(DEEP * (ALPHA / 255)[..., None]), ALPHA * 257.0]).astype(np.uint16)


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrink, "LARGE_PX", 100_000)


@pytest.mark.parametrize("size", [100, (60, 60), (100, 40)])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(pillow(COFFEE, "JPEG", quality=95), id="jpeg"),
        pytest.param(pillow(COFFEE, "JPEG", quality=95, progressive=True), id="jpeg-progressive"),
        pytest.param(pillow(COFFEE[..., 0], "JPEG", quality=95), id="jpeg-grey"),
        pytest.param(pillow(COFFEE, "JPEG", "CMYK", quality=95), id="jpeg-cmyk"),
        pytest.param(pillow(COFFEE, "PNG"), id="png"),
        pytest.param(pillow(COFFEE, "WEBP", quality=95), id="webp"),
        pytest.param(pillow(np.dstack([COFFEE, ALPHA]), "PNG"), id="png-alpha"),
        pytest.param(tiff(DEEP, photometric="rgb"), id="tiff-16"),
        pytest.param(tiff(DEEP, photometric="rgb", byteorder=">", compression="lzw"), id="tiff-16-lzw"),
        pytest.param(
            tiff(MULTIPLIED, photometric="rgb", extrasamples=["assocalpha"]),
            id="tiff-16-multiplied",
        ),
    ],
)
def test_it_looks_as_if_decoded_whole(data: bytes, size: int | tuple[int, int]) -> None:
    found = decode_at(data, size, "lanczos", name="x")
    whole = resize(decode(data, name="x"), size, "lanczos")
    assert found.shape == whole.shape
    assert np.abs(found - whole).mean() < 0.4
    assert np.abs(found - whole)[2:-2, 2:-2].max() < 5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_one_turned_by_exif_keeps_its_aspect_and_its_place(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = pillow(COFFEE, "JPEG", quality=95, exif=exif.tobytes())
    shape = (101, 68, 3) if orientation >= 5 else (68, 101, 3)
    assert decode_at(data, 101, "lanczos", name="x").shape == shape
    found, whole = decode_at(data, (80, 60), "lanczos", name="x"), resize(decode(data, name="x"), (80, 60), "lanczos")
    assert np.abs(found - whole).mean() < 0.4


def test_one_that_is_not_large_is_left_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrink, "LARGE_PX", 16_000_000)
    data = pillow(COFFEE, "JPEG")
    whole = resize(decode(data, name="x"), 100, "lanczos")
    assert np.array_equal(decode_at(data, 100, "lanczos", name="x"), whole)


def test_cells_are_means_of_all_their_samples() -> None:
    values = np.random.default_rng(0).integers(0, 65535, (10, 15, 3), np.uint16)
    found = shrink.shrunk(Samples(values, "rgb"), 2).values
    expected = values.reshape(2, 5, 3, 5, 3).mean((1, 3))
    assert found.dtype == np.uint16
    assert np.abs(found - expected).max() <= 0.5


def test_what_cannot_be_seen_lends_no_colour() -> None:
    values = np.zeros((8, 8, 3), np.uint8)
    values[:, ::2] = 200
    alpha = np.zeros((8, 8), np.uint8)
    alpha[:, ::2] = 255
    found = shrink.shrunk(Samples(values, "rgb", alpha), 4)
    assert np.abs(found.values / 257 - 200).max() < 0.01
    assert found.alpha is not None
    assert np.abs(found.alpha / 257 - 127.5).max() < 0.01
