"""TIFF through tifffile, which keeps all 16 bits; what it does not unpack, through libtiff."""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Iterator
from itertools import islice

import imagecodecs
import numpy as np
from tifffile import TIFF, TiffFile, TiffPage

from neckar.pipeline.images import jpeg
from neckar.pipeline.images.samples import CHANNELS, Opened, Samples, Space, UnsupportedPicture, Warn

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # it logs every oddity of a tag; what matters is raised

# TIFF 6.0, PhotometricInterpretation: what the first channels are; white is zero in 0
_SPACES: dict[int, Space] = {0: "gray", 1: "gray", 2: "rgb", 3: "rgb", 5: "cmyk", 6: "rgb"}
_PALETTE, _YCBCR = 3, 6
_SENSOR = {32803, 34892}  # a camera's colour filter array, and what it gives linearly
_JPEG = 7
_ASSOCIATED, _UNASSOCIATED = 1, 2  # ExtraSamples: alpha that is, or is not, multiplied into the colours
_UNSIGNED = 1  # SampleFormat
_DEEPEST_BITS = 16
_SAMPLES_MAX = 8  # of a pixel: four inks, alpha, and some that nobody looks at; more would only cost memory
_ICC_PROFILE, _ORIENTATION, _OLD_SUBFILE_TYPE, _INK_SET, _JPEG_TABLES, _DNG_VERSION = 34675, 274, 255, 332, 347, 50706
_PICTURE_TAGS = range(256, 348)  # NewSubfileType's neighbour to JPEGTables: what the samples are and where
_PAGES_MAX = 64  # looked at for a larger picture than the first


def open_tiff(data: bytes, warn: Warn) -> Opened:
    """The header of the first picture that is no thumbnail.

    Raises:
        UnsupportedPicture: no kind of picture that is decoded, or a camera's raw file.
        Exception: what tifffile raises on broken bytes.
    """
    with TiffFile(io.BytesIO(data)) as file:
        number, page = _picture(data, file, warn)
        _check_tags(data, file, page, warn)
        _check_supported(page)
        return Opened(page.imagewidth, page.imagelength, lambda _: _read(data, number))


def _picture(data: bytes, file: TiffFile, warn: Warn) -> tuple[int, TiffPage]:
    """The first page at full resolution, and its number among `_pages`."""
    pages = list(_pages(file))
    if not pages:
        raise ValueError("it has no page that can be read")
    if data[8:10] == b"CR" or any(page.photometric in _SENSOR or _DNG_VERSION in page.tags for page in pages):
        raise UnsupportedPicture("is a camera's raw file; develop it to TIFF, PNG or JPEG")
    number = next((number for number, page in enumerate(pages) if _is_picture(page)), None)
    if number is None:
        raise UnsupportedPicture("holds thumbnails or masks alone; save the picture itself")
    page = pages[number]
    largest = max((other for other in pages if _is_picture(other)), key=lambda other: other.imagewidth)
    if largest.imagewidth > page.imagewidth and largest.imagelength > page.imagelength:
        sizes = [f"{one.imagewidth} x {one.imagelength} px" for one in (page, largest)]
        warn(f"its first page ({sizes[0]}) is used, and a later one is larger ({sizes[1]})")
    return number, page


def _pages(file: TiffFile) -> Iterator[TiffPage]:
    """The chain of pages, each before the pages below it."""
    chain = islice(file.pages, _PAGES_MAX)
    for page in chain:
        whole = page if isinstance(page, TiffPage) else page.aspage()
        yield whole
        if whole.subifds:
            for below in islice(whole.pages or (), _PAGES_MAX):
                yield below if isinstance(below, TiffPage) else below.aspage()


def _is_picture(page: TiffPage) -> bool:
    """Neither a smaller copy of another page nor a mask (TIFF 6.0, NewSubfileType and SubfileType)."""
    return page.subfiletype & 0b101 == 0 and page.tags.valueof(_OLD_SUBFILE_TYPE, 1) != 2


def _check_tags(data: bytes, file: TiffFile, page: TiffPage, warn: Warn) -> None:
    """Every tag of the page was read: tifffile passes over those whose values lie beyond the file's end.

    One that decides what the samples mean is missed silently: without its bits a sample is one bit.
    """
    count, entry = ("Q", 20) if file.is_bigtiff else ("H", 12)
    order = file.byteorder
    entries = struct.unpack_from(order + count, data, page.offset)[0]
    first = page.offset + struct.calcsize(order + count)
    for number in range(entries):
        code = struct.unpack_from(order + "H", data, first + number * entry)[0]
        if code in page.tags:
            continue
        if code in _PICTURE_TAGS:
            raise ValueError(f"its tag {code} cannot be read")
        warn(f"its tag {code} cannot be read; passed over")


