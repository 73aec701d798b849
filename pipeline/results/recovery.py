"""Taking a result back from its PNG: the picture was written, its row was not, or stands under another pair."""

from __future__ import annotations

import dataclasses
import hashlib

from neckar.pipeline.images.encode import pixel_sha256, read_levels, read_metadata
from neckar.pipeline.results.layout import spec_hash_of
from neckar.pipeline.results.rows.arrow import metadata_to_row
from neckar.pipeline.storage.store import Store
from neckar.schemas.pair import Pair
from neckar.schemas.results import ResultRow


class Unrecoverable(Exception):  # noqa: N818  # named for what is the case, as the store's errors are
    """There is an object, but it is not the whole picture its key promises: make it again and write over it."""


def recover(store: Store, key: str) -> ResultRow:
    """The `ok` row of an image, from the metadata in its own PNG and checked against its pixels.

    It names the pair that made the image first; `for_pair` makes it another's.

    Args:
        store: of the run.
        key: `layout.image_key(spec_hash)`.

    Raises:
        NotFound: no such image.
        Unrecoverable: empty, truncated, without metadata, of another spec, or its pixels are not those hashed.
        StoreError: as the store says.
    """
    data = store.get(key)
    place = f"{store.uri}/{key}"
    try:
        metadata = read_metadata(data)
        if metadata is None:
            raise Unrecoverable(f"{place}: carries no metadata of Neckar's")
        row = metadata_to_row(metadata)
        pixels = read_levels(data)
    except ValueError as error:
        raise Unrecoverable(f"{place}: {error}") from error
    if row.status != "ok" or row.spec_hash is None or row.spec_hash != spec_hash_of(key):
        raise Unrecoverable(f"{place}: its metadata tells of another image, {row.spec_hash}")
    if row.pixel_sha256 != pixel_sha256(pixels):
        raise Unrecoverable(f"{place}: its pixels are not those its metadata tells of")
    return dataclasses.replace(row, image_uri=key, image_sha256=hashlib.sha256(data).hexdigest())


def for_pair(row: ResultRow, pair: Pair, *, attempts: int = 1) -> ResultRow:
    """The same image as the result of a pair that asks for it too: everything but the pair's own names stays."""
    return dataclasses.replace(
        row,
        pair_index=pair.index,
        pair_id=pair.pair_id,
        levels=dict(pair.levels),
        extra=dict(pair.extra),
        content_uri=pair.content,
        style_uri=pair.style,
        init=pair.settings.init,
        attempts=attempts,
    )
