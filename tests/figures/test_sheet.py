"""`neckar sheet`: the figure has the files' own pixels, and tells what it has not."""

import re
import zlib

import numpy as np
import pytest
from PIL import Image

from neckar.pipeline.figures.page import Font
from neckar.pipeline.figures.reading import entries_of, pictures_of
from neckar.pipeline.images.encode import encode_png
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.run import create_or_resume
from neckar.pipeline.results.versions import open_results
from neckar.pipeline.storage.access import open_store
from tests.jobs.conftest import neckar  # noqa: F401  # a fixture
from tests.report.made import finish_run, made_run
from tests.results.samples import failed_row, ok_row, run_record, sha

ALPHAS = (0.5, 1.5)


@pytest.fixture
def pictures(tmp_path):
    """A live run in `out` of two contents and two alphas: one failed, one pending; its stimuli by levels."""
    draw = np.random.default_rng(1)
    design = {"content": ["a.png", "b.png"], "style": ["x.png"], "factors": {"alpha": list(ALPHAS)}}
    for name in ("a", "x"):  # b is gone
        Image.fromarray(draw.integers(0, 256, (40, 60, 3), np.uint8)).save(tmp_path / f"{name}.png")
    manifest = {"schema_version": 1, "name": "out", "settings": {"size": 32}, "design": design}
    store = open_store(str(tmp_path / "out"))
    begun = create_or_resume(store, run_record(4, manifest=manifest, base=str(tmp_path)), owner="me")
    parts, made = PartWriter(store, begun.lease.epoch), {}
    for index, (content, alpha) in enumerate([("a", 0.5), ("a", 1.5), ("b", 0.5)]):
        levels = {"content": content, "style": "x", "alpha": str(alpha)}
        sides = {side: str(tmp_path / f"{levels[side]}.png") for side in ("content", "style")}
        pair = {"pair_id": f"{content}__x__alpha-{alpha}", "levels": levels}
        if index == 1:
            parts.add(failed_row(index, **pair))
            continue
        pixels = draw.integers(0, 256, (70, 100, 3), np.uint8)
        made[content, alpha] = pixels
        key = f"images/{sha(str(index))[:2]}/{sha(str(index))}.png"
        store.put(key, encode_png(pixels, {}))
        parts.add(ok_row(index, **pair, image_uri=key, content_uri=sides["content"], style_uri=sides["style"]))
    parts.flush()
    return made


def places_of(figure, pixels):
    """Where a picture stands in a figure, bit for bit."""
    windows = np.lib.stride_tricks.sliding_window_view(figure, (1, *pixels.shape[1:]))[:, :, 0, 0]
    rows = np.argwhere((windows == pixels[0]).all(axis=(2, 3)))
    return [
        (y, x) for y, x in rows.tolist() if (figure[y : y + pixels.shape[0], x : x + pixels.shape[1]] == pixels).all()
    ]


def test_a_png_has_every_pixel_of_every_stimulus(neckar, pictures, tmp_path):  # noqa: F811
    done = neckar("sheet", "out", "--rows", "content", "--cols", "alpha", "-o", "sub/fig.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    figure = np.asarray(Image.open(tmp_path / "sub/fig.png"))
    (first,), (second,) = (places_of(figure, pictures[key]) for key in (("a", 0.5), ("b", 0.5)))
    assert first[1] == second[1]  # one column
    assert second[0] - first[0] >= 70
    grey = (figure[first[0] : first[0] + 70, first[1] + 106 : first[1] + 206] == 222).all(axis=2)
    assert grey.mean() > 0.8  # the failed one: a pale box with its status


def test_what_was_not_chosen_is_told(neckar, pictures):  # noqa: F811
    done = neckar("sheet", "out", "--rows", "content", "-o", "fig.png")
    assert done.stderr == "alpha is 0.5; --pin alpha=LEVEL shows another: 1.5\n"
    assert neckar("sheet", "out", "--rows", "content", "--pin", "alpha=0.5", "-o", "fig.png").stderr == ""


def test_a_pdf_has_a_page_a_facet_every_pixel_and_texts(neckar, pictures, tmp_path):  # noqa: F811
    done = neckar("sheet", "out", "--rows", "content", "--facet", "alpha", "-o", "fig.pdf")
    assert done.returncode == 0, done.stderr
    data = (tmp_path / "fig.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b", data)) == 2
    assert b"DCTDecode" not in data  # no JPEG
    streams = [_inflated(found) for found in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL)]
    for pixels in pictures.values():
        assert pixels.tobytes() in streams
    again = neckar("sheet", "out", "--rows", "content", "--facet", "alpha", "-o", "again.pdf")
    assert (again.returncode, (tmp_path / "again.pdf").read_bytes()) == (0, data)


def _inflated(stream):
    """A stream of reportlab's: ASCII85 around Flate, or one of them."""
    import base64

    for decoded in (lambda: base64.a85decode(stream.strip(), adobe=False), lambda: stream):
        try:
            data = decoded()
        except ValueError:
            try:
                data = base64.a85decode(stream.strip().removesuffix(b"~>"))
            except ValueError:
                continue
        try:
            return zlib.decompress(data)
        except zlib.error:
            continue
    return b""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-o", "fig.jpg"], "--output fig.jpg: end it in .png or .pdf"),
        (["-o", "fig.png", "--rows", "contnt"], "did you mean content?"),
        (["-o", "fig.png", "--pin", "alpha"], "--pin alpha: write it as FACTOR=LEVEL"),
        (["-o", "fig.png", "--pin", "alpha=9"], "no such level; it has 0.5, 1.5"),
        (["-o", "fig.png", "--font", "a.png"], "--font a.png: is no font"),
    ],
)
def test_mistakes(neckar, pictures, arguments, told):  # noqa: F811
    done = neckar("sheet", "out", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert told in line


def test_letters_that_the_font_has_not():
    font = Font()
    assert font.lacks("alpha = 1e-05, Größe") == ""
    assert font.lacks("a漢b字") == "漢字"


def test_pages_too_large_are_refused(monkeypatch):
    from neckar.pipeline.figures import page
    from neckar.schemas.errors import UserError

    monkeypatch.setattr(page, "PIXELS_MAX", 100)
    with pytest.raises(UserError, match="20 x 10 px are more than 100; pin a factor"):
        page.PngPages(20, [10], Font())


def test_a_finished_set_shows_its_final_pictures(tmp_path):
    run = made_run(tmp_path / "run")
    final = finish_run(run)
    reader = open_results(run)
    pictures = pictures_of(reader)
    for entry in entries_of(reader):
        assert (pictures.stimulus(entry) == final).all()
