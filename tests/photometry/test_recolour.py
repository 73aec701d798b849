"""Colour moved between pictures: what must agree afterwards, and what must not move."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from neckar.pipeline.photometry.luminance import luma
from neckar.pipeline.photometry.recolour import grey, grey_of_same_contrast, matched_colours, with_luma


def picture(seed: int, shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    """Colours that hang together, as those of pictures do."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(*shape, 3)) @ rng.normal(size=(3, 3)) * 25 + rng.uniform(80, 170, 3)
    return np.clip(mixed, 0, 255).astype(np.float32)


def mean(pixels: np.ndarray) -> np.ndarray:
    return pixels.reshape(-1, 3).astype(np.float64).mean(0)


def covariance(pixels: np.ndarray) -> np.ndarray:
    return np.cov(pixels.reshape(-1, 3).astype(np.float64).T, bias=True)


def test_grey_is_luma_in_three_equal_channels():
    made = grey(picture(0))
    assert np.ptp(made, axis=2).max() == 0.0
    assert made[..., 0] == pytest.approx(luma(picture(0).astype(np.float64)), abs=1e-4)


def test_a_style_takes_the_contrast_of_the_content():
    content, style = picture(1), picture(2, (50, 40))
    matched = grey_of_same_contrast(style, content)[..., 0].astype(np.float64)
    wanted = luma(content.astype(np.float64))
    assert matched.mean() == pytest.approx(wanted.mean(), abs=1e-3)
    assert matched.std() == pytest.approx(wanted.std(), rel=1e-5)
    assert np.corrcoef(matched.ravel(), luma(style.astype(np.float64)).ravel())[0, 1] == pytest.approx(1.0)


def test_a_style_of_one_level_is_no_division_by_zero():
    matched = grey_of_same_contrast(np.full((8, 8, 3), 7.0, np.float32), picture(1))
    assert np.ptp(matched) == 0.0
    assert matched.mean() == pytest.approx(luma(picture(1)).mean(), rel=1e-5)


def test_luma_is_replaced_and_chroma_is_not():
    content, made = picture(3), grey(picture(4))
    result = with_luma(content, made)
    assert luma(result) == pytest.approx(made[..., 0].astype(np.float64), abs=1e-4)
    for channel in (0, 2):
        before = content[..., channel] - luma(content.astype(np.float64))
        assert np.abs(result[..., channel] - luma(result) - before).max() < 1e-9


def test_colours_agree_in_mean_and_covariance():
    source, target = data.coffee().astype(np.float32), data.rocket().astype(np.float32)
    matched = matched_colours(source, target)
    assert mean(matched) == pytest.approx(mean(target), abs=1e-3)
    difference = np.linalg.norm(covariance(matched) - covariance(target))
    assert difference < 1e-3 * np.linalg.norm(covariance(target))


def test_the_map_is_the_symmetric_one_and_a_picture_matched_to_itself_stays():
    source, target = picture(7), picture(8)
    own = source.reshape(-1, 3).astype(np.float64)
    centred = own - own.mean(0)
    moved = matched_colours(source, target).reshape(-1, 3).astype(np.float64)
    transport, *_ = np.linalg.lstsq(centred, moved - moved.mean(0), rcond=None)
    assert transport == pytest.approx(transport.T, abs=1e-4)
    assert (np.linalg.eigvalsh(transport) > 0).all()
    assert np.abs(matched_colours(source, source) - source).max() < 1e-3


def test_a_grey_picture_can_be_matched_and_be_the_model():
    """Its covariance has no inverse but for the ridge."""
    for source, target in ((grey(picture(9)), picture(10)), (picture(10), grey(picture(9)))):
        matched = matched_colours(source, target)
        assert np.isfinite(matched).all()
        assert mean(matched) == pytest.approx(mean(target), abs=1e-2)
    flat = matched_colours(np.full((9, 9, 3), 50.0, np.float32), picture(10))
    assert np.isfinite(flat).all()
    assert np.ptp(flat, axis=(0, 1)).max() < 1e-3
