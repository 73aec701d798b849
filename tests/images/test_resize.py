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
from neckar.schemas.fields import Fit


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


def disc(height: int, width: int) -> np.ndarray:
    """White but for a black disc in the middle, 60 px across."""
    y, x = np.mgrid[:height, :width]
    inside = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2) < 30
    return np.repeat(np.where(inside, 0.0, 255.0)[..., None], 3, axis=-1).astype(np.float32)


def extent(pixels: np.ndarray) -> tuple[int, int]:
    """Height and width in px of what is dark."""
    rows, columns = np.nonzero(pixels[..., 0] < 64)
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


@pytest.mark.parametrize(("fit", "across"), [("crop", (30, 30)), ("stretch", (30, 15)), ("pad", (15, 15))])
@pytest.mark.parametrize("turned", [False, True])
def test_a_disc_stays_round_unless_it_is_stretched(fit: Fit, across: tuple[int, int], turned: bool) -> None:
    wide = disc(100, 200)
    found = resize(wide.transpose(1, 0, 2) if turned else wide, (50, 50), "lanczos", fit=fit)
    assert found.shape == (50, 50, 3)
    height, width = extent(found)
    expected = across[::-1] if turned else across
    assert abs(height - expected[0]) <= 1
    assert abs(width - expected[1]) <= 1


def test_a_crop_is_the_middle_and_padding_is_mid_grey() -> None:
    ramp = np.repeat(np.tile(np.arange(201.0), (67, 1))[..., None], 3, axis=-1).astype(np.float32)
    assert np.abs(resize(ramp, (67, 67), "bilinear")[0, :, 0] - np.arange(67, 134)).max() < 1e-3
    padded = resize(ramp, (201, 201), "bilinear", fit="pad")
    assert np.array_equal(padded[67:134], ramp)
    assert (padded[:67] == 128).all()
    assert (padded[134:] == 128).all()


@given(
    st.integers(16, 300),
    st.integers(16, 300),
    st.integers(16, 100),
    st.integers(16, 100),
    st.sampled_from(["crop", "stretch", "pad"]),
)
def test_both_sides_may_be_given(height: int, width: int, to_height: int, to_width: int, fit: Fit) -> None:
    found = resize(np.full((height, width, 3), 128, np.float32), (to_height, to_width), "bicubic", fit=fit)
    assert found.shape == (to_height, to_width, 3)
    assert np.abs(found - 128).max() < 1e-3


@pytest.mark.parametrize(("shape", "size"), [((100, 800), 100), ((800, 100), 100), ((1, 1000), 256)])
def test_too_narrow_is_told(shape: tuple[int, int], size: int) -> None:
    with pytest.raises(PairError, match=r"s3://b/x: .* the network needs 16 px a side") as caught:
        resize(np.zeros((*shape, 3), np.float32), size, "lanczos", name="s3://b/x")
    assert caught.value.code == ErrorCode.IMAGE_TOO_SMALL
    assert f"{shape[1]} x {shape[0]} px" in caught.value.message
