"""From a file's bytes to what an observer sees: float RGB, whatever the file's format, depth and colours."""

from __future__ import annotations

import numpy as np

from neckar.pipeline.images.colour import to_srgb
from neckar.pipeline.images.eight_bit import open_eight_bit
from neckar.pipeline.images.kind import Kind, image_kind
from neckar.pipeline.images.png import open_png
from neckar.pipeline.images.samples import Opened, UnsupportedPicture
from neckar.pipeline.images.tiff import open_tiff
from neckar.schemas.errors import ErrorCode, PairError

MAX_PIXELS = 100_000_000  # a medium-format photograph; decoded it holds 1.2 GB
_REASON_MAX = 200  # characters of a decoder's own words


def decode(data: bytes, *, name: str, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """A picture's pixels: (H, W, 3) float32 RGB 0-255, sRGB, upright, transparency over mid-grey (level 128).

    PNG, JPEG, WebP and TIFF; the first frame of several. 8-bit sRGB files give whole numbers; 16-bit ones and those
    with another colour profile keep their precision.

    Args:
        data: the file.
        name: what to call it in messages, its URI.
        max_pixels: the limit on width x height, looked at before anything is decoded.

    Raises:
        PairError: `IMAGE_UNSUPPORTED`, `IMAGE_UNREADABLE` (empty, cut off or corrupt), `IMAGE_TOO_LARGE`.
    """
    if not data:
        raise PairError(ErrorCode.IMAGE_UNREADABLE, f"{name}: the file is empty; upload it again")
    kind: Kind | None = None
    try:
        kind = image_kind(data)
        opened = _opened(data, kind)
        _check_size(opened, name, max_pixels)
        return to_srgb(opened.read(), name)
    except UnsupportedPicture as unsupported:
        raise PairError(ErrorCode.IMAGE_UNSUPPORTED, f"{name}: {unsupported}") from unsupported
    except PairError:
        raise
    except MemoryError as error:
        message = f"{name}: this machine has not the memory to decode it; make it smaller first"
        raise PairError(ErrorCode.IMAGE_TOO_LARGE, message) from error
    except Exception as error:  # decoders raise almost anything on broken bytes
        reason = " ".join(str(error).split())[:_REASON_MAX] or type(error).__name__
        message = f"{name}: a {kind} file that is cut off or corrupt ({reason}); replace it"
        raise PairError(ErrorCode.IMAGE_UNREADABLE, message) from error


def _opened(data: bytes, kind: Kind) -> Opened:
    if kind == "PNG":
        return open_png(data)
    if kind == "TIFF":
        return open_tiff(data)
    return open_eight_bit(data, kind)


def _check_size(opened: Opened, name: str, max_pixels: int) -> None:
    if opened.width * opened.height > max_pixels:
        raise PairError(
            ErrorCode.IMAGE_TOO_LARGE,
            f"{name}: {opened.width} x {opened.height} px are more than the limit of {max_pixels:,} pixels;"
            " make it smaller first",
        )
