"""The whole pipeline with VGG-19: manifest in, pictures and rows out, the same bits whoever computes them."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from neckar.pipeline.driver.session import run
from neckar.pipeline.images.decode import decode, decode_at
from neckar.pipeline.images.encode import pixel_sha256, read_levels
from neckar.pipeline.images.finish import finish
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.photometry.luminance import light_of, luma, luminance, to_light
from neckar.pipeline.photometry.measure import photometry
from neckar.pipeline.photometry.window import circle
from neckar.pipeline.results.reading import open_run
from neckar.pipeline.storage.access import read_uri

pytestmark = pytest.mark.slow

PHOTOGRAPH, ARTWORK = "package:skimage/data/coffee.png", "package:skimage/data/chelsea.png"
PAIRS = [
    {"id": "transfer", "content": PHOTOGRAPH, "style": ARTWORK},
    {"id": "seeded", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"seed": 1}},
    {"id": "reconstruction", "content": PHOTOGRAPH, "settings": {"content_layers": ["conv2_1"]}},
    {"id": "texture", "style": ARTWORK},
    {"id": "from-style", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"init": "style", "optimizer": "adam"}},
    {"id": "from-file", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"init": ARTWORK, "optimizer": "adam"}},
    {"id": "gray", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"color": "gray"}},
    {"id": "gray-adam", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"color": "gray", "optimizer": "adam"}},
    {"id": "luminance", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"color": "luminance"}},
    {"id": "match-content", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"color": "match_content"}},
    {"id": "match-style", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"color": "match_style"}},
    {"id": "deep", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"bit_depth": 16}},
    {"id": "linear", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"transfer_function": "linear"}},
    {"id": "round", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"aperture": "circle"}},
    {"id": "square", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"crop": "center_square"}},
    {"id": "content-only", "content": PHOTOGRAPH, "settings": {"condition": "content_only@conv2_1"}},
    {"id": "style-only", "style": ARTWORK, "settings": {"condition": "style_only@conv2_1+conv1_1"}},
    {"id": "self", "content": PHOTOGRAPH, "settings": {"condition": "self_transfer"}},
    {"id": "original", "content": PHOTOGRAPH, "settings": {"condition": "original"}},
    {"id": "scrambled", "content": PHOTOGRAPH, "settings": {"condition": "phase_scrambled"}},
    {"id": "missing", "content": "nowhere.png", "style": ARTWORK},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    settings = {"size": 48, "iterations": 8, "precision": "float32"}
    manifest = {"schema_version": 1, "name": "real", "settings": settings, "pairs": PAIRS}
    (folder / "jobs.json").write_text(json.dumps(manifest))
    for name, workers, slots in (("one", 1, 1), ("two", 2, 3)):
        summary = run(load_manifest(str(folder / "jobs.json")), output=str(folder / name), workers=workers, slots=slots)
        assert (summary.ok, summary.failed, summary.quarantined) == (len(PAIRS) - 1, 1, 0)
    return folder


def test_every_row_tells_of_its_picture(folder):
    reader = open_run(str(folder / "one"))
    for name in ("transfer", "seeded", "reconstruction", "texture", "from-style", "from-file"):
        row = reader.row(name)
        pixels = decode(reader.image(row), name=name).astype(np.uint8)
        assert pixel_sha256(pixels) == row.pixel_sha256
        assert pixels.shape == (row.height_px, row.width_px, 3)
        assert row.iterations == len(row.loss_trace.values) == 8
        assert row.loss_total == row.loss_trace.values[:, 0].min()
        assert row.init != "white_noise" or row.loss_total < row.loss_trace.values[0, 0]
        assert row.loss_total_png == pytest.approx(row.loss_total, rel=0.2)  # rounding to 8 bits and clipping
    assert reader.row("missing").error_code == "image_missing"


def test_kinds_of_pairs_differ_in_what_they_have(folder):
    reader = open_run(str(folder / "one"))
    content_only, style_only = reader.row("reconstruction"), reader.row("texture")
    assert (content_only.beta, content_only.style_layers, content_only.loss_style) == (0.0, (), 0.0)
    assert (style_only.alpha, style_only.content_layers, style_only.loss_content) == (0.0, (), 0.0)
    assert (style_only.height_px, style_only.width_px) == (32, 48)  # the style's own geometry
    assert reader.row("from-style").pixel_sha256 == reader.row("from-file").pixel_sha256  # the same start by two names


def test_the_same_bits_from_one_worker_and_two(folder):
    one, two = open_run(str(folder / "one")), open_run(str(folder / "two"))
    for pair in PAIRS[:-1]:
        assert one.row(pair["id"]).pixel_sha256 == two.row(pair["id"]).pixel_sha256, pair["id"]
    assert one.row("transfer").pixel_sha256 != one.row("seeded").pixel_sha256


def levels(folder, name):
    """A picture's samples as in its file, and its row."""
    reader = open_run(str(folder / "one"))
    row = reader.row(name)
    return read_levels(reader.image(row)), row


