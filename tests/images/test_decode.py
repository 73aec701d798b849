"""Every kind of file gives the pixels it holds."""

from __future__ import annotations

import struct
from fractions import Fraction

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from neckar.pipeline.images.decode import decode
from neckar.pipeline.storage.access import read_uri
from tests.images.files import GREY, GREY_ALPHA, PALETTE, RGB, RGB_ALPHA, encoded, gradient, pillow, png, saved, tiff

PIXELS = gradient()
DEEP = (PIXELS * 256.0 + np.arange(24 * 32 * 3).reshape(24, 32, 3) % 251).astype(np.uint16)


def pixels_of(data: bytes) -> np.ndarray:
    found = decode(data, name="picture")
    assert found.dtype == np.float32
    assert found.ndim == 3
    assert found.shape[2] == 3
    assert found.flags.c_contiguous
    assert 0 <= found.min() <= found.max() <= 255
    return found


def over_grey(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return colour * alpha[..., None] + 128 * (1 - alpha[..., None])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(pillow(PIXELS, "PNG"), id="png"),
        pytest.param(pillow(PIXELS, "WEBP", lossless=True), id="webp"),
        pytest.param(pillow(PIXELS, "TIFF"), id="tiff"),
        pytest.param(pillow(PIXELS, "TIFF", compression="tiff_lzw"), id="tiff-lzw"),
        pytest.param(pillow(PIXELS, "TIFF", compression="tiff_adobe_deflate"), id="tiff-deflate"),
        pytest.param(tiff(PIXELS, tile=(16, 16)), id="tiff-tiled"),
        pytest.param(tiff(PIXELS, bigtiff=True), id="bigtiff"),
        pytest.param(tiff(PIXELS, byteorder=">"), id="tiff-big-endian"),
        pytest.param(tiff(np.moveaxis(PIXELS, -1, 0), photometric="rgb", planarconfig="separate"), id="tiff-planes"),
        pytest.param(pillow(PIXELS, "PNG", "RGBA"), id="png-opaque-alpha"),
        pytest.param(pillow(PIXELS, "WEBP", "RGBA", lossless=True), id="webp-opaque-alpha"),
        pytest.param(pillow(PIXELS, "TIFF", "RGBA"), id="tiff-opaque-alpha"),
    ],
)
def test_lossless_colour_is_exact(data: bytes) -> None:
    assert np.array_equal(pixels_of(data), PIXELS)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"optimize": True}])
def test_jpeg_is_close(options: dict) -> None:
    smooth = np.asarray(Image.fromarray(gradient(8, 8)[..., [0, 1, 1]]).resize((64, 48), Image.Resampling.BICUBIC))
    found = pixels_of(pillow(smooth, "JPEG", quality=95, **options))
    assert np.abs(found - smooth).mean() < 3
    assert pixels_of(pillow(smooth, "WEBP", quality=95)).shape == (48, 64, 3)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(pillow(PIXELS[..., 0], "PNG"), id="png"),
        pytest.param(pillow(PIXELS[..., 0], "TIFF"), id="tiff"),
        pytest.param(tiff(255 - PIXELS[..., 0], photometric="miniswhite"), id="tiff-white-is-zero"),
        pytest.param(pillow(PIXELS[..., 0], "PNG", "LA"), id="png-opaque-alpha"),
        pytest.param(png(PIXELS[..., :1].astype(np.uint16) * 257, GREY, 16), id="png-16"),
        pytest.param(tiff(PIXELS[..., 0].astype(np.uint16) * 257), id="tiff-16"),
    ],
)
def test_grey_is_the_same_in_all_channels(data: bytes) -> None:
    assert np.array_equal(pixels_of(data), PIXELS[..., [0, 0, 0]])


def test_grey_jpeg() -> None:
    found = pixels_of(pillow(np.full((16, 16), 77, np.uint8), "JPEG"))
    assert np.abs(found - 77).max() <= 1


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_span_the_whole_scale(bits: int) -> None:
    levels = 2**bits
    samples = np.arange(16) % levels
    packed = np.packbits(((samples[:, None] >> np.arange(bits)[::-1]) & 1).astype(np.uint8).reshape(-1))
    expected = samples * 255 / (levels - 1)
    found = pixels_of(png(np.stack([packed, packed]), GREY, bits, width=16))
    assert np.array_equal(found[1, :, 0], expected)


def test_one_bit_tiff() -> None:
    checks = (np.indices((8, 8)).sum(0) % 2 * 255).astype(np.uint8)
    assert np.array_equal(pixels_of(pillow(checks, "TIFF", "1"))[..., 0], checks)
    assert np.array_equal(pixels_of(pillow(checks, "TIFF", "1", compression="group4"))[..., 0], checks)


