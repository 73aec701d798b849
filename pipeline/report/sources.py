"""The content and style pictures of a run, once each, as small as a page shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from neckar.pipeline.report.table import Numbers, PairTable, Words
from neckar.pipeline.report.thumbnails import source, webp
from neckar.pipeline.storage.access import read_uri
from neckar.pipeline.storage.store import StoreError
from neckar.schemas.errors import PairError

LARGE_PX, SMALL_PX = 512, 128  # longest side; the small one where there are many
MANY = 400
_WORKERS = 4


def source_uris(table: PairTable) -> list[str]:
    """All of them, contents first."""
    levels = (table.words(f"{side}_uri").levels for side in ("content", "style"))
    return list(dict.fromkeys(uri for of_side in levels for uri in of_side))


def side_px(table: PairTable, uris: list[str]) -> int:
    """The longest side they are kept at: that of the largest result, within limits."""
    if len(uris) > MANY:
        return SMALL_PX
    sides = [column.values for column in table.columns.values() if column.of in {"height_px", "width_px"}]
    largest = max((float(values.values[values.present].max()) for values in _numbers(sides)), default=0.0)
    return int(min(LARGE_PX, max(SMALL_PX, largest)))


def source_files(uris: list[str], side: int, tell: Callable[[int], None] = lambda _: None) -> Iterator[bytes | None]:
    """Their files as WebP, in order; None where one is gone since, or cannot be read."""

    def one(uri: str) -> bytes | None:
        try:
            return webp(source(read_uri(uri), side, uri))
        except (StoreError, PairError):
            return None

    with ThreadPoolExecutor(_WORKERS) as workers:
        for number, data in enumerate(workers.map(one, uris), start=1):
            yield data
            tell(number)


def _numbers(columns: list[Words | Numbers]) -> Iterator[Numbers]:
    for values in columns:
        if isinstance(values, Numbers) and values.present.any():
            yield values