def _check_supported(page: TiffPage) -> None:
    bits, kind = page.bitspersample, page.sampleformat
    if isinstance(bits, tuple) or kind != _UNSIGNED or bits > _DEEPEST_BITS:
        raise UnsupportedPicture(
            f"is a TIFF whose samples are {bits}-bit of format {kind}, whose white is not defined; save it with 8 or 16"
            " bits unsigned"
        )
    space = _SPACES.get(page.photometric)
    least = 1 if page.photometric == _PALETTE else CHANNELS[space] if space else 0
    if (
        space is None
        or page.imagedepth != 1
        or not least <= page.samplesperpixel <= _SAMPLES_MAX
        or (page.photometric == _PALETTE and page.colormap is None)
        or (space == "cmyk" and page.tags.valueof(_INK_SET, 1) != 1)
    ):
        colours = f"{_name(page.photometric)} with {page.samplesperpixel} channels"
        raise UnsupportedPicture(f"is a TIFF whose pixels are {colours}; save it as flat RGB")
    try:
        TIFF.DECOMPRESSORS[page.compression]
    except KeyError as error:
        raise UnsupportedPicture(
            f"is a TIFF compressed with {_name(page.compression)}; save it with LZW or Deflate"
        ) from error


def _name(code: int) -> str:
    return str(getattr(code, "name", code))


def _read(data: bytes, number: int) -> Samples:
    with TiffFile(io.BytesIO(data)) as file:
        page = next(islice(_pages(file), number, None))
        _check_whole(page, data)
        if page.photometric == _YCBCR and page.compression != _JPEG:
            return _by_libtiff(data, file, page)
        values = page.asarray(squeeze=False, maxworkers=1)  # (planes, 1, H, W, samples of a plane)
    values = np.moveaxis(values[:, 0], 0, -2).reshape(page.imagelength, page.imagewidth, -1)
    space, extra = _SPACES[page.photometric], page.extrasamples[0] if page.extrasamples else 0
    colours = 1 if page.photometric == _PALETTE else CHANNELS[space]
    alpha = _full_scale(values[..., colours], page) if extra in (_ASSOCIATED, _UNASSOCIATED) else None
    if page.photometric == _PALETTE:
        values = _palette(page)[values[..., 0]]
        alpha = None if alpha is None else _of_type(alpha, values.dtype)
    else:
        values = _full_scale(values[..., :colours], page)
    if page.photometric == 0:
        values = np.iinfo(values.dtype).max - values
    return _samples(page, values, space, alpha, premultiplied=extra == _ASSOCIATED)


def _samples(
    page: TiffPage, values: np.ndarray, space: Space, alpha: np.ndarray | None = None, *, premultiplied: bool = False
) -> Samples:
    return Samples(
        values=values,
        space=space,
        alpha=alpha,
        premultiplied=premultiplied,
        profile=page.tags.valueof(_ICC_PROFILE),
        orientation=page.tags.valueof(_ORIENTATION, 1),
    )


def _by_libtiff(data: bytes, file: TiffFile, page: TiffPage) -> Samples:
    """YCbCr without JPEG: libtiff puts its halved colours together, and turns the picture upright itself."""
    if page.offset != file.pages.first.offset:
        raise UnsupportedPicture("is a TIFF of YCbCr behind a thumbnail; save it as flat RGB")
    if page.bitspersample != 8:
        raise UnsupportedPicture("is a TIFF of YCbCr that is not of 8 bits; save it as flat RGB")
    values = imagecodecs.tiff_decode(data, index=0, asrgb=True)
    return _samples(page, np.asarray(values)[..., :3], "rgb")


def _palette(page: TiffPage) -> np.ndarray:
    """(2^bits, 3) of 16 bits; of 8 where a writer put 8-bit levels into the upper halves."""
    colours = np.asarray(page.colormap, np.uint16).T
    return colours if (colours & 0xFF).any() else np.asarray(colours >> 8, np.uint8)


def _full_scale(values: np.ndarray, page: TiffPage) -> np.ndarray:
    """Samples of any number of bits as uint8 where that is exact, else as uint16."""
    top = 2**page.bitspersample - 1
    if page.bitspersample in (8, 16):
        return values
    if 255 % top == 0:
        return np.asarray(values * (255 // top), np.uint8)
    return np.asarray(np.rint(values * (65535.0 / top)), np.uint16)


def _of_type(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Alpha as deep as the colours."""
    if values.dtype == dtype:
        return values
    return np.asarray(values * np.uint16(257) if dtype == np.uint16 else values >> 8, dtype)


def _check_whole(page: TiffPage, data: bytes) -> None:
    """Every strip and tile lies within the file, and is whole: a missing one would come out black or grey."""
    pieces = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if not pieces or any(count == 0 or start + count > len(data) for start, count in pieces):
        raise ValueError("the file is cut off")
    if page.compression == _JPEG:
        tables = page.tags.valueof(_JPEG_TABLES)
        components = page.samplesperpixel if page.planarconfig == 1 else 1
        for start, count in pieces:
            piece = data[start : start + count]
            jpeg.check_whole(tables[:-2] + piece[2:] if tables else piece, components)
