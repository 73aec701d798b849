"""Measures of likeness against their definitions, and beside their nulls."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neckar.pipeline.images.encode import encode_png
from neckar.pipeline.photometry.structure import ssim
from neckar.pipeline.stimuli.likeness import Likeness, beside_null, correlation, relative_error
from neckar.pipeline.synthesis.engine.synthesizer import Synthesizer
from neckar.pipeline.synthesis.network.weights import load_oxford
from neckar.pipeline.synthesis.task import Program
from neckar.pipeline.worker.pictures import Pictures
from neckar.pipeline.worker.recipe import recipe
from neckar.schemas.pair import Pair
from neckar.schemas.settings import Settings

LAYERS = ["conv1_1", "conv2_1", "conv3_1"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Four pictures that are nothing alike."""
    folder = tmp_path_factory.mktemp("images")
    y, x = np.mgrid[:64, :64]
    planes = [np.sin(x / 3), np.sin(y / 5 + x / 9), np.hypot(x - 30, y - 20) / 40, (x // 8 + y // 8) % 2]
    rng = np.random.default_rng(0)
    uris = []
    for i, plane in enumerate(planes):
        levels = 128 + 90 * plane[..., None] * rng.uniform(0.5, 1, 3) + rng.normal(0, 8, (64, 64, 3))
        (folder / f"{i}.png").write_bytes(encode_png(np.clip(levels, 0, 255).astype(np.uint8), {}))
        uris.append(str(folder / f"{i}.png"))
    return uris


@pytest.fixture(scope="module")
def engine():
    return Synthesizer(load_oxford(), device="cpu", slots=1)


def likeness(engine, images):
    pictures = Pictures()

    def prepare(pair):
        return recipe(pair, pictures, precision="float32", weights_sha256="5" * 64)

    return prepare, Likeness(engine, prepare, images, images)


def pair(content, style, **settings):
    wanted = Settings(size=64, content_layers=["conv2_1"], style_layers=LAYERS).merged(settings)
    return Pair(0, "p", content, style, wanted)


def levels_of(picture):
    return np.rint(picture).astype(np.uint8)


def test_the_style_itself_has_no_error_and_every_other_one_has(engine, images):
    prepare, measure = likeness(engine, images)
    one = prepare(pair(images[0], images[1]))
    found = measure.measure(one, levels_of(one.task.style))
    assert found["style_null_n"] == 3
    for layer in LAYERS:
        assert found[f"gram_rel_err_{layer}"] == pytest.approx(0.0, abs=1e-6)
        assert found[f"gram_rel_err_{layer}_null"] > 0.1
        assert found[f"gram_rel_err_{layer}_null_percentile"] == 0.0
    assert "gram_rel_err_conv4_1" not in found
    assert found["max_ncc_style_32"] == pytest.approx(1.0, abs=1e-4)
    assert found["copies_style"] == (max(found["self_ncc_32"], found["max_ncc_null_32"]) < 0.9)


def test_the_content_itself_correlates_with_itself_most(engine, images):
    prepare, measure = likeness(engine, images)
    one = prepare(pair(images[0], images[1]))
    found = measure.measure(one, levels_of(one.task.content))
    assert found["content_pearson_r"] == pytest.approx(1.0, abs=1e-6)
    assert found["content_spearman_rho"] == pytest.approx(1.0, abs=1e-6)
    assert found["content_null_n"] == 3
    assert found["content_pearson_r_null"] < 0.95
    assert found["content_pearson_r_null_percentile"] == 100.0
    assert found["ssim_content"] == pytest.approx(1.0, abs=1e-6)
    assert found["ms_ssim_content"] is None  # of 64 px


def test_the_relative_error_is_that_of_the_loss(engine, images):
    """2 N sqrt(E_l) / |A/M_a| (eq. 4)."""
    prepare, measure = likeness(engine, images)
    one = prepare(pair(images[0], images[1]))
    other = levels_of(one.task.content)
    found = measure.measure(one, other)
    (losses,) = engine.losses([one.task], [other])
    target = engine.represent(one.task.program, one.task.style)
    for layer, e, n in zip(LAYERS, losses.layers, (64, 128, 256), strict=True):
        expected = 2 * n * np.sqrt(e) / np.linalg.norm(target.grams[layer])
        assert found[f"gram_rel_err_{layer}"] == pytest.approx(expected, rel=1e-3)
    assert found["loss_total"] == losses.total


def test_rank_correlation_is_scipys(engine, images):
    prepare, measure = likeness(engine, images)
    one = prepare(pair(images[0], images[1]))
    other = levels_of(one.task.style)
    found = measure.measure(one, other)
    a, b = (engine.represent(one.task.program, p).responses["conv2_1"] for p in (other, one.task.content))
    assert found["content_pearson_r"] == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-5)
    assert found["content_spearman_rho"] == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-6)
    assert found["ssim_content"] < ssim(np.zeros((64, 64)), np.zeros((64, 64)))


def test_a_pair_without_a_style_is_not_asked_for_it(engine, images):
    prepare, measure = likeness(engine, images)
    one = prepare(pair(images[0], None, beta=0.0))
    found = measure.measure(one, levels_of(one.task.content))
    assert not any(name.startswith(("gram", "max_ncc", "copies", "style")) for name in found)
    assert found["content_pearson_r"] == pytest.approx(1.0, abs=1e-6)


def test_a_null_of_grey_pictures_is_grey_too(engine, images):
    prepare, measure = likeness(engine, images)
    one = prepare(pair(images[0], images[1], color="gray"))
    found = measure.measure(one, levels_of(one.task.style))
    assert found["gram_rel_err_conv1_1"] == pytest.approx(0.0, abs=5e-3)  # rounded to 8 bits
    assert found["gram_rel_err_conv1_1_null_percentile"] == 0.0


def test_percentiles_count_what_is_no_larger():
    found = beside_null("x", 2.0, [1.0, 2.0, 3.0, 4.0])
    assert found == {"x": 2.0, "x_null": 2.5, "x_null_percentile": 50.0}
    assert beside_null("x", 2.0, [])["x_null_percentile"] is None
    assert beside_null("x", float("nan"), [1.0]) == {"x": None}


def test_constants_have_no_correlation_and_no_norm():
    assert np.isnan(correlation(np.ones(5), np.arange(5.0)))
    assert np.isnan(relative_error(np.ones((2, 2)), np.zeros((2, 2))))


def test_the_papers_layers_have_so_many_numbers_of_style(engine):
    """n (n + 1) / 2 of every Gram matrix, added up from conv1_1 to conv5_1."""
    layers = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    found = engine.represent(Program(32, 32, (), layers), np.full((32, 32, 3), 99.0, np.float32))
    numbers = np.cumsum([np.triu_indices(len(found.grams[layer]))[0].size for layer in layers])
    assert numbers.tolist() == [2_080, 10_336, 43_232, 174_560, 305_888]
