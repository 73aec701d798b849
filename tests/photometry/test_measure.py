"""Luminance, contrast and spectra against numbers worked out by hand and pictures made to have them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neckar.pipeline.photometry.luminance import from_light, light_of, luma, luminance, to_light
from neckar.pipeline.photometry.measure import photometry


def grey(levels: np.ndarray) -> np.ndarray:
    """One channel in all three."""
    return np.repeat(levels[..., None], 3, axis=2)


def eight_bits(values: np.ndarray) -> np.ndarray:
    return grey(np.rint(np.asarray(values) * 255).astype(np.uint8))


def two_levels(low: float, high: float, side: int = 64) -> np.ndarray:
    picture = np.full((side, side), low)
    picture[:, side // 2 :] = high
    return picture


def noise(exponent: float, side: int, seed: int = 0) -> np.ndarray:
    """1/f^exponent noise, mean .5."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = 1.0
    white = np.random.default_rng(seed).standard_normal((side, side))
    made = np.fft.irfft2(np.fft.rfft2(white) * frequency**-exponent, (side, side))
    return (made - made.mean()) / made.std() * 0.08 + 0.5


def test_the_transfer_function_and_its_inverse():
    assert to_light(np.array(0.5)) == pytest.approx(0.21404, abs=5e-6)
    assert to_light(np.array([0.0, 0.04045, 1.0])) == pytest.approx([0.0, 0.04045 / 12.92, 1.0])
    ramp = np.linspace(0, 1, 10_001)
    assert np.abs(from_light(to_light(ramp)) - ramp).max() < 1e-12


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_samples_are_light_by_their_own_scale(kind):
    full = np.iinfo(kind).max
    levels = np.array([0, full // 2, full], kind)
    assert light_of(levels) == pytest.approx(to_light(levels / full))
    assert light_of(levels, "linear") == pytest.approx(levels / full)
    with pytest.raises(TypeError, match="float64"):
        light_of(levels / 1.0)


def test_the_two_weighted_sums():
    red = np.zeros((1, 1, 3))
    red[..., 0] = 1.0
    assert (luminance(red).item(), luma(red).item()) == (0.2126, 0.299)


def test_two_levels_before_and_after_eight_bits():
    light = to_light(two_levels(0.25, 0.75))
    assert light.mean() == pytest.approx(0.2867, abs=5e-5)
    assert light.std() / light.mean() == pytest.approx(0.8225, abs=5e-5)
    found = photometry(eight_bits(two_levels(0.25, 0.75)))
    assert found.luma_rms == pytest.approx(0.4980, abs=5e-5)
    assert found.rms_contrast == pytest.approx(0.8208, abs=5e-5)
    assert found.lum_mean == pytest.approx(0.2861, abs=5e-5)
    assert found.michelson == pytest.approx(0.8208, abs=5e-5)  # both percentiles are levels of the picture
    assert found.lum_kurtosis == pytest.approx(-2.0)  # of two equal heaps
    assert found.lum_skew == pytest.approx(0.0, abs=1e-12)


def test_a_linear_file_is_light_already():
    found = photometry(eight_bits(two_levels(0.25, 0.75)), transfer="linear")
    assert found.lum_mean == pytest.approx(found.luma_mean)
    assert found.rms_contrast == pytest.approx(0.4980, abs=5e-5)


def test_sixteen_bits_tell_more_than_eight():
    picture = grey(np.rint(two_levels(0.25, 0.75) * 65535).astype(np.uint16))
    assert photometry(picture).rms_contrast == pytest.approx(0.8225, abs=5e-5)


def test_clipped_samples_are_counted_one_by_one():
    picture = np.full((10, 10, 3), 7, np.uint8)
    picture[:3, :, 0] = 255
    picture[5, :, 1:] = 0
    found = photometry(picture)
    assert (found.clip_high, found.clip_low) == pytest.approx((30 / 300, 20 / 300))


def test_what_a_constant_or_black_picture_does_not_have():
    white = photometry(np.full((32, 32, 3), 255, np.uint8))
    assert (white.lum_mean, white.rms_contrast, white.clip_high) == pytest.approx((1.0, 0.0, 1.0))
    assert (white.lum_skew, white.lum_kurtosis, white.amp_slope, white.orient_000) == (None,) * 4
    black = photometry(np.zeros((32, 32, 3), np.uint8))
    assert (black.lum_mean, black.rms_contrast, black.luma_rms, black.michelson) == (0.0, None, None, None)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5])
def test_the_slope_is_that_of_the_noise(exponent):
    picture = grey(np.rint(noise(exponent, 256) * 65535).astype(np.uint16))
    assert photometry(picture, transfer="linear").amp_slope == pytest.approx(-exponent, abs=0.1)


def test_a_picture_too_small_for_a_slope_has_none():
    assert photometry(eight_bits(noise(1.0, 16))).amp_slope is None


@pytest.mark.parametrize("shape", [(255, 255), (256, 200), (101, 256)])
def test_any_shape_has_a_slope(shape):
    picture = noise(1.0, 256)[: shape[0], : shape[1]]
    assert -1.4 < photometry(eight_bits(picture)).amp_slope < -0.7


@pytest.mark.parametrize(("name", "down", "right"), [("000", 0, 1), ("045", -1, 1), ("090", 1, 0), ("135", 1, 1)])
def test_waves_by_the_angle_of_their_vector(name, down, right):
    """Counterclockwise as seen: 45 degrees points to the upper right."""
    y, x = np.mgrid[:256, :256]
    wave = 0.5 + 0.3 * np.sin(2 * np.pi * 16 / 256 * (down * y + right * x))
    found = photometry(eight_bits(wave))
    shares = {angle: getattr(found, f"orient_{angle}") for angle in ("000", "045", "090", "135")}
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares[name] > 0.99


def test_an_aperture_weighs_what_it_shows():
    """Statistics of the middle alone, whatever is around it."""
    rng = np.random.default_rng(1)
    inner = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    around = np.full((128, 128, 3), 255, np.uint8)
    around[32:96, 32:96] = inner
    weights = np.zeros((128, 128))
    weights[32:96, 32:96] = 1.0
    seen, alone = photometry(around, weights=weights), photometry(inner)
    for name in (
        "lum_mean",
        "rms_contrast",
        "luma_mean",
        "luma_rms",
        "lum_skew",
        "lum_kurtosis",
        "clip_low",
    ):
        assert getattr(seen, name) == pytest.approx(getattr(alone, name)), name
    assert seen.michelson == pytest.approx(alone.michelson, abs=0.002)
    assert not math.isclose(photometry(around).lum_mean, alone.lum_mean, rel_tol=0.1)
