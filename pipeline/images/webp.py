"""WebP, through Pillow. The format has no checksum: where data inside a whole file is damaged, nothing can tell."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from neckar.pipeline.images.exif import orientation
from neckar.pipeline.images.samples import Opened, Samples


def open_webp(data: bytes) -> Opened:
    """The header of a WebP file. Raises what Pillow raises on broken bytes."""
    image = Image.open(io.BytesIO(data), formats=("WEBP",))
    return Opened(image.width, image.height, lambda _: _read(image))


def _read(image: Image.Image) -> Samples:
    image.load()  # raises where the file is cut off
    values = np.asarray(image)
    return Samples(
        values=values[..., :3],
        space="rgb",
        alpha=values[..., 3] if image.mode == "RGBA" else None,
        profile=image.info.get("icc_profile"),
        orientation=orientation(image.getexif),
    )
