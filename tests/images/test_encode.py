"""The file holds what the optimiser made, rounded, and the record of how."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from neckar.pipeline.images.chunks import SIGNATURE, chunks, encoded
from neckar.pipeline.images.decode import decode
from neckar.pipeline.images.encode import encode_png, pixel_sha256, read_metadata
from neckar.pipeline.images.finish import finish
from tests.images.files import gradient, pillow, with_chunk

PIXELS = gradient()
RECORD = {"pair_id": "turner", "loss_total": 1.25e8, "levels": {"alpha": "0.001"}, "note": "Tübingen 星", "none": None}


def test_values_are_rounded_half_to_even_and_clipped() -> None:
    values = [-3.0, -0.5, 0.4, 0.5, 1.5, 2.5, 99.49, 99.51, 254.5, 255.4, 300.0, 1e30]
    image = np.array(values, np.float32).reshape(1, 4, 3)
    expected = [0, 0, 0, 0, 2, 2, 99, 100, 254, 255, 255, 255]
    assert finish(image).levels.reshape(-1).tolist() == expected
    assert finish(image).levels.dtype == np.uint8


def test_rounding_does_not_darken() -> None:
    image = np.random.default_rng(0).uniform(0, 255, (64, 64, 3)).astype(np.float32)
    assert abs(float(finish(image).levels.mean() - image.mean())) < 0.02  # truncation: -0.5


@pytest.mark.parametrize("image", [np.zeros((3, 16, 16)), np.zeros((16, 16)), np.full((16, 16, 3), np.nan)])
def test_what_is_no_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"shape|finite"):
        finish(image)


def test_pixels_and_record_come_back() -> None:
    data = encode_png(PIXELS, RECORD)
    assert np.array_equal(decode(data, name="x"), PIXELS)
    assert read_metadata(data) == RECORD
    with Image.open(io.BytesIO(data)) as image:  # any other program reads both too
        assert image.mode == "RGB"
        assert np.array_equal(np.asarray(image), PIXELS)
        assert json.loads(image.text["neckar"]) == RECORD


def test_the_same_input_gives_the_same_file() -> None:
    assert encode_png(PIXELS, RECORD) == encode_png(PIXELS.copy(), dict(RECORD))


def test_the_file_says_that_it_is_srgb() -> None:
    kinds = [chunk.kind for chunk in chunks(encode_png(PIXELS, RECORD))]
    assert kinds.index(b"sRGB") < kinds.index(b"IDAT")
    assert {b"gAMA", b"iCCP"}.isdisjoint(kinds)


def test_the_record_is_compressed() -> None:
    record = {"trace": [[0.0] * 8] * 20_000}
    data = encode_png(PIXELS, record)
    assert len(data) < len(json.dumps(record)) / 10
    assert read_metadata(data) == record


@pytest.mark.parametrize("size", [300_000, 900_000, 5_000_000])
def test_long_records_come_back_and_any_program_opens_the_file(size: int) -> None:
    """Pillow refuses to inflate text of more than 1 MiB, and with it the picture."""
    record = {"trace": np.random.default_rng(0).bytes(size // 2).hex()}
    data = encode_png(PIXELS, record)
    assert read_metadata(data) == record
    assert np.array_equal(decode(data, name="x"), PIXELS)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert json.loads(image.text["neckar"]) == record


@pytest.mark.parametrize("record", [{"loss": float("nan")}, {"what": object()}])
def test_a_record_that_is_no_json_is_refused(record: dict) -> None:
    with pytest.raises((ValueError, TypeError)):
        encode_png(PIXELS, record)


@pytest.mark.parametrize("pixels", [PIXELS.astype(np.float32), PIXELS[..., 0], np.dstack([PIXELS, PIXELS])])
def test_pixels_of_another_shape_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        encode_png(pixels, RECORD)


def text_chunk(body: bytes, *, keyword: bytes = b"neckar", compressed: bool = True) -> bytes:
    return keyword + b"\0" + (b"\1" if compressed else b"\0") + b"\0\0\0" + body


def test_files_without_our_record_have_none() -> None:
    plain = pillow(PIXELS, "PNG")
    whole = encode_png(PIXELS, RECORD)
    for data in (
        b"",
        b"text",
        SIGNATURE,
        plain,
        pillow(PIXELS, "JPEG"),
        whole[:-1],
        whole[: len(whole) // 2],
        with_chunk(plain, b"iTXt", text_chunk(zlib.compress(b"{}"), keyword=b"Comment")),
        with_chunk(plain, b"iTXt", text_chunk(b"not compressed")),
        with_chunk(plain, b"iTXt", text_chunk(zlib.compress(b"[1, 2]"))),
        with_chunk(plain, b"iTXt", text_chunk(zlib.compress(b"{")[:-3])),
        with_chunk(plain, b"iTXt", text_chunk(zlib.compress(b"\xff\xfe{}"))),
        with_chunk(plain, b"iTXt", b"neckar\0"),
        with_chunk(plain, b"iTXt", b"neckar"),
    ):
        assert read_metadata(data) is None


def test_a_flipped_bit_makes_the_record_worthless() -> None:
    data = bytearray(encode_png(PIXELS, RECORD))
    data[-40] ^= 1  # in the picture
    assert read_metadata(bytes(data)) is None


def test_a_record_that_inflates_without_end_is_not_inflated() -> None:
    bomb = zlib.compress(b'{"a":"' + b"x" * (80 << 20) + b'"}', 9)
    assert read_metadata(with_chunk(pillow(PIXELS, "PNG"), b"iTXt", text_chunk(bomb))) is None


def test_uncompressed_records_are_read_too() -> None:
    data = with_chunk(pillow(PIXELS, "PNG"), b"iTXt", text_chunk(b'{"a":1}', compressed=False))
    assert read_metadata(data) == {"a": 1}


def test_the_pixel_hash_is_of_the_rgb_bytes_row_by_row() -> None:
    assert pixel_sha256(PIXELS) == hashlib.sha256(PIXELS.tobytes()).hexdigest()
    assert pixel_sha256(PIXELS[:, ::-1][:, ::-1]) == pixel_sha256(PIXELS)
    assert pixel_sha256(PIXELS[::-1]) != pixel_sha256(PIXELS)


def test_a_chunk_is_written_as_the_standard_has_it() -> None:
    end = encoded(b"IEND", b"")
    assert end == struct.pack(">I", 0) + b"IEND" + bytes.fromhex("ae426082")
