"""What the floats of a finished picture become in a file: depth, transfer function, aperture; and what is read back."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from neckar.pipeline.images.chunks import SIGNATURE, chunks, encoded
from neckar.pipeline.images.decode import decode
from neckar.pipeline.images.encode import encode_png, pixel_sha256, read_levels, read_metadata
from neckar.pipeline.images.finish import FileForm, finish, seen
from neckar.pipeline.photometry.luminance import to_light
from neckar.pipeline.photometry.window import circle

IMAGE = np.random.default_rng(0).uniform(-10, 265, (40, 48, 3))
CLIPPED = np.clip(IMAGE, 0, 255)


@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize("transfer", ["srgb", "linear"])
@pytest.mark.parametrize("ramp", [None, 6.0])
def test_levels_come_back_from_the_file(bit_depth, transfer, ramp):
    form = FileForm(bit_depth, transfer, ramp)
    finished = finish(IMAGE, form)
    assert finished.levels.dtype == (np.uint8 if bit_depth == 8 else np.uint16)
    assert finished.levels.shape == (40, 48, 3 if ramp is None else 4)
    data = encode_png(finished.levels, {"a": "ü"}, transfer=transfer)
    assert np.array_equal(read_levels(data), finished.levels)
    assert read_metadata(data) == {"a": "ü"}
    kinds = [chunk.kind for chunk in chunks(data)]
    assert (b"sRGB" in kinds, b"gAMA" in kinds) == (transfer == "srgb", transfer == "linear")
    shares = to_light(CLIPPED / 255) if transfer == "linear" else CLIPPED / 255
    full = 2**bit_depth - 1
    assert np.abs(finished.levels[..., :3] / full - shares).max() <= 0.5 / full + 1e-9


def test_a_deep_file_has_a_copy_rounded_from_the_floats():
    """And so equal to that of a run of 8 bits."""
    ramp = np.linspace(100.495, 100.505, 3000).reshape(10, 100, 3)
    finished = finish(ramp, FileForm(16))
    assert np.array_equal(finished.copy, np.rint(ramp).astype(np.uint8))
    assert np.array_equal(finish(IMAGE, FileForm(16)).copy, finish(IMAGE).levels)
    assert finish(IMAGE).copy is None


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_any_reader_sees_a_linear_file_as_the_picture_it_was(bit_depth):
    """Its gAMA chunk says what the levels are."""
    finished = finish(IMAGE, FileForm(bit_depth, "linear"))
    read = decode(encode_png(finished.levels, {}, transfer="linear"), name="x")
    assert np.abs(seen(finished.levels, "linear") - read).max() < 0.51
    if bit_depth == 16:
        assert np.abs(read - CLIPPED).max() < 0.6


def test_the_files_are_what_others_read():
    finished = finish(IMAGE, FileForm(8, ramp=6.0))
    with Image.open(io.BytesIO(encode_png(finished.levels, {}))) as image:
        assert image.mode == "RGBA"
        assert np.array_equal(np.asarray(image), finished.levels)


def test_the_aperture_is_one_inside_and_a_raised_cosine_at_its_edge():
    window = circle(101, 141, 20.0)
    assert window[50, 70] == 1.0
    row = window[50, 70:]  # from the middle outwards
    radius, r = 50.5, np.arange(len(row))
    assert (row[r <= radius - 20] == 1.0).all()
    assert (row[r >= radius] == 0.0).all()
    edge = (r > radius - 20) & (r < radius)
    assert row[edge] == pytest.approx(0.5 * (1 + np.cos(np.pi * (r[edge] - radius + 20) / 20)))
    assert np.array_equal(window, window[::-1, ::-1])
    assert set(np.unique(circle(64, 64, 0.0))) == {0.0, 1.0}


def test_an_aperture_in_alpha_leaves_the_colours_and_a_baked_one_blends_them():
    alpha, baked = finish(IMAGE, FileForm(ramp=6.0)), finish(IMAGE, FileForm(ramp=6.0, bake=True))
    plain, window = finish(IMAGE), circle(40, 48, 6.0)
    assert np.array_equal(alpha.levels[..., :3], plain.levels)
    assert np.array_equal(alpha.levels[..., 3], np.rint(window * 255))
    assert baked.levels.shape == (40, 48, 3)
    assert (baked.levels[window == 0] == 128).all()
    assert np.array_equal(baked.levels[window == 1], plain.levels[window == 1])
    assert np.abs(decode(encode_png(alpha.levels, {}), name="x") - baked.levels).max() < 1.3  # over the same grey


def test_equal_levels_have_equal_hashes_and_depth_tells():
    eight = finish(IMAGE).levels
    assert pixel_sha256(eight) == pixel_sha256(eight.copy())
    assert pixel_sha256(eight.astype(np.uint16)) != pixel_sha256(eight)
    deep = finish(IMAGE, FileForm(16)).levels
    assert pixel_sha256(deep) == pixel_sha256(deep.astype(">u2").astype(np.uint16))


@pytest.mark.parametrize("cut", [0, 20, 200, -5])
def test_a_file_cut_off_has_no_levels(cut):
    with pytest.raises(ValueError, match=r"cut off|signature|PNG"):
        read_levels(encode_png(finish(IMAGE, FileForm(16)).levels, {})[:cut])


def test_a_header_that_promises_gigapixels_is_not_followed():
    header = encoded(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    data = SIGNATURE + header + encoded(b"IDAT", zlib.compress(b"")) + encoded(b"IEND", b"")
    with pytest.raises(ValueError, match="more than any picture"):
        read_levels(data)
