"""From a file's samples to sRGB: embedded profile, ink, transparency over mid-grey, orientation."""

from __future__ import annotations

import imagecodecs
import numpy as np
from PIL import ImageCms

from neckar.pipeline.images.encoding import to_srgb_levels
from neckar.pipeline.images.samples import CHANNELS, Samples, Space, Warn

MID_GREY = 128.0  # what shines through: the level nearest to the middle of 0-255
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
_PROFILE_SPACES: dict[bytes, Space] = {b"GRAY": "gray", b"RGB ": "rgb", b"CMYK": "cmyk"}  # ICC.1 7.2.6
# Unoptimised, lcms keeps 16 bits: its precalculated table was off by 20 levels of 255 for Adobe RGB. Relative
# colorimetric with black point compensation is what image editors do.
_FLAGS = imagecodecs.CMS.FLAGS.NOOPTIMIZE | imagecodecs.CMS.FLAGS.BLACKPOINTCOMPENSATION
_INTENT = imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC


def to_srgb(samples: Samples, warn: Warn) -> np.ndarray:
    """The picture as an observer sees it: (H, W, 3) float32, sRGB 0-255, upright, opaque.

    A profile that cannot be used is passed over with a warning, as browsers do.
    """
    values, alpha = samples.values, _unit(samples.alpha) if samples.alpha is not None else None
    if samples.premultiplied and alpha is not None:
        full = np.iinfo(values.dtype).max
        straight = values / np.maximum(alpha, 1.0 / full)[..., None]
        values = np.rint(np.clip(straight, 0, full)).astype(values.dtype)
    rgb = _profiled(values, samples, warn)
    if rgb is None:
        rgb = _told(values, samples)
    if alpha is not None:
        rgb = rgb * alpha[..., None] + np.float32(MID_GREY) * (1 - alpha[..., None])
    return np.ascontiguousarray(_upright(rgb, samples.orientation), dtype=np.float32)


def _unit(values: np.ndarray) -> np.ndarray:
    """Samples on the scale 0-1, float32."""
    return values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)


def _told(values: np.ndarray, samples: Samples) -> np.ndarray:
    """Without a profile: by the numbers in the file, or else as it is."""
    if samples.encoding is None or samples.space == "cmyk":
        return _plain(values, samples.space)
    levels = to_srgb_levels(values, samples.encoding)
    return np.repeat(levels, 3, axis=-1) if samples.space == "gray" else levels


def _plain(values: np.ndarray, space: Space) -> np.ndarray:
    """Without a profile: grey and RGB are taken for sRGB, ink for ideal ink."""
    full = np.float32(np.iinfo(values.dtype).max / 255)  # 1 or 257: 8-bit levels stay whole numbers
    levels = values.astype(np.float32) / full
    if space == "gray":
        return np.repeat(levels, 3, axis=-1)
    if space == "cmyk":
        return (255 - levels[..., :3]) * (255 - levels[..., 3:]) / np.float32(255)
    return levels


def _profiled(values: np.ndarray, samples: Samples, warn: Warn) -> np.ndarray | None:
    """Through the embedded profile, or None where there is none, or it is unusable, or it is sRGB's own."""
    if samples.profile is None:
        return None
    space = _PROFILE_SPACES.get(samples.profile[16:20])
    if space == "rgb" and samples.space == "gray":
        values = np.repeat(values, 3, axis=-1)
    elif space != samples.space:
        warn("its colour profile is for another kind of picture; passed over")
        return None
    try:
        if space != "cmyk" and _is_identity(samples.profile, space):
            return None
        return _transformed(values, samples.profile, space)
    except imagecodecs.CmsError as error:
        warn(f"its colour profile cannot be used ({error}); passed over")
        return None


def _is_identity(profile: bytes, space: Space) -> bool:
    """Whether a profile changes no colour by a visible amount; most are sRGB under some name."""
    ramp = np.linspace(0, 255, 8).astype(np.uint8)
    axes = np.meshgrid(*[ramp] * CHANNELS[space], indexing="ij")
    probe = np.stack(axes, axis=-1).reshape(1, -1, CHANNELS[space])
    return bool(np.abs(_transformed(probe, profile, space) - _plain(probe, space)).max() < 1)


def _transformed(values: np.ndarray, profile: bytes, space: Space) -> np.ndarray:
    result = imagecodecs.cms_transform(
        np.ascontiguousarray(values[..., 0] if space == "gray" else values),
        profile,
        _SRGB,
        colorspace=space,
        outcolorspace="rgb",
        outdtype="uint16",
        intent=_INTENT,
        flags=_FLAGS,
    )
    return np.asarray(result, np.float32) / np.float32(257)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo EXIF's orientation (tag 0x0112): first the transposition of 5-8, then the mirrors."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
