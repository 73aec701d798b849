"""TIFF: deep samples through tifffile, which keeps all 16 bits; everything else through Pillow."""

from __future__ import annotations

import io
import logging

import numpy as np
from tifffile import TiffFile, TiffFrame, TiffPage

from neckar.pipeline.images.eight_bit import open_eight_bit
from neckar.pipeline.images.samples import CHANNELS, Opened, Samples, Space, UnsupportedPicture

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # it logs every oddity of a tag; what matters is raised

# TIFF 6.0, PhotometricInterpretation: what the first channels are; white is zero in 0
_SPACES: dict[int, Space] = {0: "gray", 1: "gray", 2: "rgb", 5: "cmyk"}
_ASSOCIATED, _UNASSOCIATED = 1, 2  # ExtraSamples: alpha that is, or is not, multiplied into the colours
_UNSIGNED = 1  # SampleFormat
_DEEPEST_BITS = 16
_SAMPLES_MAX = 8  # of a pixel: four inks, alpha, and some that nobody looks at; more would only cost memory
_ICC_PROFILE, _ORIENTATION = 34675, 274


def open_tiff(data: bytes) -> Opened:
    """The header of the first picture. Raises `UnsupportedPicture`, and what the decoders raise on broken bytes."""
    with TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
    if page.sampleformat != _UNSIGNED or page.bitspersample > _DEEPEST_BITS:
        raise UnsupportedPicture(
            f"its samples are {page.bitspersample}-bit of TIFF's format {page.sampleformat}, whose white is not"
            " defined; save it with 8 or 16 bits unsigned"
        )
    if page.bitspersample <= 8:
        return open_eight_bit(data, "TIFF")
    space = _SPACES.get(page.photometric)
    if space is None or page.imagedepth != 1 or not CHANNELS[space] <= page.samplesperpixel <= _SAMPLES_MAX:
        colours = f"{page.photometric!s} with {page.samplesperpixel} channels"
        raise UnsupportedPicture(f"its pixels are {colours}; save it as flat RGB")
    return Opened(page.imagewidth, page.imagelength, lambda: _read(data))


def _read(data: bytes) -> Samples:
    with TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        _check_whole(page, len(data))
        values = page.asarray(squeeze=False, maxworkers=1)  # (planes, 1, H, W, samples of a plane)
    values = np.moveaxis(values[:, 0], 0, -2).reshape(page.imagelength, page.imagewidth, -1)
    if page.bitspersample < _DEEPEST_BITS:
        values = np.rint(values * (65535.0 / (2**page.bitspersample - 1))).astype(np.uint16)
    if page.photometric == 0:
        values = 65535 - values
    space = _SPACES[page.photometric]
    colours = CHANNELS[space]
    extra = page.extrasamples[0] if page.extrasamples else 0
    return Samples(
        values=values[..., :colours],
        space=space,
        alpha=values[..., colours] if extra in (_ASSOCIATED, _UNASSOCIATED) else None,
        premultiplied=extra == _ASSOCIATED,
        profile=page.tags.valueof(_ICC_PROFILE),
        orientation=page.tags.valueof(_ORIENTATION, 1),
    )


def _check_whole(page: TiffPage | TiffFrame, size: int) -> None:
    """Every strip and tile lies within the file: a missing one would come out black."""
    pieces = zip(page.dataoffsets, page.databytecounts, strict=True)
    if not page.dataoffsets or any(count == 0 or start + count > size for start, count in pieces):
        raise ValueError("the file is cut off")
