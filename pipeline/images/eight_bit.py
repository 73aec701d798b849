"""JPEG, WebP and TIFF of up to 8 bits a sample, through Pillow."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from PIL import Image

from neckar.pipeline.images.exif import orientation
from neckar.pipeline.images.jpeg import is_whole
from neckar.pipeline.images.samples import Opened, Samples, Space, UnsupportedPicture

Image.MAX_IMAGE_PIXELS = None  # `decode` checks every size against its own limit, before any pixel is decoded

_OPAQUE: dict[str, Space] = {"L": "gray", "RGB": "rgb", "CMYK": "cmyk"}
_CONVERTED = {"1": "L", "P": "RGB", "PA": "RGBA", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB"}


def open_eight_bit(data: bytes, kind: Literal["JPEG", "WEBP", "TIFF"]) -> Opened:
    """The header of a file of one kind. Raises what Pillow raises on broken bytes."""
    image = Image.open(io.BytesIO(data), formats=(kind,))
    if kind == "JPEG" and not is_whole(data):
        raise OSError("the file is cut off")
    return Opened(image.width, image.height, lambda: _read(image))


def _read(image: Image.Image) -> Samples:
    image.load()  # raises where the file is cut off
    profile = image.info.get("icc_profile")
    # After loading: Pillow turns TIFFs upright itself, and then forgets their orientation.
    upright = orientation(image.getexif)
    if image.has_transparency_data and image.mode in ("1", "L", "P", "RGB"):
        image = image.convert("RGBA")
    elif image.mode in _CONVERTED:
        image = image.convert(_CONVERTED[image.mode])
    values = np.asarray(image)
    values = values[..., None] if values.ndim == 2 else values
    if image.mode in _OPAQUE:
        return Samples(values, _OPAQUE[image.mode], profile=profile, orientation=upright)
    if image.mode in ("LA", "RGBA"):
        space: Space = "gray" if image.mode == "LA" else "rgb"
        return Samples(values[..., :-1], space, values[..., -1], profile=profile, orientation=upright)
    raise UnsupportedPicture(f"its colours are in Pillow's mode {image.mode}; save it as RGB")
