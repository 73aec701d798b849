"""One rule of geometry, no aliasing, no rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from neckar.pipeline.images.decode import decode
from neckar.pipeline.images.resize import resize, target_shape
from neckar.pipeline.storage.access import read_uri
from neckar.schemas.errors import ErrorCode, PairError


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((400, 600), 256, (171, 256)),  # 170.67
        ((600, 400), 256, (256, 171)),
        ((100, 200), 25, (13, 25)),  # 12.5, half up
        ((300, 300), 64, (64, 64)),
        ((20, 30), 600, (400, 600)),  # enlarged
        ((1, 4000), 100, (1, 100)),  # never 0
        ((400, 600), (33, 77), (33, 77)),
    ],
)
def test_target_shape(shape: tuple[int, int], size: int | tuple[int, int], expected: tuple[int, int]) -> None:
    assert target_shape(*shape, size) == expected


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(16, 4096))
def test_the_longest_side_is_the_size_and_the_aspect_is_kept(height: int, width: int, size: int) -> None:
    new_height, new_width = target_shape(height, width, size)
    assert max(new_height, new_width) == size
    if height >= width:
        assert new_width == 1 or abs(new_width - width * size / height) <= 0.5
    else:
        assert new_height == 1 or abs(new_height - height * size / width) <= 0.5


@pytest.mark.parametrize("resample", ["lanczos", "bicubic", "bilinear"])
def test_it_is_pillow_s_filter_before_rounding(resample: str) -> None:
    pixels = np.floor(decode(read_uri("package:skimage/data/coffee.png"), name="coffee") / 2 + 64)  # no overshoot
    found = resize(pixels, 128, resample)
    image = Image.fromarray(pixels.astype(np.uint8)).resize((128, 85), Image.Resampling[resample.upper()])
    assert found.dtype == np.float32
    assert found.shape == (85, 128, 3)
    assert np.abs(found - np.asarray(image).astype(float)).max() < 1.5  # Pillow rounds after each pass


def test_fine_stripes_become_their_mean_and_no_moire() -> None:
    stripes = np.zeros((512, 512, 3), np.float32)
    stripes[:, ::2] = 255
    found = resize(stripes, 100, "lanczos")
    assert np.abs(found[:, 3:-3] - 127.5).max() < 3


def test_overshoot_is_clipped() -> None:
    edge = np.zeros((64, 64, 3), np.float32)
    edge[:, 32:] = 255
    found = resize(edge, 200, "lanczos")
    assert found.min() == 0
    assert found.max() == 255


def test_the_same_size_is_the_same_picture() -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (20, 30, 3)).astype(np.float32)
    assert np.array_equal(resize(pixels, 30, "lanczos"), pixels)
    assert np.array_equal(resize(pixels, (20, 30), "bilinear"), pixels)


def test_both_sides_may_be_given() -> None:
    assert resize(np.zeros((50, 80, 3), np.float32), (16, 100), "bicubic").shape == (16, 100, 3)


@pytest.mark.parametrize(("shape", "size"), [((100, 800), 100), ((800, 100), 100), ((1, 1000), 256)])
def test_too_narrow_is_told(shape: tuple[int, int], size: int) -> None:
    with pytest.raises(PairError, match=r"s3://b/x: .* the network needs 16 px a side") as caught:
        resize(np.zeros((*shape, 3), np.float32), size, "lanczos", name="s3://b/x")
    assert caught.value.code == ErrorCode.IMAGE_TOO_SMALL
    assert f"{shape[1]} x {shape[0]} px" in caught.value.message
