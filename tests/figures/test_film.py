"""Snapshots, from the engine to the film: they show the way, and change nothing of where it leads."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from neckar.pipeline.figures.film import Step, Strip, draw_film
from neckar.pipeline.figures.page import Font
from neckar.pipeline.images.decode import decode
from neckar.pipeline.results.layout import image_key, snapshot_iteration, snapshot_key
from neckar.pipeline.results.versions import open_results
from neckar.schemas.errors import UserError
from tests.jobs.conftest import manifest, neckar  # noqa: F401  # fixtures

MANIFEST = """
schema_version: 1
name: film
settings: {size: 32, iterations: 6%s}
pairs:
  - {id: one, content: "package:skimage/data/chelsea.png", style: "package:skimage/data/ihc.png"}
  - {id: two, content: "package:skimage/data/coffee.png", style: "package:skimage/data/ihc.png"}
  - {id: three, content: "package:skimage/data/gone.png", style: "package:skimage/data/ihc.png"}
"""


@pytest.mark.slow
def test_from_the_manifest_to_the_film(tmp_path, neckar, manifest):  # noqa: F811
    for name, snapshots in (("with", ", snapshots: [1, 3, 900]"), ("without", "")):
        made = neckar("run", manifest(MANIFEST % snapshots), "--output", name)
        assert made.returncode == 1, made.stderr
    rows, plain = (
        [open_results(str(tmp_path / name)).row(pair) for pair in ("one", "two")] for name in ("with", "without")
    )
    for row, other in zip(rows, plain, strict=True):
        assert (row.spec_hash, row.pixel_sha256) == (other.spec_hash, other.pixel_sha256)
    folder = tmp_path / "with" / image_key(rows[0].spec_hash)
    assert sorted(snapshot_iteration(str(file)) for file in folder.parent.glob("*.at-*")) == [1, 3]
    assert neckar("verify", "with").returncode == 0
    told = neckar("film", "with", "two", "one", "-o", "film.webp")
    assert told.returncode == 0, told.stderr
    with Image.open(tmp_path / "film.webp") as film:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 3
    for pair, row in zip(("one", "two"), rows, strict=True):
        keys = [snapshot_key(row.spec_hash, 1), snapshot_key(row.spec_hash, 3), row.image_uri]
        for frame, key in zip(frames, keys, strict=True):
            levels = decode((tmp_path / "with" / key).read_bytes(), name=pair).astype(np.uint8)
            assert found_in(frame, levels.repeat(6, 0).repeat(6, 1)), (pair, key)  # 32 px, six times
    for arguments, words in (
        (("without", "one", "-o", "film.webp"), "pair 'one': has no snapshots; write e.g. snapshots:"),
        (("with", "three", "-o", "film.webp"), "pair 'three': is failed and has no picture"),
        (("with", "none", "-o", "film.webp"), "no pair of this name has a result"),
        (("with", "one", "-o", "film.mp4"), "end it in .webp, which keeps every pixel, or .gif"),
    ):
        told = neckar("film", *arguments)
        assert told.returncode == 2
        assert words in told.stderr


def found_in(picture, part):
    """Whether a picture has a part, to the last pixel."""
    height, width = part.shape[:2]
    corners = np.argwhere((picture[: 1 - height or None, : 1 - width or None] == part[0, 0]).all(-1))
    return any((picture[y : y + height, x : x + width] == part).all() for y, x in corners)


def strip(name, *iterations, size=(20, 30)):
    draw = np.random.default_rng(len(name))
    pictures = [draw.integers(0, 256, (*size, 3), np.uint8) for _ in range(len(iterations) + 1)]
    steps = [Step(n, levels, 1.0 / n) for n, levels in zip(iterations, pictures, strict=False)]
    return Strip(name, (*steps, Step(500, pictures[-1], None)))


def test_pairs_are_in_step_whichever_snapshots_they_have():
    one, two = strip("one", 1, 10), strip("second", 5, 50)
    assert [one.at(n).iteration for n in (1, 5, 10, 50, None)] == [1, 1, 10, 10, 500]
    assert [two.at(n).iteration for n in (1, 5, 10, 50, None)] == [5, 5, 5, 50, 500]


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_a_frame_for_each_and_the_last_stands_longest(kind):
    data = draw_film([strip("a" * 200, 1, 10), strip("b", 1, 5)], kind=kind, seconds=0.5, font=Font())
    with Image.open(io.BytesIO(data)) as film:
        standing = []
        for frame in ImageSequence.Iterator(film):
            frame.load()
            standing.append(frame.info["duration"])
    assert standing == [500, 500, 500, 1500]


def large(side):
    return Strip(
        "a", (Step(1, np.zeros((side, side, 3), np.uint8), 1.0), Step(2, np.zeros((side, side, 3), np.uint8), 1.0))
    )


@pytest.mark.parametrize(
    ("strips", "kind", "told"),
    [
        ([large(4096)] * 4, "webp", "are more than the 16,383 a side of webp; take fewer pairs"),
        ([large(4096)] * 8, "gif", "2 frames of .* are more than 250,000,000 px; take fewer pairs"),
    ],
)
def test_what_is_too_large_is_told_before_it_is_drawn(strips, kind, told):
    with pytest.raises(UserError, match=f"film: .*{told}"):
        draw_film(strips, kind=kind, seconds=1.0, font=Font())


def test_the_font_has_what_a_film_says():
    assert Font().lacks("…abcXYZ019._-evaluation, e+-") == ""
