"""Likeness of pictures, against the libraries that define it."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data
from skimage.feature import match_template
from skimage.metrics import structural_similarity

from neckar.pipeline.photometry.copies import Searched, best_match, crops
from neckar.pipeline.photometry.structure import ms_ssim, ssim

CAMERA, COINS = data.camera()[:256, :256] / 255, data.coins()[:256, :256] / 255


@pytest.mark.parametrize("shape", [(256, 256), (64, 91), (11, 11)])
def test_ssim_is_scikit_images(shape):
    a = CAMERA[: shape[0], : shape[1]]
    b = np.clip(a + np.random.default_rng(0).normal(0, 0.1, shape), 0, 1)
    expected = structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0
    )
    assert ssim(a, b) == pytest.approx(expected, abs=1e-9)
    assert ssim(a, a) == pytest.approx(1.0)


def test_ms_ssim_wants_five_scales_and_falls_with_noise():
    assert ms_ssim(CAMERA[:175, :200], COINS[:175, :200]) is None
    assert ms_ssim(CAMERA[:176, :200], CAMERA[:176, :200]) == pytest.approx(1.0)
    rng = np.random.default_rng(0)
    found = [ms_ssim(CAMERA, CAMERA + rng.normal(0, sigma, CAMERA.shape)) for sigma in (0.02, 0.1, 0.3)]
    assert 1.0 > found[0] > found[1] > found[2] > 0.0
    assert ms_ssim(CAMERA, 1 - CAMERA) == 0.0


@pytest.mark.parametrize("side", [32, 64, 128])
def test_the_best_match_is_that_of_match_template(side):
    expected = max(match_template(COINS, crop).max() for _, _, crop in crops(CAMERA, side))
    assert best_match(CAMERA, Searched(COINS), side) == pytest.approx(expected, abs=2e-5)


def test_a_copy_is_found_wherever_it_is_and_a_picture_is_found_in_itself_elsewhere_only():
    pasted = COINS.copy()
    pasted[60:124, 33:97] = 0.3 + 0.5 * CAMERA[101:165, 80:144]  # in other light
    assert best_match(pasted, Searched(CAMERA), 32) > 0.999
    assert best_match(COINS, Searched(CAMERA), 64) < 0.9
    own = Searched(COINS)
    assert best_match(COINS, own, 32) == pytest.approx(1.0, abs=1e-5)
    assert best_match(COINS, own, 32, elsewhere=True) < 0.99


def test_what_does_not_fit_or_has_no_structure_has_no_match():
    assert best_match(CAMERA[:100, :100], Searched(COINS), 128) is None
    assert best_match(np.full((64, 64), 0.5), Searched(COINS), 32) is None
    assert best_match(CAMERA, Searched(np.full((64, 64), 0.5)), 32) is None
    assert best_match(CAMERA[:130, :130], Searched(CAMERA[:130, :130]), 128, elsewhere=True) is None
