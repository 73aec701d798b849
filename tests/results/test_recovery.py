"""A PNG without a row gives its row back; anything less than the whole picture does not."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neckar.pipeline.images.encode import encode_png, pixel_sha256
from neckar.pipeline.results.layout import image_key
from neckar.pipeline.results.recovery import Unrecoverable, for_pair, recover
from neckar.pipeline.results.rows.arrow import row_to_metadata
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import NotFound, Store
from neckar.schemas.pair import Pair
from neckar.schemas.results import ResultRow
from neckar.schemas.settings import Settings
from tests.results.samples import ok_row, same, sha

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
KEY = image_key(sha("spec 5"))


def made_row(**changes: Any) -> ResultRow:
    return ok_row(5, evaluations=300, **({"pixel_sha256": pixel_sha256(PIXELS)} | changes))


def test_a_row_comes_back_whole(store: Store) -> None:
    png = encode_png(PIXELS, row_to_metadata(made_row()))
    store.put(KEY, png)
    expected = dataclasses.replace(made_row(), image_uri=KEY, image_sha256=hashlib.sha256(png).hexdigest())
    assert same(recover(store, KEY), expected)


def test_an_absent_picture_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        recover(store, KEY)


@pytest.mark.parametrize("length", [0, 10, 1000, -20, -1])
def test_a_picture_cut_off_is_made_again(folder: Path, length: int) -> None:
    store = LocalStore(folder)
    store.put(KEY, encode_png(PIXELS, row_to_metadata(made_row()))[:length])
    with pytest.raises(Unrecoverable, match=f"{sha('spec 5')}.png: "):
        recover(store, KEY)


def test_a_picture_with_a_flipped_byte_is_made_again(folder: Path) -> None:
    store = LocalStore(folder)
    png = bytearray(encode_png(PIXELS, row_to_metadata(made_row())))
    png[-200] ^= 1  # within the pixels, which come last
    store.put(KEY, bytes(png))
    with pytest.raises(Unrecoverable):
        recover(store, KEY)


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({}, "version None"),
        (row_to_metadata(made_row(spec_hash=sha("another"))), "another image"),
        (row_to_metadata(made_row(spec_hash=None)), "another image"),
        (row_to_metadata(made_row(status="failed")), "another image"),
        (row_to_metadata(made_row(pixel_sha256=sha("other pixels"))), "pixels are not those"),
        (row_to_metadata(made_row(pixel_sha256=None)), "pixels are not those"),
        (row_to_metadata(made_row()) | {"height_px": "tall"}, "damaged"),
    ],
)
def test_a_picture_that_is_not_the_promised_one_is_made_again(
    folder: Path, metadata: dict[str, Any], told: str
) -> None:
    store = LocalStore(folder)
    store.put(KEY, encode_png(PIXELS, metadata))
    with pytest.raises(Unrecoverable, match=told):
        recover(store, KEY)


def test_somebody_elses_png_is_made_again(folder: Path) -> None:
    import io

    from PIL import Image

    store = LocalStore(folder)
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "PNG")
    store.put(KEY, file.getvalue())
    with pytest.raises(Unrecoverable, match="no metadata of Neckar's"):
        recover(store, KEY)


def test_another_pair_may_have_the_same_picture() -> None:
    row = dataclasses.replace(made_row(), image_uri=KEY)
    pair = Pair(9, "again", "s3://elsewhere/a.jpg", None, Settings(init="s3://elsewhere/start.png"), {"exemplar": "2"})
    other = for_pair(row, pair, attempts=2)
    assert (other.pair_index, other.pair_id, other.levels, other.attempts) == (9, "again", {"exemplar": "2"}, 2)
    assert (other.content_uri, other.style_uri) == ("s3://elsewhere/a.jpg", None)
    assert other.init == "s3://elsewhere/start.png"
    assert (other.spec_hash, other.image_uri, other.loss_trace) == (row.spec_hash, KEY, row.loss_trace)
