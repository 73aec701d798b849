"""TIFF as people have it: any number of bits, any order of bytes, palettes, inks, masks, thumbnails."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from neckar.pipeline.images.decode import decode
from neckar.schemas.errors import ErrorCode, PairError
from tests.images.files import gradient, pillow, saved, tiff

PIXELS = gradient(24, 32)
GREY = PIXELS[..., 0]


def refusal(data: bytes) -> PairError:
    with pytest.raises(PairError) as caught:
        decode(data, name="x")
    return caught.value


def by_hand(
    samples: np.ndarray, bits: int, *, order: str = "<", photometric: int = 1, tags: dict | None = None
) -> bytes:
    """A TIFF of one strip, samples packed to any number of bits, rows padded to bytes."""
    height, width, channels = samples.shape
    as_bits = (samples.reshape(height, -1, 1).astype(np.uint32) >> np.arange(bits)[::-1]) & 1
    if bits == 16:
        data = samples.astype(order + "u2").tobytes()
    else:
        data = np.packbits(as_bits.reshape(height, -1).astype(np.uint8), axis=1).tobytes()
    entries = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * channels), 259: (3, [1]), 262: (3, [photometric]),
        273: (4, [8]), 277: (3, [channels]), 278: (4, [height]), 279: (4, [len(data)]), 284: (3, [1]), **(tags or {}),
    }  # fmt: skip
    data += bytes(len(data) % 2)
    directory, values = struct.pack(order + "H", len(entries)), b""
    values_at = 8 + len(data) + 2 + 12 * len(entries) + 4
    for code, (kind, numbers) in sorted(entries.items()):
        packed = struct.pack(order + {3: "H", 4: "I"}[kind] * len(numbers), *numbers)
        directory += struct.pack(order + "HHI", code, kind, len(numbers))
        if len(packed) <= 4:
            directory += packed.ljust(4, b"\0")
        else:
            directory += struct.pack(order + "I", values_at + len(values))
            values += packed + bytes(len(packed) % 2)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "I", 8 + len(data)) + data + directory + bytes(4) + values


@pytest.mark.parametrize("bits", range(1, 17))
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("channels", [1, 3])
def test_samples_of_any_number_of_bits(bits: int, order: str, channels: int) -> None:
    top = 2**bits - 1
    samples = (np.arange(24 * 32 * channels).reshape(24, 32, channels) * 7919) % (top + 1)
    data = by_hand(samples, bits, order=order, photometric=2 if channels == 3 else 1)
    expected = np.broadcast_to(samples * (255 / top), (24, 32, 3))
    assert np.abs(decode(data, name="x") - expected).max() < 0.01


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(tiff(GREY, bigtiff=True, byteorder=">"), id="bigtiff-big-endian"),
        pytest.param(tiff(GREY, tile=(16, 16)), id="tiles"),
        pytest.param(tiff(GREY, tile=(16, 16), compression="zlib"), id="tiles-deflate"),
        pytest.param(tiff(GREY, tile=(16, 16), bigtiff=True, byteorder=">"), id="tiles-bigtiff-big-endian"),
        pytest.param(tiff(GREY, compression="packbits"), id="packbits"),
        pytest.param(tiff(GREY, compression="zstd"), id="zstd"),
        pytest.param(tiff(GREY, compression="lzw", predictor=True), id="lzw-predictor"),
        pytest.param(tiff(255 - GREY, photometric="miniswhite"), id="white-is-zero"),
        pytest.param(
            tiff(np.stack([GREY, np.full_like(GREY, 255)], -1), photometric="minisblack", extrasamples=["unassalpha"]),
            id="opaque-alpha",
        ),
        pytest.param(
            tiff(
                np.stack([GREY, np.full_like(GREY, 255)]),
                photometric="minisblack",
                planarconfig="separate",
                extrasamples=["unassalpha"],
            ),
            id="opaque-alpha-in-planes",
        ),
        pytest.param(tiff(np.stack([GREY, PIXELS[..., 1]], -1), photometric="minisblack", extrasamples=[0]), id="else"),
        pytest.param(pillow(GREY, "TIFF", "P", compression="tiff_lzw"), id="grey-palette"),
    ],
)
def test_grey_of_every_kind(data: bytes) -> None:
    assert np.array_equal(decode(data, name="x"), np.repeat(GREY[..., None], 3, axis=-1))


def test_alpha_in_a_plane_of_its_own_lets_mid_grey_through() -> None:
    alpha = PIXELS[..., 1]
    kinds = {"planarconfig": "separate", "photometric": "minisblack", "extrasamples": ["unassalpha"]}
    found = decode(tiff(np.stack([GREY, alpha]), **kinds), name="x")
    part = alpha / 255
    assert np.abs(found[..., 0] - (GREY * part + 128 * (1 - part))).max() < 1e-3


@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"byteorder": ">"}, {"compression": "lzw"}])
def test_four_inks_and_a_fifth_sample(options: dict) -> None:
    ink = np.stack([*np.moveaxis(PIXELS, -1, 0), np.zeros_like(GREY), np.full_like(GREY, 99)], -1)
    found = decode(tiff(ink, photometric="separated", extrasamples=[0], **options), name="x")
    assert np.array_equal(found, 255.0 - PIXELS)


@pytest.mark.parametrize("scale", [1, 256, 257])
def test_a_palette_of_16_bits_or_of_8_in_the_upper_half(scale: int) -> None:
    levels = np.arange(16, dtype=np.uint16)[:, None] * np.array([17, 11, 5], np.uint16)
    index = (np.arange(24 * 32) % 16).reshape(24, 32, 1)
    colours = levels * scale
    data = by_hand(index, 4, photometric=3, tags={320: (3, colours.T.ravel().tolist())})
    expected = colours / 257 if scale != 256 else levels
    assert np.abs(decode(data, name="x") - expected[index[..., 0]]).max() < 1e-3


def test_colour_difference_with_and_without_jpeg(capfd: pytest.CaptureFixture) -> None:
    smooth = np.repeat(np.repeat(gradient(6, 8), 8, axis=0), 8, axis=1)
    jpeg = saved(Image.fromarray(smooth).convert("YCbCr"), "TIFF", compression="jpeg", quality=95)
    assert np.abs(decode(jpeg, name="x") - smooth).mean() < 4
    y, cb, cr = (
        smooth @ np.array(m) for m in ([0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813])
    )
    plain = np.rint(np.stack([y, cb + 128, cr + 128], -1)).clip(0, 255).astype(np.uint16)
    data = by_hand(plain, 8, photometric=6, tags={530: (3, [1, 1])})
    assert np.abs(decode(data, name="x") - smooth).max() <= 3
    assert capfd.readouterr() == ("", "")


def test_a_jpeg_inside_that_lost_its_data_is_unreadable() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    data = bytearray(tiff(noise, compression="jpeg", photometric="ycbcr"))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        page = file.pages.first
        start, count = page.dataoffsets[0], page.databytecounts[0]
    half = start + count // 2
    data[half : start + count] = b"\xff\xd9" + bytes(start + count - half - 2)
    assert refusal(bytes(data)).code == ErrorCode.IMAGE_UNREADABLE


def test_the_picture_and_not_its_thumbnail_is_taken() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(PIXELS[::4, ::4], photometric="rgb", subfiletype=1)
        writer.write(PIXELS, photometric="rgb")
    assert np.array_equal(decode(file.getvalue(), name="x"), PIXELS)
    below = io.BytesIO()
    with tifffile.TiffWriter(below) as writer:
        writer.write(PIXELS[::4, ::4], photometric="rgb", subfiletype=1, subifds=1)
        writer.write(PIXELS, photometric="rgb")
    assert np.array_equal(decode(below.getvalue(), name="x"), PIXELS)


def test_a_larger_page_behind_the_first_is_told() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(PIXELS[::4, ::4], photometric="rgb")
        writer.write(PIXELS, photometric="rgb")
    told: list[str] = []
    assert decode(file.getvalue(), name="x", warn=told.append).shape == (6, 8, 3)
    assert told == ["x: its first page (8 x 6 px) is used, and a later one is larger (32 x 24 px)"]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (tiff(PIXELS[::4, ::4], photometric="rgb", subfiletype=1), "holds thumbnails or masks alone"),
        (by_hand(PIXELS[..., :1], 8, photometric=32803), "is a camera's raw file"),
        (by_hand(PIXELS, 8, photometric=2, tags={50706: (4, [4])}), "is a camera's raw file"),
        (by_hand(PIXELS[..., :1], 8, tags={259: (3, [4242])}), "compressed with 4242"),
        (by_hand(PIXELS, 8, photometric=8), "CIELAB"),
        (by_hand(PIXELS, 8, photometric=5), "SEPARATED with 3 channels"),
        (by_hand(np.concatenate([PIXELS] * 2, -1)[..., :4], 8, photometric=5, tags={332: (3, [2])}), "SEPARATED"),
        (by_hand(PIXELS[..., :1], 8, photometric=4), "MASK"),
        (by_hand(PIXELS[..., :1], 8, tags={339: (3, [3])}), "of format 3"),
    ],
)
def test_a_kind_that_is_not_decoded_is_named(data: bytes, what: str) -> None:
    error = refusal(data)
    assert error.code == ErrorCode.IMAGE_UNSUPPORTED
    assert what in error.message
    assert "0x" not in error.message


def test_a_tag_that_cannot_be_read_is_no_default() -> None:
    """Cut off behind the directory, where its longer values lie: without its bits a sample would be one bit."""
    data = by_hand(PIXELS, 8, photometric=2)
    assert np.array_equal(decode(data, name="x"), PIXELS)
    error = refusal(data[:-2])
    assert error.code == ErrorCode.IMAGE_UNREADABLE
    assert "its tag 258 cannot be read" in error.message


def test_a_tag_beside_the_picture_that_cannot_be_read_is_told() -> None:
    data = by_hand(PIXELS, 8, photometric=2, tags={33432: (4, [0] * 40)})
    told: list[str] = []
    assert np.array_equal(decode(data[:-20], name="x", warn=told.append), PIXELS)
    assert told == ["x: its tag 33432 cannot be read; passed over"]


def test_nothing_is_said_on_stderr(capfd: pytest.CaptureFixture) -> None:
    data = bytearray(by_hand(PIXELS, 8, photometric=6, tags={530: (3, [2, 2])}))
    messages = []
    for at in range(8, len(data), 7):
        broken = data.copy()
        broken[at] ^= 0xFF
        try:
            decode(bytes(broken), name="x", warn=messages.append)
        except PairError as error:
            messages.append(error.message)
    assert capfd.readouterr() == ("", "")
    assert not [message for message in messages if "0x" in message or "\n" in message]
