"""What a file holds before it is colour: its own samples, and all that says how to see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Space = Literal["gray", "rgb", "cmyk"]
Transfer = float | Literal["srgb", "bt709"]  # from a level 0-1 to light 0-1: a power's exponent, or a curve's name
Warn = Callable[[str], None]
CHANNELS: dict[Space, int] = {"gray": 1, "rgb": 3, "cmyk": 4}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's levels mean light, where it says so by numbers and not by an ICC profile.

    Attributes:
        transfer: of the levels.
        chromaticities: x and y of white, red, green and blue (CIE 1931); None for sRGB's.
    """

    transfer: Transfer
    chromaticities: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """A decoded file.

    Attributes:
        values: (H, W, C) uint8 or uint16, full scale of their type; C as `space` has it. CMYK: 0 is no ink.
        space: of the values.
        alpha: (H, W) of the same type, or None where everything is opaque.
        premultiplied: whether the values are already multiplied by alpha.
        profile: the embedded ICC profile, or None for sRGB.
        encoding: where there is no profile; None for sRGB.
        orientation: EXIF's, 1 to 8.
        cell: px of the file that became one of `values` on either side; the last row and column may be of fewer.
    """

    values: np.ndarray
    space: Space
    alpha: np.ndarray | None = None
    premultiplied: bool = False
    profile: bytes | None = None
    encoding: Encoding | None = None
    orientation: int = 1
    cell: float = 1.0


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose header is read and whose pixels are not: the moment to look at its size.

    Attributes:
        width, height: px, as stored.
        read: decodes the first picture of the file, and may make it smaller on the way, but no longest side shorter
            than the px it is given; raises whatever its decoder raises on broken bytes.
    """

    width: int
    height: int
    read: Callable[[int | None], Samples]


class UnsupportedPicture(Exception):  # noqa: N818  # read as an adjective: the file is fine, but not for us
    """A kind of picture that Neckar does not decode; the message says what it is and what to save instead."""
