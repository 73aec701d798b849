"""What is no picture, or only half of one, is told; nothing is ever half decoded."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import example, given
from hypothesis import strategies as st

from neckar.pipeline.images.chunks import SIGNATURE
from neckar.pipeline.images.decode import decode
from neckar.schemas.errors import ErrorCode, PairError
from tests.images.files import RGB, encoded, gradient, pillow, png, tiff, with_chunk

PIXELS = gradient(48, 64)
DEEP = PIXELS.astype(np.uint16) * 257
WHOLE = {
    "png": pillow(PIXELS, "PNG"),
    "png-palette": pillow(PIXELS, "PNG", "P"),
    "png-16": png(DEEP, RGB, 16),
    "jpeg": pillow(PIXELS, "JPEG"),
    "jpeg-progressive": pillow(PIXELS, "JPEG", progressive=True),
    "jpeg-cmyk": pillow(PIXELS, "JPEG", "CMYK"),
    "webp": pillow(PIXELS, "WEBP"),
    "webp-lossless": pillow(PIXELS, "WEBP", lossless=True),
    "tiff": pillow(PIXELS, "TIFF"),
    "tiff-lzw": pillow(PIXELS, "TIFF", compression="tiff_lzw"),
    "tiff-16": tiff(DEEP),
    "tiff-16-lzw": tiff(DEEP, compression="lzw", rowsperstrip=10),
    "tiff-16-tiled": tiff(DEEP, compression="zlib", tile=(16, 16)),
}


def refusal(data: bytes, **options) -> PairError:
    with pytest.raises(PairError) as caught:
        decode(data, name="s3://bucket/x", **options)
    assert caught.value.message.startswith("s3://bucket/x: ")
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_cut_off_anywhere_is_unreadable(kind: str) -> None:
    data = WHOLE[kind]
    assert decode(data, name="x").shape == PIXELS.shape
    for length in [*range(20, len(data), max(1, len(data) // 25)), *range(len(data) - 5, len(data))]:
        error = refusal(data[:length])
        assert error.code == ErrorCode.IMAGE_UNREADABLE
        assert "replace it" in error.message


@pytest.mark.parametrize("kind", ["jpeg", "jpeg-progressive", "jpeg-cmyk", "png", "png-16"])
def test_a_download_that_ends_in_zeros_is_unreadable(kind: str) -> None:
    """libjpeg would fill up with grey."""
    data = WHOLE[kind]
    for kept in (0.3, 0.6, 0.9):
        length = int(kept * len(data))
        assert refusal(data[:length] + bytes(len(data) - length)).code == ErrorCode.IMAGE_UNREADABLE


def test_what_follows_the_picture_does_not_matter() -> None:
    for kind in ("jpeg", "png", "webp"):
        assert decode(WHOLE[kind] + b"\xff\xda and a film" * 50, name="x").shape == PIXELS.shape


def test_a_thumbnail_s_end_is_not_the_picture_s() -> None:
    thumbnail = pillow(PIXELS[:16, :16], "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    data = WHOLE["jpeg"][:2] + segment + WHOLE["jpeg"][2:]
    assert decode(data, name="x").shape == PIXELS.shape
    assert refusal(data[: len(segment) + 500] + bytes(300)).code == ErrorCode.IMAGE_UNREADABLE


def test_one_flipped_bit_in_a_png_is_found() -> None:
    data = bytearray(WHOLE["png"])
    data[len(data) // 2] ^= 1
    error = refusal(bytes(data))
    assert error.code == ErrorCode.IMAGE_UNREADABLE
    assert "checksum of its IDAT chunk" in error.message


BEGINNINGS = [b"", SIGNATURE, b"\xff\xd8\xff", b"II*\0", b"RIFF\0\0\0\0WEBP", SIGNATURE + bytes(40)]


@pytest.mark.parametrize("data", BEGINNINGS)
def test_a_bare_beginning_is_unreadable(data: bytes) -> None:
    assert refusal(data).code == ErrorCode.IMAGE_UNREADABLE


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is an SVG"),
        (b"<?xml version='1.0'?>\n<!-- made by hand -->\n<svg/>", "is an SVG"),
        (b"\n <!DOCTYPE html><html>404</html>", "is a web page"),
        (b"<html></html>", "is a web page"),
        (b"content,style\na.png,b.png\n", "is text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "run git lfs pull"),
        (b"%PDF-1.7", "is a PDF"),
        (b"\0\0\0\x1cftypavif", "is an AVIF, HEIC or MP4"),
        (bytes(1000), "nothing but blanks or zeros"),
        (b"   \n", "nothing but blanks or zeros"),
        (b"\x01\x02\x03\x04", "no picture that Neckar knows"),
        (pillow(PIXELS, "GIF"), "is a GIF"),
        (pillow(PIXELS, "BMP"), "is a BMP"),
        (pillow(PIXELS, "JPEG2000"), "is JPEG 2000"),
        (pillow(PIXELS[..., 0], "EPS"), "is PostScript"),
        (tiff(PIXELS[..., 0].astype(np.float32)), "32-bit"),
        (tiff(PIXELS[..., 0].astype(np.uint32)), "32-bit"),
        (tiff(PIXELS[..., 0].astype(np.int16)), "16-bit of format 2"),
        (pillow(PIXELS, "TIFF", "LAB"), "CIELAB with 3 channels; save it as flat RGB"),
    ],
)
def test_what_is_not_decoded_is_named(data: bytes, what: str) -> None:
    error = refusal(data)
    assert error.code == ErrorCode.IMAGE_UNSUPPORTED
    assert what in error.message


def vast(kind: str) -> bytes:
    """A small file that claims to be vast."""
    if kind == "png":
        return png(np.zeros((1, 10), np.uint8), RGB, 8).replace(
            encoded(b"IHDR", struct.pack(">IIBBBBB", 10, 1, 8, RGB, 0, 0, 0)),
            encoded(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, RGB, 0, 0, 0)),
        )
    if kind == "jpeg":
        data = pillow(PIXELS, "JPEG")
        return data.replace(struct.pack(">HH", 48, 64), struct.pack(">HH", 65500, 65500))
    if kind == "webp":
        lossless = bytearray(pillow(PIXELS, "WEBP", lossless=True))
        lossless[21:25] = struct.pack("<I", 16383 | 16383 << 14)
        return bytes(lossless)
    values = PIXELS if kind == "tiff" else DEEP
    data = tiff(values, rowsperstrip=48)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = file.pages.first.tags
        places = [tags[name].valueoffset for name in ("ImageWidth", "ImageLength")]
    vast_data = bytearray(data)
    for place in places:
        vast_data[place : place + 2] = struct.pack("<H", 60000)
    return bytes(vast_data)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "tiff", "tiff-16"])
def test_a_bomb_is_refused_before_it_is_decoded(kind: str) -> None:
    error = refusal(vast(kind))
    assert error.code == ErrorCode.IMAGE_TOO_LARGE
    assert "more than the limit of 100,000,000 pixels" in error.message


def test_the_limit_itself_is_allowed() -> None:
    limit = PIXELS.shape[0] * PIXELS.shape[1]
    for data in WHOLE.values():
        assert decode(data, name="x", max_pixels=limit).shape == PIXELS.shape
        assert refusal(data, max_pixels=limit - 1).code == ErrorCode.IMAGE_TOO_LARGE


def test_text_and_profiles_that_inflate_without_end_are_not_inflated() -> None:
    bomb = zlib.compress(bytes(80 << 20), 9)
    for kind in (b"zTXt", b"iTXt"):
        content = b"Comment\0" + (b"\0" if kind == b"zTXt" else b"\1\0\0\0") + bomb
        assert decode(with_chunk(WHOLE["png"], kind, content), name="x").shape == PIXELS.shape
    error = refusal(with_chunk(WHOLE["png"], b"iCCP", b"name\0\0" + bomb))
    assert "colour profile is longer than the limit" in error.message


ORIENTATION_99 = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 99, 0, 0)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"", b"II*\0", b"garbage" * 9, ORIENTATION_99, ORIENTATION_99[:-9]])
def test_broken_exif_is_no_reason_to_refuse(exif: bytes) -> None:
    assert np.array_equal(decode(with_chunk(WHOLE["png"], b"eXIf", exif), name="x"), PIXELS)
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
    jpeg = WHOLE["jpeg"][:2] + segment + WHOLE["jpeg"][2:]
    assert np.array_equal(decode(jpeg, name="x"), decode(WHOLE["jpeg"], name="x"))


EDITS = st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8)


@given(kind=st.sampled_from(sorted(WHOLE)), edits=EDITS)
@example(kind="tiff-16", edits=[(0.072265625, 1)])  # RGB of one sample a pixel
def test_whatever_the_bytes_the_answer_is_a_picture_or_a_refusal(kind: str, edits: list[tuple[float, int]]) -> None:
    data = bytearray(WHOLE[kind])
    for place, value in edits:
        data[int(place**2 * len(data))] = value  # more of them in the headers
    refused: PairError | None = None
    found = PIXELS
    try:
        found = decode(bytes(data), name="x", max_pixels=1_000_000)
    except PairError as error:
        refused = error
    codes = {ErrorCode.IMAGE_UNREADABLE, ErrorCode.IMAGE_UNSUPPORTED, ErrorCode.IMAGE_TOO_LARGE}
    assert found.shape[2] == 3 if refused is None else refused.code in codes


NOISE = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)


@pytest.mark.parametrize("kind", ["baseline", "progressive", "grey", "ink", "restarts"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_jpeg_that_lost_data_before_its_end_marker_is_unreadable(kind: str, kept: float) -> None:
    """libjpeg makes the rest up and only warns."""
    mode = {"grey": "L", "ink": "CMYK"}.get(kind, "RGB")
    options = {"progressive": kind == "progressive", **({"restart_marker_rows": 1} if kind == "restarts" else {})}
    data = pillow(NOISE, "JPEG", mode, quality=90, **options)
    assert decode(data, name="x", warn=pytest.fail).shape == NOISE.shape
    scan = data.index(b"\xff\xda") + 14
    lost = data[: scan + int(kept * (len(data) - scan))].rstrip(b"\xff") + b"\xff\xd9"
    assert refusal(lost).code == ErrorCode.IMAGE_UNREADABLE


def test_what_a_camera_filled_in_before_the_end_marker_does_not_matter() -> None:
    data = pillow(NOISE, "JPEG", quality=90)
    told: list[str] = []
    filled = decode(data[:-2] + b"\xab" * 30 + data[-2:], name="x", warn=told.append)
    assert np.array_equal(filled, decode(data, name="x"))
    assert all("extraneous bytes" in warning for warning in told)


@pytest.mark.parametrize(
    ("marker", "bits", "what"),
    [(0xC3, 8, "lossless JPEG"), (0xF7, 8, "JPEG-LS"), (0xC1, 12, "JPEG of 12 bits a sample"), (0xC5, 8, "kind SOF5")],
)
def test_a_jpeg_that_libjpeg_does_not_decode_is_named(marker: int, bits: int, what: str) -> None:
    data = bytearray(pillow(PIXELS, "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 1], data[frame + 4] = marker, bits
    error = refusal(bytes(data))
    assert error.code == ErrorCode.IMAGE_UNSUPPORTED
    assert what in error.message


@pytest.mark.parametrize("kind", [b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"iCCP", b"gAMA", b"cICP", b"tIME"])
def test_damage_beside_whole_pixels_is_told_and_the_picture_taken(kind: bytes) -> None:
    data = bytearray(with_chunk(WHOLE["png"], kind, bytes(20)))
    data[len(SIGNATURE) + 25 + 10] ^= 1
    told: list[str] = []
    assert np.array_equal(decode(bytes(data), name="x", warn=told.append), PIXELS)
    assert told == [f"x: its {kind.decode()} chunk is damaged; passed over"]


@pytest.mark.parametrize("kind", ["png", "png-16", "png-palette"])
def test_a_bit_of_a_chunk_s_name_does_not_drop_a_part_of_the_picture(kind: str) -> None:
    """A fallen bit makes an IDAT an iDAT, which a decoder may pass over."""
    data = bytearray(WHOLE[kind])
    for name in (b"IDAT", b"PLTE"):
        at = data.find(name)
        for bit in range(8 if at > 0 else 0):
            broken = data.copy()
            broken[at] ^= 1 << bit
            assert refusal(bytes(broken)).code == ErrorCode.IMAGE_UNREADABLE


def test_a_camera_s_raw_file_is_named() -> None:
    for data in (b"IIRO\x08\0\0\0", b"IIU\0\x18\0\0\0", b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx ", b"FOVb\0\0"):
        error = refusal(data + bytes(64))
        assert error.code == ErrorCode.IMAGE_UNSUPPORTED
        assert "is a camera's raw file" in error.message


def test_no_message_shows_an_object_of_python_s() -> None:
    for data in (b"\xff\xd8\xff\xd9", b"RIFF\0\0\0\0WEBPVP8 ", b"MM\0*\0\0\0\x08\0\0", SIGNATURE + bytes(30)):
        assert "0x" not in refusal(data).message
