"""Input pictures by URI, each fetched, decoded and resized once for all the pairs that share it."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from neckar.pipeline.images.decode import decode_at
from neckar.pipeline.images.frame import Size
from neckar.pipeline.storage.access import read_uri
from neckar.schemas.fields import Crop, Fit, Resample

CACHE_BYTES = 512 << 20  # some 650 pictures at 256 px; a factorial comes back to the same few
DECODERS = 2  # at a time
HEAVY_BYTES = 64 << 20  # files of which one at a time: a 16-bit TIFF of a hundred megapixels takes 1.6 GiB


@dataclass(frozen=True, slots=True)
class Picture:
    """An input as the network sees it.

    Attributes:
        sha256: of the file, hex.
        key: name for caches; equal keys mean equal pixels.
        pixels: (H, W, 3) float32 RGB 0-255; shared, not to be written to.
        warnings: of what is damaged or unusable beside whole pixels, a line each.
    """

    sha256: str
    key: str
    pixels: np.ndarray
    warnings: tuple[str, ...] = ()


_Place = tuple[str, Size, Resample, Fit, Crop]


class Pictures:
    """A cache that forgets the least recently used. Safe to use from several threads.

    Args:
        capacity_bytes: of pixels held.
    """

    def __init__(self, capacity_bytes: int = CACHE_BYTES) -> None:
        self._capacity = capacity_bytes
        self._held: OrderedDict[_Place, Picture] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._decoding = threading.Semaphore(DECODERS)
        self._one_heavy = threading.Lock()
        self.reads = 0  # objects fetched; tests read it

    def at(self, uri: str, size: Size, resample: Resample, fit: Fit = "crop", crop: Crop = "none") -> Picture:
        """The picture at a size; `fit` and `crop` as `resize` has them.

        Raises:
            PairError: it cannot be decoded or is too large or small.
            StoreError: it cannot be fetched.
        """
        key = (uri, size, resample, fit, crop)
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
            self.reads += 1
        data = read_uri(uri)
        warnings: list[str] = []
        with self._one_heavy if len(data) > HEAVY_BYTES else nullcontext(), self._decoding:
            pixels = decode_at(data, size, resample, fit=fit, crop=crop, name=uri, warn=warnings.append)
        sha256 = hashlib.sha256(data).hexdigest()
        height, width, _ = pixels.shape
        picture = Picture(sha256, f"{sha256}:{height}x{width}:{resample}:{fit}:{crop}", pixels, tuple(warnings))
        with self._lock:
            self._keep(key, picture)
        return picture

    def _keep(self, key: _Place, picture: Picture) -> None:
        if key in self._held:
            return  # another thread was as quick
        self._held[key] = picture
        self._bytes += picture.pixels.nbytes
        while self._bytes > self._capacity and len(self._held) > 1:
            _, gone = self._held.popitem(last=False)
            self._bytes -= gone.pixels.nbytes