def test_a_palette_gives_its_colours() -> None:
    image = Image.fromarray((np.arange(64).reshape(8, 8) % 4).astype(np.uint8)).convert("P")
    colours = [255, 0, 0, 0, 200, 0, 0, 0, 150, 9, 8, 7]
    image.putpalette(colours)
    expected = np.array(colours).reshape(4, 3)[np.arange(64).reshape(8, 8) % 4]
    for kind in ("PNG", "TIFF"):
        data = saved(image, kind)
        assert np.array_equal(pixels_of(data), expected)
    alpha = np.array([0, 128, 255, 255])[np.arange(64).reshape(8, 8) % 4] / 255
    data = saved(image, "PNG", transparency=bytes([0, 128, 255, 255]))
    assert np.allclose(pixels_of(data), over_grey(expected, alpha), atol=1e-3)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(png(DEEP, RGB, 16), id="png"),
        pytest.param(imagecodecs.png_encode(DEEP), id="png-filtered"),
        pytest.param(tiff(DEEP), id="tiff"),
        pytest.param(tiff(DEEP, byteorder=">"), id="tiff-big-endian"),
        pytest.param(tiff(DEEP, compression="lzw", predictor=True), id="tiff-lzw"),
        pytest.param(tiff(DEEP, compression="zlib", rowsperstrip=5), id="tiff-deflate-strips"),
        pytest.param(tiff(DEEP, tile=(16, 16), compression="zlib"), id="tiff-tiles"),
        pytest.param(tiff(np.moveaxis(DEEP, -1, 0), photometric="rgb", planarconfig="separate"), id="tiff-planes"),
        pytest.param(tiff(DEEP, bigtiff=True), id="bigtiff"),
    ],
)
def test_sixteen_bits_are_kept(data: bytes) -> None:
    """Pillow would cut each value to its upper byte: half a level too dark on average."""
    found = pixels_of(data)
    assert np.abs(found - DEEP / 257).max() < 1e-4
    assert len(np.unique(found)) > 256


def test_the_ends_of_the_scale_are_the_ends_at_every_depth() -> None:
    ends = np.array([[[0], [1]]], np.uint16)
    for full, write in ((65535, png_grey), (65535, tiff), (4095, tiff_12_bits)):
        assert pixels_of(write((ends * full).repeat(16, 0)))[0, :, 0].tolist() == [0, 255]


def png_grey(values: np.ndarray) -> bytes:
    return png(values, GREY, 16)


def tiff_12_bits(values: np.ndarray) -> bytes:
    """A TIFF with 12 bits a sample, packed, rows padded to bytes."""
    height, width = values.shape[:2]
    bits = ((values[..., 0][..., None] >> np.arange(12)[::-1]) & 1).astype(np.uint8).reshape(height, -1)
    strip = np.packbits(bits, axis=1).tobytes()
    tags = {256: width, 257: height, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(strip)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack("<H", len(tags)) + entries
    return struct.pack("<2sHI", b"II", 42, 8 + len(strip)) + strip + directory + bytes(4)


ALPHA = np.broadcast_to(np.linspace(0, 255, 32).astype(np.uint8), (24, 32))
SEEN = over_grey(PIXELS.astype(float), ALPHA / 255)
WITH_ALPHA = np.dstack([PIXELS, ALPHA])
DEEP_WITH_ALPHA = WITH_ALPHA.astype(np.uint16) * 257


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(pillow(WITH_ALPHA, "PNG"), id="png"),
        pytest.param(pillow(WITH_ALPHA, "WEBP", lossless=True, exact=True), id="webp"),
        pytest.param(pillow(WITH_ALPHA, "TIFF"), id="tiff"),
        pytest.param(tiff(WITH_ALPHA, extrasamples=["unassalpha"]), id="tiff-unassociated"),
        pytest.param(png(DEEP_WITH_ALPHA, RGB_ALPHA, 16), id="png-16"),
        pytest.param(tiff(DEEP_WITH_ALPHA, extrasamples=["unassalpha"]), id="tiff-16"),
    ],
)
def test_transparency_shows_mid_grey(data: bytes) -> None:
    found = pixels_of(data)
    assert np.abs(found - SEEN).max() < 1e-3
    assert (found[:, 0] == 128).all()
    assert (found[:, -1] == PIXELS[:, -1]).all()


@pytest.mark.parametrize("depth", [8, 16])
def test_premultiplied_alpha_is_not_applied_twice(depth: int) -> None:
    full = 2**depth - 1
    alpha = ALPHA.astype(float) / 255
    values = np.dstack([PIXELS / 255 * alpha[..., None], alpha]) * full
    stored = np.rint(values).astype(np.uint8 if depth == 8 else np.uint16)
    found = pixels_of(tiff(stored, extrasamples=["assocalpha"], photometric="rgb"))
    assert np.abs(found - SEEN).max() < (1.5 if depth == 8 else 0.01)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_fourth_channel_that_is_no_alpha_is_left_out(depth: int) -> None:
    values = WITH_ALPHA if depth == 8 else DEEP_WITH_ALPHA
    assert np.array_equal(pixels_of(tiff(values, extrasamples=["unspecified"], photometric="rgb")), PIXELS)


