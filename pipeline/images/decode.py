"""From a file's bytes to what an observer sees: float RGB, whatever the file's format, depth and colours."""

from __future__ import annotations

import logging
import re

import numpy as np

from neckar.pipeline.images.colour import to_srgb
from neckar.pipeline.images.frame import Frame, Size
from neckar.pipeline.images.jpeg import open_jpeg
from neckar.pipeline.images.kind import Kind, image_kind
from neckar.pipeline.images.png import open_png
from neckar.pipeline.images.resize import resize
from neckar.pipeline.images.samples import Opened, UnsupportedPicture, Warn
from neckar.pipeline.images.shrink import least_side, shrunk
from neckar.pipeline.images.tiff import open_tiff
from neckar.pipeline.images.webp import open_webp
from neckar.schemas.errors import ErrorCode, PairError
from neckar.schemas.fields import SIZE_MIN_PX, Crop, Fit, Resample

MAX_PIXELS = 100_000_000  # a medium-format photograph; decoded it holds 1.2 GB
_REASON_MAX = 200  # characters of a decoder's own words
_ADDRESSED = re.compile(r"<[^<>]* at 0x[0-9a-fA-F]+>")  # an object of Python's, of no use to anybody

log = logging.getLogger(__name__)


def decode(data: bytes, *, name: str, max_pixels: int = MAX_PIXELS, warn: Warn = log.warning) -> np.ndarray:
    """A picture's pixels: (H, W, 3) float32 RGB 0-255, sRGB, upright, transparency over mid-grey (level 128).

    PNG, JPEG, WebP and TIFF; the first picture of several. 8-bit sRGB files give whole numbers; 16-bit ones and those
    with another colour profile keep their precision.

    Args:
        data: the file.
        name: what to call it in messages, its URI.
        max_pixels: the limit on width x height, looked at before anything is decoded.
        warn: told, in a line, of what is damaged or unusable beside whole pixels.

    Raises:
        PairError: `IMAGE_UNSUPPORTED`, `IMAGE_UNREADABLE` (empty, cut off or corrupt), `IMAGE_TOO_LARGE`.
    """
    return _decoded(data, None, name, max_pixels, warn)[0]


def decode_at(
    data: bytes,
    size: Size,
    resample: Resample,
    *,
    fit: Fit = "crop",
    crop: Crop = "none",
    name: str,
    max_pixels: int = MAX_PIXELS,
    warn: Warn = log.warning,
) -> np.ndarray:
    """As `decode` and then `resize`, but more than 16 Mpx are made smaller on the way, to four times what is wanted.

    Raises:
        PairError: as both.
    """
    pixels, frame = _decoded(data, size, name, max_pixels, warn, crop)
    return resize(pixels, size, resample, fit=fit, crop=crop, frame=frame, name=name)


def check(data: bytes, *, name: str, max_pixels: int = MAX_PIXELS, warn: Warn = log.warning) -> None:
    """Find every mistake that `decode` would, in less memory and time.

    Raises:
        PairError: as `decode`.
    """
    _decoded(data, SIZE_MIN_PX, name, max_pixels, warn)


def _decoded(
    data: bytes, size: Size | None, name: str, max_pixels: int, warn: Warn, crop: Crop = "none"
) -> tuple[np.ndarray, Frame]:
    """The pixels, and how the whole picture lies in them."""
    if not data:
        raise PairError(ErrorCode.IMAGE_UNREADABLE, f"{name}: the file is empty; upload it again")

    def tell(what: str) -> None:
        warn(f"{name}: {_in_a_line(what)}")

    kind: Kind | None = None
    try:
        kind = image_kind(data)
        opened = _opened(data, kind, tell)
        _check_size(opened, name, max_pixels)
        square = crop == "center_square" and isinstance(size, int)
        least = least_side(opened.height, opened.width, (size, size) if square else size)  # type: ignore[arg-type]
        samples = shrunk(opened.read(least), least)
        return to_srgb(samples, tell), Frame.upright(opened.height, opened.width, samples)
    except UnsupportedPicture as unsupported:
        raise PairError(ErrorCode.IMAGE_UNSUPPORTED, f"{name}: {_in_a_line(str(unsupported))}") from unsupported
    except PairError:
        raise
    except MemoryError as error:
        message = f"{name}: this machine has not the memory to decode it; make it smaller first"
        raise PairError(ErrorCode.IMAGE_TOO_LARGE, message) from error
    except Exception as error:  # decoders raise almost anything on broken bytes
        reason = _in_a_line(str(error))[:_REASON_MAX] or type(error).__name__
        message = f"{name}: a {kind} file that is cut off or corrupt ({reason}); replace it"
        raise PairError(ErrorCode.IMAGE_UNREADABLE, message) from error


def _opened(data: bytes, kind: Kind, warn: Warn) -> Opened:
    if kind == "PNG":
        return open_png(data, warn)
    if kind == "TIFF":
        return open_tiff(data, warn)
    if kind == "JPEG":
        return open_jpeg(data, warn)
    return open_webp(data)


def _in_a_line(text: str) -> str:
    return " ".join(_ADDRESSED.sub("it", text).split())


def _check_size(opened: Opened, name: str, max_pixels: int) -> None:
    if opened.width * opened.height > max_pixels:
        raise PairError(
            ErrorCode.IMAGE_TOO_LARGE,
            f"{name}: {opened.width} x {opened.height} px are more than the limit of {max_pixels:,} pixels;"
            " make it smaller first",
        )