def input_levels(uri, **how):
    return decode_at(read_uri(uri), 48, "lanczos", name=uri, **how)


def test_gray_pictures_have_equal_channels(folder):
    for name in ("gray", "gray-adam"):
        made, row = levels(folder, name)
        assert np.ptp(made, axis=2).max() == 0
        assert row.loss_total_png == pytest.approx(row.loss_total, rel=0.2)


def test_a_luminance_picture_has_the_contents_colours(folder):
    """Two channels minus luma stay, to half a level of 8 bits a sample, wherever nothing is clipped."""
    made, row = levels(folder, "luminance")
    content = input_levels(PHOTOGRAPH)
    inside = ((made > 0) & (made < 255)).all(axis=2)
    assert inside.mean() > 0.5
    for channel in (0, 2):
        before = content[..., channel] - luma(content)
        after = made[..., channel] - luma(made.astype(np.float64))
        assert np.abs(after - before)[inside].max() <= 1.0
    assert np.abs(luma(made.astype(np.float64)) - luma(content)).mean() > 5
    assert row.loss_total_png < row.loss_trace.values[0, 0]


def test_matching_colours_changes_the_pictures(folder):
    """Even after few steps the mean colour is nearer to the content's when the style has the content's colours."""
    content, style = input_levels(PHOTOGRAPH).mean((0, 1)), input_levels(ARTWORK).mean((0, 1))
    plain, towards_content, towards_style = (
        levels(folder, name)[0].mean((0, 1)) for name in ("transfer", "match-content", "match-style")
    )
    assert np.linalg.norm(towards_content - content) < np.linalg.norm(plain - content)
    assert np.linalg.norm(towards_style - style) < np.linalg.norm(plain - style)


def test_depth_and_transfer_function_change_the_file_and_not_the_picture(folder):
    plain, _ = levels(folder, "transfer")
    deep, row = levels(folder, "deep")
    assert deep.dtype == np.uint16
    assert row.bit_depth == 16
    copy = (folder / "one" / row.copy_uri).read_bytes()
    assert hashlib.sha256(copy).hexdigest() == row.copy_sha256
    assert np.array_equal(read_levels(copy), plain)
    linear, row = levels(folder, "linear")
    assert np.abs(linear - 255 * to_light(deep / 65535)).max() < 0.51
    assert row.lum_mean == pytest.approx(open_run(str(folder / "one")).row("transfer").lum_mean, abs=2e-3)


def test_an_aperture_lies_in_alpha_and_weighs_the_photometry(folder):
    made, row = levels(folder, "round")
    plain, plain_row = levels(folder, "transfer")
    assert np.array_equal(made[..., :3], plain)
    assert made[..., 3].min() == 0
    assert made[..., 3].max() == 255
    assert json.loads(row.aperture) == {"shape": "circle", "ramp": 8.0, "bake": False}
    window = circle(*plain.shape[:2], 8.0)
    assert row.lum_mean == pytest.approx((luminance(light_of(plain)) * window).sum() / window.sum())
    assert row.lum_mean != plain_row.lum_mean


def test_a_square_is_the_middle_of_the_picture(folder):
    made, row = levels(folder, "square")
    assert made.shape == (48, 48, 3)
    assert row.crop == "center_square"


def test_every_picture_has_its_photometry(folder):
    reader = open_run(str(folder / "one"))
    for name in ("transfer", "gray", "deep", "texture"):
        row = reader.row(name)
        found = photometry(read_levels(reader.image(row)))
        assert {key: getattr(row, key) for key in dataclasses.asdict(found)} == dataclasses.asdict(found)
    assert reader.row("missing").lum_mean is None


def test_conditions_name_the_layers_and_pictures_they_are_made_of(folder):
    reader = open_run(str(folder / "one"))
    content_only, style_only, itself = (reader.row(name) for name in ("content-only", "style-only", "self"))
    assert content_only.pixel_sha256 == reader.row("reconstruction").pixel_sha256  # the same by its settings
    assert (content_only.content_layers, content_only.style_layers) == (("conv2_1",), ())
    assert (style_only.style_layers, style_only.style_weights) == (("conv1_1", "conv2_1"), (0.5, 0.5))
    assert style_only.condition == "style_only@conv1_1+conv2_1"
    assert itself.style_uri == itself.content_uri
    assert itself.loss_style > 0.0


def test_controls_come_the_same_way_and_have_no_losses(folder):
    original, row = levels(folder, "original")
    assert np.array_equal(original, finish(input_levels(PHOTOGRAPH)).levels)
    assert (row.alpha, row.loss_total, row.iterations, row.loss_trace, row.optimizer) == (None,) * 5
    assert row.lum_mean is not None
    _, scrambled = levels(folder, "scrambled")
    assert 0.0 < scrambled.rescale_gain < 1.0
    assert json.loads(scrambled.scramble) == {"space": "encoded", "range": "rescale", "weight": 1.0}
