"""Small pictures on sheets: a hundred to a file of WebP, for a browser scrolls through few files better than many."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from neckar.pipeline.images.decode import decode, decode_at
from neckar.pipeline.storage.store import NotFound, StoreError
from neckar.schemas.errors import PairError

SIDE_PX = 72  # of a cell
ACROSS = 10  # cells of a sheet, in both directions
SHEET = ACROSS * ACROSS
_QUALITY = 42
_SOURCE_QUALITY = 80
_METHOD = 4  # of WebP's effort, 0-6
_WORKERS = 8  # most of it waits for the store, and Pillow lets go of Python while it works


def small(data: bytes, name: str) -> np.ndarray:
    """A picture within a cell, smaller if it is smaller: (h, w, 3) uint8 sRGB. Raises `PairError`."""
    return fitted(decode(data, name=name), SIDE_PX)


def source(data: bytes, side_px: int, name: str) -> np.ndarray:
    """A content or a style picture, its longest side at most so long: (h, w, 3) uint8 sRGB. Raises `PairError`."""
    return fitted(decode_at(data, side_px, "lanczos", name=name), side_px)


def fitted(pixels: np.ndarray, side_px: int) -> np.ndarray:
    """Made smaller, never larger: (h, w, 3) uint8."""
    levels: np.ndarray = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    if max(levels.shape[:2]) <= side_px:
        return levels
    picture = Image.fromarray(levels)
    picture.thumbnail((side_px, side_px), Image.Resampling.LANCZOS, reducing_gap=3)
    return np.asarray(picture)


def webp(levels: np.ndarray, *, quality: int = _SOURCE_QUALITY) -> bytes:
    """A picture's file."""
    out = io.BytesIO()
    Image.fromarray(levels).save(out, "WEBP", quality=quality, method=_METHOD)
    return out.getvalue()


def sheets(
    count: int, read: Callable[[int], bytes | None], tell: Callable[[int], None] = lambda _: None
) -> Iterator[tuple[bytes | None, list[tuple[int, int] | None]]]:
    """Sheets of so many pictures, one after the other, and the width and height of each; None where there is none.

    Args:
        count: of pictures.
        read: the file of a picture by its number; None where it has none. What it raises of `StoreError` and what
            cannot be decoded is none either: it is gone since.
        tell: hears how many are done.
    """

    def one(number: int) -> np.ndarray | None:
        """A cell, if its picture can be read."""
        try:
            data = read(number)
            return None if data is None else small(data, str(number))
        except (NotFound, PairError):
            return None
        except StoreError as error:
            if error.passing:
                raise
            return None

    with ThreadPoolExecutor(_WORKERS) as workers:
        for first in range(0, count, SHEET):
            numbers = range(first, min(first + SHEET, count))
            found = list(workers.map(one, numbers))
            yield _sheet(found), [None if cell is None else (cell.shape[1], cell.shape[0]) for cell in found]
            tell(numbers.stop)


def _sheet(cells: Sequence[np.ndarray | None]) -> bytes | None:
    if all(cell is None for cell in cells):
        return None
    rows = -(-len(cells) // ACROSS)
    sheet = np.full((rows * SIDE_PX, min(len(cells), ACROSS) * SIDE_PX, 3), 128, np.uint8)
    for number, cell in enumerate(cells):
        if cell is not None:
            y, x = number // ACROSS * SIDE_PX, number % ACROSS * SIDE_PX
            sheet[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
    return webp(sheet, quality=_QUALITY)
