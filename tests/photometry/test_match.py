"""Luminance, histograms and spectra matched: what must agree afterwards, and what another program makes of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from neckar.pipeline.photometry import histogram_match, luminance_match, spectrum_match
from neckar.pipeline.photometry.gamut import relit
from neckar.pipeline.photometry.luminance import luminance
from neckar.pipeline.photometry.luminance_match import Moments

SIDE = 96
SHINIER = """
import sys
from pathlib import Path
from shinier import ImageDataset, ImageProcessor, Options

source, target, mode = sys.argv[1:]
options = Options(
    input_folder=Path(source), output_folder=Path(target), mode=int(mode), as_gray=True, linear_luminance=True,
    rescaling=0, safe_lum_match=False, dithering=0, verbose=-1, iterations=1,
)
ImageProcessor(dataset=ImageDataset(options=options), options=options, verbose=-1)
"""


def pictures(contrast: float = 1.0) -> list[np.ndarray]:
    """Luminances of three photographs, 0-1, with a little noise: where an amplitude is 0, any phase is right."""
    rng, found = np.random.default_rng(0), []
    for picture in (data.camera(), data.coins(), data.moon()):
        y = picture[100 : 100 + SIDE, 100 : 100 + SIDE] / 255 + rng.normal(0, 0.02, (SIDE, SIDE))
        found.append(0.5 + contrast * (y - y.mean()))
    return found


def test_means_and_deviations_become_those_of_the_set():
    ys = pictures()
    wanted = luminance_match.target([Moments.of(y) for y in ys])
    assert wanted.mean == pytest.approx(np.mean([y.mean() for y in ys]))
    assert wanted.deviation == pytest.approx(np.mean([y.std() for y in ys]))
    for y in ys:
        made = luminance_match.matched(y, wanted)
        assert (made.mean(), made.std()) == pytest.approx((wanted.mean, wanted.deviation))


def test_a_safe_target_leaves_no_pixel_outside():
    ys = [np.clip(y, 0, 1) for y in pictures(1.5)]
    moments = [Moments.of(y) for y in ys]
    for mean in (None, 0.3, 0.8):
        wanted = luminance_match.target(moments, mean=mean, deviation=0.9, safe=True)
        made = [luminance_match.matched(y, wanted) for y in ys]
        assert min(y.min() for y in made) >= -1e-12
        assert max(y.max() for y in made) <= 1 + 1e-12
        assert mean is None or wanted.mean == mean
        room = (1 - max(y.max() for y in made), min(y.min() for y in made))
        assert min(room) < 1e-9  # no lower than it must be


def test_a_constant_picture_has_no_contrast_to_scale():
    assert np.array_equal(
        luminance_match.matched(np.full((4, 4), 0.2), luminance_match.Target(0.5, 0.1)), np.full((4, 4), 0.5)
    )


def test_histograms_become_equal_to_the_last_pixel():
    ys = pictures()
    wanted = histogram_match.target(ys)
    for y in ys:
        made = histogram_match.matched(y, wanted)
        assert np.array_equal(np.sort(made, axis=None), wanted)
        ranks = np.corrcoef(np.argsort(np.argsort(made.ravel())), np.argsort(np.argsort(y.ravel())))
        assert ranks[0, 1] > 0.98


def test_ties_go_by_neighbourhood_then_by_position():
    y = np.zeros((7, 7))
    y[0, 0] = 1.0
    made = histogram_match.matched(y, np.arange(49.0))
    assert made[0, 0] == 48.0
    assert made[1, 1] > made[3, 3]  # equal, but beside the bright one
    flat = histogram_match.matched(np.zeros((3, 3)), np.arange(9.0))
    assert np.array_equal(flat.ravel(), np.arange(9.0))


def test_pictures_of_other_sizes_have_no_common_target():
    for target in (histogram_match.target, spectrum_match.mean_amplitude):
        with pytest.raises(ValueError, match="pictures of"):
            target([np.zeros((8, 8)), np.zeros((8, 9))])
        with pytest.raises(ValueError, match="no picture"):
            target([])


@pytest.mark.parametrize("shape", [(96, 96), (64, 96), (81, 65)])
def test_annular_amplitudes_and_spectra_become_those_of_the_set(shape):
    ys = [y[: shape[0], : shape[1]] for y in pictures()]
    wanted = spectrum_match.mean_amplitude(ys)
    annular = np.mean([spectrum_match.annular_amplitude(spectrum_match.amplitude_of(y)) for y in ys], axis=0)
    last = min(shape) // 2
    for y in ys:
        made = spectrum_match.frequencies_matched(y, annular)
        found = spectrum_match.annular_amplitude(spectrum_match.amplitude_of(made))
        assert found[: last - 1] == pytest.approx(annular[: last - 1], rel=1e-6)
        assert np.abs(found[last + 1 :]).max(initial=0.0) < 1e-9 * found.max()
        assert spectrum_match.amplitude_of(spectrum_match.spectrum_matched(y, wanted)) == pytest.approx(
            wanted, rel=1e-6
        )


def test_a_pixel_keeps_its_colour_as_far_as_the_gamut_goes():
    rng = np.random.default_rng(0)
    light = rng.uniform(0, 1, (40, 40, 3))
    wanted = np.clip(rng.uniform(-0.1, 1.1, (40, 40)), 0, 1)
    made = relit(light, wanted)
    assert made.light.min() >= 0.0
    assert made.light.max() <= 1.0
    assert luminance(made.light) == pytest.approx(wanted, abs=1e-12)
    assert 0.0 < made.chroma_kept < 1.0
    dimmed = relit(light, 0.5 * luminance(light))
    assert dimmed.chroma_kept == 1.0
    assert dimmed.light == pytest.approx(0.5 * light)
    assert np.ptp(relit(np.zeros((2, 2, 3)), np.full((2, 2), 0.3)).light, axis=2).max() == 0.0


@pytest.mark.parametrize(("mode", "name"), [(1, "lum"), (3, "sf"), (4, "spec")])
def test_another_program_makes_the_same_of_grey_pictures(tmp_path: Path, mode: int, name: str):
    """SHINIER, of the authors of SHINE; within half a level of 255."""
    python = os.environ.get("SHINIER_PYTHON")
    if python is None:
        pytest.skip("SHINIER_PYTHON names no Python with shinier (.ci/labs)")
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    target.mkdir()
    levels = [np.rint(y * 255).astype(np.uint8) for y in pictures(0.2)]
    for i, picture in enumerate(levels):
        Image.fromarray(picture).save(source / f"{i}.png")
    subprocess.run([python, "-c", SHINIER, source, target, str(mode)], check=True, capture_output=True, timeout=200)
    ys = [picture / 255 for picture in levels]
    if name == "lum":
        wanted = luminance_match.target([Moments.of(y) for y in ys])
        made = [luminance_match.matched(y, wanted) for y in ys]
    elif name == "sf":
        amplitudes = [spectrum_match.annular_amplitude(spectrum_match.amplitude_of(y)) for y in ys]
        made = [spectrum_match.frequencies_matched(y, np.mean(amplitudes, axis=0)) for y in ys]
    else:
        made = [spectrum_match.spectrum_matched(y, spectrum_match.mean_amplitude(ys)) for y in ys]
    for i, y in enumerate(made):
        theirs = np.asarray(Image.open(next(target.rglob(f"{i}*.png")))).astype(float)
        theirs = theirs if theirs.ndim == 2 else theirs[..., 0]
        assert np.abs(theirs - 255 * y).max() <= 0.501