def test_grey_with_alpha() -> None:
    grey = np.dstack([PIXELS[..., 0], ALPHA])
    expected = over_grey(PIXELS[..., [0, 0, 0]].astype(float), ALPHA / 255)
    assert np.abs(pixels_of(pillow(grey, "PNG")) - expected).max() < 1e-3
    assert np.abs(pixels_of(png(grey.astype(np.uint16) * 257, GREY_ALPHA, 16)) - expected).max() < 1e-3


@pytest.mark.parametrize("bits", [8, 16])
def test_a_transparent_colour(bits: int) -> None:
    scale = 257 if bits == 16 else 1
    samples = PIXELS.astype(np.uint16) * scale if bits == 16 else PIXELS
    key = encoded(b"tRNS", struct.pack(">HHH", *(int(v) * scale for v in PIXELS[3, 5])))
    found = pixels_of(png(samples, RGB, bits, extra=key))
    expected = PIXELS.astype(float)
    expected[3, 5] = 128
    assert np.array_equal(found, expected)


def test_a_transparent_grey_of_few_bits() -> None:
    """Pillow takes the level as 8-bit, and misses it."""
    packed = np.array([[0x01, 0x23], [0x45, 0x67]], np.uint8)
    found = pixels_of(png(packed, GREY, 4, width=4, extra=encoded(b"tRNS", struct.pack(">H", 5))))
    assert found[..., 0].tolist() == [[0, 17, 34, 51], [68, 128, 102, 119]]


def test_a_palette_png_of_the_kind_paint_programs_write() -> None:
    palette = encoded(b"PLTE", bytes([10, 20, 30, 200, 210, 220]))
    found = pixels_of(png(np.array([[0b01000000]], np.uint8), PALETTE, 1, width=2, extra=palette))
    assert found.tolist() == [[[10, 20, 30], [200, 210, 220]]]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_of_several_frames_the_first_counts(kind: str) -> None:
    first, second = Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(first, kind, save_all=True, append_images=[second], **options)
    assert np.array_equal(pixels_of(data), PIXELS)


def test_of_several_deep_pages_the_first_counts() -> None:
    assert np.abs(pixels_of(tiff(np.stack([DEEP, 65535 - DEEP]), photometric="rgb")) - DEEP / 257).max() < 1e-4


def test_a_phone_s_multi_picture_jpeg() -> None:
    first, second = Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)
    data = saved(first, "MPO", save_all=True, append_images=[second], quality=95)
    assert np.array_equal(pixels_of(data), pixels_of(pillow(PIXELS, "JPEG", quality=95)))


STORED = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40  # 0 40 80 / 120 160 200
UPRIGHT = {  # EXIF 2.32, 4.6.5.1.4: where row 0 and column 0 of what is stored belong
    1: [[0, 40, 80], [120, 160, 200]],
    2: [[80, 40, 0], [200, 160, 120]],
    3: [[200, 160, 120], [80, 40, 0]],
    4: [[120, 160, 200], [0, 40, 80]],
    5: [[0, 120], [40, 160], [80, 200]],
    6: [[120, 0], [160, 40], [200, 80]],
    7: [[200, 80], [160, 40], [120, 0]],
    8: [[80, 200], [40, 160], [0, 120]],
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG", "TIFF", "deep TIFF", "deep PNG"])
def test_orientation_is_undone(kind: str, orientation: int) -> None:
    blocks = STORED.repeat(16, 0).repeat(16, 1)  # JPEG keeps such blocks whole
    exif = Image.Exif()
    exif[0x0112] = orientation
    if kind == "deep TIFF":
        data = tiff(blocks.astype(np.uint16) * 257, extratags=[(274, "H", 1, orientation, True)])
    elif kind == "TIFF":
        data = tiff(blocks, extratags=[(274, "H", 1, orientation, True)])
    elif kind == "deep PNG":
        chunk = encoded(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
        data = png(blocks[..., None].astype(np.uint16) * 257, GREY, 16, extra=chunk)
    else:
        options = {"lossless": True} if kind == "WEBP" else {}
        data = pillow(blocks, kind, "RGB", exif=exif, **options)
    assert np.abs(pixels_of(data)[8::16, 8::16, 0] - UPRIGHT[orientation]).max() <= 1


def test_a_picture_as_it_ships() -> None:
    """A hand-checked pixel of scikit-image's coffee cup."""
    found = pixels_of(read_uri("package:skimage/data/coffee.png"))
    assert found.shape == (400, 600, 3)
    assert found[0, 0].tolist() == [21, 13, 8]


def test_values_are_exact_fractions_of_the_scale() -> None:
    found = pixels_of(png(np.full((16, 16, 1), 12345, np.uint16), GREY, 16))
    assert found[0, 0, 0] == np.float32(Fraction(12345, 257))
