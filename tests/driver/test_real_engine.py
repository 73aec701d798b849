"""The whole pipeline with VGG-19: manifest in, pictures and rows out, the same bits whoever computes them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neckar.pipeline.driver.session import run
from neckar.pipeline.images.decode import decode
from neckar.pipeline.images.encode import pixel_sha256
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.results.reading import open_run

pytestmark = pytest.mark.slow

PHOTOGRAPH, ARTWORK = "package:skimage/data/coffee.png", "package:skimage/data/chelsea.png"
PAIRS = [
    {"id": "transfer", "content": PHOTOGRAPH, "style": ARTWORK},
    {"id": "seeded", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"seed": 1}},
    {"id": "reconstruction", "content": PHOTOGRAPH, "settings": {"content_layers": ["conv2_1"]}},
    {"id": "texture", "style": ARTWORK},
    {"id": "from-style", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"init": "style", "optimizer": "adam"}},
    {"id": "from-file", "content": PHOTOGRAPH, "style": ARTWORK, "settings": {"init": ARTWORK, "optimizer": "adam"}},
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
        assert (summary.ok, summary.failed, summary.quarantined) == (6, 1, 0)
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
