"""From a pair to a task and an identity."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neckar.pipeline.images.encode import encode_png
from neckar.pipeline.photometry.luminance import luminance, to_light
from neckar.pipeline.results.rows.arrow import rows_to_table
from neckar.pipeline.results.rows.pair_row import row_without_picture
from neckar.pipeline.scheduling.expected_cost import cost_of, program_of
from neckar.pipeline.worker.pictures import Pictures
from neckar.pipeline.worker.recipe import recipe
from neckar.schemas.errors import ErrorCode, PairError
from neckar.schemas.pair import Pair
from neckar.schemas.results import RESULTS_SCHEMA
from neckar.schemas.settings import Settings


@pytest.fixture
def wide(tmp_path):
    return painted(tmp_path / "wide.png", 40, 80)


@pytest.fixture
def tall(tmp_path):
    return painted(tmp_path / "tall.png", 90, 60)


def painted(path, height, width):
    pixels = np.random.default_rng(height).integers(0, 255, (height, width, 3), np.uint8)
    path.write_bytes(encode_png(pixels, {}))
    return str(path)


def made(content, style, *, precision="float32", **settings):
    pair = Pair(0, "p", content, style, Settings(size=48).merged(settings))
    return recipe(pair, Pictures(), precision=precision, weights_sha256="5" * 64)


def test_the_content_gives_the_geometry(wide, tall):
    task = made(wide, tall).task
    assert (task.program.height, task.program.width) == (24, 48)
    assert task.content.shape == (24, 48, 3)
    assert task.style.shape == (48, 32, 3)  # the same rule for its longest side
    assert task.content_key != task.style_key


def test_a_texture_has_the_geometry_of_its_style(tall):
    task = made(None, tall, alpha=0.0).task
    assert (task.program.height, task.program.width) == (48, 32)
    assert task.program.content_layers == ()
    assert task.content is None


def test_a_reconstruction_has_no_style_layers(wide):
    task = made(wide, None, beta=0.0).task
    assert (task.program.style_layers, task.style_weights, task.style) == ((), (), None)


def test_an_exact_size_is_the_content_s_and_squeezes_no_style(wide, tall):
    task = made(wide, tall, size=[32, 20]).task
    assert (task.program.height, task.program.width) == (32, 20)
    assert task.content.shape == (32, 20, 3)
    assert task.style.shape == (32, 21, 3)  # 90 x 60: longest side max(32, 20)


def test_a_texture_of_an_exact_size_has_it_and_its_style_keeps_its_aspect(tall):
    task = made(None, tall, alpha=0.0, size=[32, 64]).task
    assert (task.program.height, task.program.width) == (32, 64)
    assert task.style.shape == (64, 43, 3)


def test_fit_is_of_the_content_and_the_start_and_keys_them_apart(wide, tall):
    fits = {fit: made(wide, tall, size=[32, 20], init=tall, fit=fit) for fit in ("crop", "stretch", "pad")}
    tasks = [found.task for found in fits.values()]
    assert len({task.content_key for task in tasks}) == 3
    assert len({task.content.tobytes() for task in tasks}) == len({task.init.tobytes() for task in tasks}) == 3
    assert len({task.style_key for task in tasks}) == 1
    assert len({found.spec_hash for found in fits.values()}) == 3


@pytest.mark.parametrize("init", ["content", "style", "uri"])
def test_a_start_has_exactly_the_outputs_geometry(wide, tall, init):
    task = made(wide, tall, init=tall if init == "uri" else init).task
    assert task.init.shape == (24, 48, 3)
    assert np.array_equal(task.init, task.content) == (init == "content")


def test_auto_is_the_runs_precision_and_another_is_kept(wide, tall):
    pair = Pair(0, "p", wide, tall, Settings(size=48))
    own = dataclasses.replace(pair, settings=Settings(size=48, precision="float32"))
    auto, kept = (recipe(p, Pictures(), precision="bfloat16", weights_sha256="5" * 64) for p in (pair, own))
    assert auto.task.program.precision == auto.settings.precision == "bfloat16"
    assert kept.task.program.precision == "float32"
    assert auto.spec_hash != kept.spec_hash
    assert kept.spec_hash == made(wide, tall).spec_hash


def test_the_identity_is_that_of_the_pictures_not_of_their_names(wide, tall, tmp_path):
    (tmp_path / "copy.png").write_bytes((tmp_path / "wide.png").read_bytes())
    assert made(wide, tall).spec_hash == made(str(tmp_path / "copy.png"), tall).spec_hash
    assert made(wide, tall).spec_hash != made(tall, wide).spec_hash
    assert made(wide, tall, init=wide).spec_hash == made(wide, tall, init=str(tmp_path / "copy.png")).spec_hash


def test_the_task_is_named_by_its_identity(wide, tall):
    found = made(wide, tall)
    assert found.task.key == found.spec_hash


def test_a_picture_too_narrow_is_the_pairs_own_error(wide, tmp_path):
    strip = painted(tmp_path / "strip.png", 10, 200)
    with pytest.raises(PairError, match=r"strip\.png") as error:
        made(strip, wide)
    assert error.value.code is ErrorCode.IMAGE_TOO_SMALL


def test_pairs_of_one_picture_and_one_network_share_a_program():
    def program(content="a.png", style="b.png", **settings):
        return program_of(Pair(0, "p", content, style, Settings().merged(settings)))

    assert program(alpha=1.0, seed=3, iterations=9) == program()
    assert program(style="c.png") == program()
    assert program(content="c.png") != program()
    assert program(size=[64, 64]) == program(content="c.png", size=[64, 64])
    assert program(pooling="max") != program()
    assert program(style=None) != program()


def test_larger_and_longer_costs_more():
    def cost(**settings):
        return cost_of(Pair(0, "p", "a.png", "b.png", Settings().merged(settings)))

    assert cost(size=512) == 4 * cost()
    assert cost(iterations=1000) == cost(size=[256, 512]) == 2 * cost()


@pytest.mark.parametrize(("content", "style"), [("a.png", "b.png"), ("a.png", None), (None, "b.png")])
def test_a_row_without_a_picture_fits_the_schema(content, style):
    pair = Pair(3, "p3", content, style, Settings(seed=5), {"alpha": "0.1"})
    row = row_without_picture(
        pair, "failed", attempts=2, worker="worker-1", code=ErrorCode.IMAGE_MISSING, message="a.png: no such file"
    )
    table = rows_to_table([row])
    assert table.schema.equals(RESULTS_SCHEMA)
    (told,) = table.to_pylist()
    assert (told["pair_index"], told["attempts"], told["seed"]) == (3, 2, 5)
    assert (told["spec_hash"], told["error_code"], dict(told["levels"])) == (None, "image_missing", {"alpha": "0.1"})


CONTROLS = ("original", "original_at_scramble_gain", "noise", "phase_scrambled", "external")


@pytest.mark.parametrize("condition", CONTROLS)
def test_a_control_is_made_without_a_task(wide, condition):
    made_of = made(wide, None, beta=0.0, condition=condition, seed=3)
    assert made_of.task is None
    assert made_of.control.image.shape == (24, 48, 3)
    again = made(wide, None, beta=0.0, condition=condition, seed=3)
    assert np.array_equal(made_of.control.image, again.control.image)
    assert again.spec_hash == made_of.spec_hash


def test_the_original_is_the_picture_as_the_network_would_have_seen_it(wide, tall):
    original = made(wide, None, beta=0.0, condition="original")
    assert np.array_equal(original.control.image, made(wide, tall).task.content)
    grey = made(wide, None, beta=0.0, condition="original", color="gray")
    assert np.ptp(grey.control.image, axis=2).max() == 0.0


def test_scrambled_and_quiet_original_have_one_gain(wide):
    scrambled, quiet = (
        made(wide, None, beta=0.0, condition=condition, seed=5).control
        for condition in ("phase_scrambled", "original_at_scramble_gain")
    )
    assert scrambled.rescale_gain == quiet.rescale_gain < 1.0
    assert quiet.image.std() == pytest.approx(scrambled.image.std(), rel=1e-3)


def test_noise_has_the_contrast_of_its_content_and_nothing_else(wide):
    content = made(wide, None, beta=0.0, condition="original").control.image
    for color in ("rgb", "gray"):
        noise = made(wide, None, beta=0.0, condition="noise", color=color).control.image
        assert noise.mean() == pytest.approx(content.mean(), abs=10)
        assert abs(np.corrcoef(noise.ravel(), content.ravel())[0, 1]) < 0.1
    assert np.ptp(noise, axis=2).max() == 0.0


def test_a_luminance_matched_original_has_the_luminance_of_the_style(wide, tall):
    matched = made(wide, tall, condition="luminance_matched_original").control
    style = made(wide, tall).task.style
    found, wanted = (luminance(to_light(picture / 255)) for picture in (matched.image, style))
    assert found.mean() == pytest.approx(wanted.mean(), abs=1e-6)
    assert found.std() <= wanted.std() + 1e-6
    assert 0.0 < matched.chroma_kept <= 1.0


def test_conditions_are_identities_only_where_they_decide_pixels(wide, tall):
    """A synthesised one's layers and images say it all."""
    plain, congruent = made(wide, tall), made(wide, tall, condition="congruent")
    assert plain.spec_hash == congruent.spec_hash
    hashes = {made(wide, None, beta=0.0, condition=condition).spec_hash for condition in (*CONTROLS, "stylised")}
    assert len(hashes) == len(CONTROLS) + 1
    scrambles = ({"weight": 0.5}, {"space": "linear"}, {"range": "clip"}, {})
    told = {made(wide, None, beta=0.0, condition="phase_scrambled", scramble=one).spec_hash for one in scrambles}
    assert len(told) == 4
