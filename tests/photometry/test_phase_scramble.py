"""Random phases: amplitudes and relations between channels stay, and values stay in the gamut."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from neckar.pipeline.photometry.luminance import to_light
from neckar.pipeline.photometry.phase_scramble import at_gain, phase_field, scrambled, with_phases

SHAPES = [(64, 64), (63, 65), (64, 51), (31, 48)]


def picture(shape: tuple[int, int] = (64, 64)) -> np.ndarray:
    return data.coffee()[100 : 100 + shape[0], 200 : 200 + shape[1]].astype(np.float64)


def amplitudes(channels: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.fft2(channels, axes=(0, 1)))


@pytest.mark.parametrize("shape", SHAPES)
def test_amplitudes_and_channel_relations_stay_and_the_picture_is_real(shape):
    image = picture(shape) / 255
    made = with_phases(image, phase_field(*shape, 3))
    before, after = np.fft.fft2(image, axes=(0, 1)), np.fft.fft2(made, axes=(0, 1))
    assert np.abs(np.abs(after) - np.abs(before)).max() / np.abs(before).max() <= 1e-12
    strong = (np.abs(before) > 1e-3).all(axis=2)
    between = np.angle(after[..., 0] * after[..., 1].conj()) - np.angle(before[..., 0] * before[..., 1].conj())
    assert np.abs(np.exp(1j * between[strong]) - 1).max() < 1e-6
    assert np.corrcoef(made[..., 0].ravel(), image[..., 0].ravel())[0, 1] < 0.5
    assert made.mean((0, 1)) == pytest.approx(image.mean((0, 1)))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_field_is_zero_where_a_bin_is_its_own_conjugate(shape):
    field = phase_field(*shape, 0)
    height, width = shape
    own = {(0, 0)}
    own |= {(height // 2, 0)} if height % 2 == 0 else set()
    own |= {(0, width // 2)} if width % 2 == 0 else set()
    own |= {(height // 2, width // 2)} if height % 2 == 0 and width % 2 == 0 else set()
    assert {tuple(map(int, bin_)) for bin_ in np.argwhere(field == 0.0)} == own


@pytest.mark.parametrize("space", ["encoded", "linear"])
def test_rescaling_keeps_the_gamut_the_mean_and_the_amplitudes_but_for_one_gain(space):
    image = picture()
    made = scrambled(image, 1, space=space)
    assert made.image.min() >= -1e-9
    assert made.image.max() <= 255 + 1e-9
    assert 0.1 < made.gain < 1.0
    assert np.isclose(made.image, 0, atol=1e-6).any() or np.isclose(made.image, 255, atol=1e-6).any()
    light = (lambda values: to_light(values / 255)) if space == "linear" else (lambda values: values / 255)
    before, after = amplitudes(light(image)), amplitudes(light(made.image))
    before[1:], before[0, 1:] = made.gain * before[1:], made.gain * before[0, 1:]
    assert np.abs(after - before).max() / before.max() < 1e-9


def test_eight_bits_cost_little_of_the_amplitudes():
    image = picture()
    made = scrambled(image, 1)
    eight = np.rint(made.image)
    before, after = (amplitudes(levels - levels.mean((0, 1))) for levels in (made.image, eight))
    assert np.linalg.norm(after - before) <= 0.05 * np.linalg.norm(before)


def test_no_weight_leaves_the_picture_and_a_part_lies_between():
    image = picture()
    assert scrambled(image, 1, weight=0.0).image == pytest.approx(image, abs=1e-6)

    def likeness(weight: float) -> float:
        return float(np.corrcoef(scrambled(image, 1, weight=weight).image.ravel(), image.ravel())[0, 1])

    assert 1.0 > likeness(0.2) > likeness(0.5) > likeness(1.0)


def test_clipping_leaves_the_contrast():
    image = picture()
    made = scrambled(image, 1, limits="clip")
    assert made.gain == 1.0
    assert (made.image.min() < 0) or (made.image.max() > 255)
    assert made.image.std() == pytest.approx(image.std(), rel=1e-9)


def test_seeds_tell_scrambles_apart():
    image = picture()
    assert np.array_equal(scrambled(image, 1).image, scrambled(image, 1).image)
    assert not np.array_equal(scrambled(image, 1).image, scrambled(image, 2).image)


def test_the_original_at_a_gain_has_the_contrast_of_the_scrambled_one():
    image = picture()
    made = scrambled(image, 1)
    quiet = at_gain(image, made.gain)
    assert quiet.std((0, 1)) == pytest.approx(made.image.std((0, 1)), rel=1e-9)
    assert quiet.mean((0, 1)) == pytest.approx(image.mean((0, 1)))


def test_a_flat_picture_stays_flat():
    flat = np.full((16, 17, 3), 200.0)
    made = scrambled(flat, 1)
    assert made.gain == 1.0
    assert made.image == pytest.approx(flat)
