"""From levels whose light a file tells by numbers (PNG's gAMA, cHRM and cICP) to sRGB's levels."""

from __future__ import annotations

import numpy as np

from neckar.pipeline.images.samples import Encoding

# XYZ of D65 to linear sRGB (IEC 61966-2-1)
_TO_SRGB: np.ndarray = np.linalg.inv(
    np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
)
_D65 = (0.3127, 0.3290)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_BT709_SLOPE, _BT709_TOE, _BT709_POWER = 4.5, 0.081, 0.45
_SRGB_SLOPE, _SRGB_TOE, _SRGB_POWER = 12.92, 0.0031308, 2.4
_STRIP_PX = 1 << 20  # pixels at a time: matrices are of float64


def to_srgb_levels(values: np.ndarray, encoding: Encoding) -> np.ndarray:
    """(H, W, C) uint8 or uint16 of grey or RGB to float32 sRGB 0-255; what sRGB cannot show is clipped."""
    full = np.iinfo(values.dtype).max
    light = _light(np.arange(full + 1) / full, encoding)  # by level
    if encoding.chromaticities is None or values.shape[2] == 1:
        return np.asarray(_srgb(light)[values])
    matrix = _to_srgb_primaries(encoding.chromaticities).T
    result = np.empty(values.shape, np.float32)
    rows = max(1, _STRIP_PX // values.shape[1])
    for top in range(0, values.shape[0], rows):
        result[top : top + rows] = _srgb(light[values[top : top + rows]] @ matrix)
    return result


def _light(levels: np.ndarray, encoding: Encoding) -> np.ndarray:
    match encoding.transfer:
        case "srgb":
            return np.where(levels <= 0.04045, levels / _SRGB_SLOPE, ((levels + 0.055) / 1.055) ** _SRGB_POWER)
        case "bt709":
            curved = ((levels + 0.099) / 1.099) ** (1 / _BT709_POWER)
            return np.where(levels < _BT709_TOE, levels / _BT709_SLOPE, curved)
        case exponent:
            return levels**exponent


def _srgb(light: np.ndarray) -> np.ndarray:
    clipped = np.clip(light, 0, 1)
    curved = 1.055 * clipped ** (1 / _SRGB_POWER) - 0.055
    return np.asarray(255 * np.where(clipped <= _SRGB_TOE, clipped * _SRGB_SLOPE, curved), np.float32)


def _to_srgb_primaries(chromaticities: tuple[float, ...]) -> np.ndarray:
    """Linear RGB of these primaries to linear sRGB, white onto white (Bradford's adaptation)."""
    white, *corners = (_xyz(x, y) for x, y in zip(chromaticities[::2], chromaticities[1::2], strict=True))
    columns = np.transpose(corners)
    to_xyz = columns * np.linalg.solve(columns, white)
    gains = (_BRADFORD @ _xyz(*_D65)) / (_BRADFORD @ white)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD
    return np.asarray(_TO_SRGB @ adapted @ to_xyz)


def _xyz(x: float, y: float) -> np.ndarray:
    """XYZ of a chromaticity, luminance 1; primaries of no luminance keep their direction."""
    return np.array([x / y, 1.0, (1 - x - y) / y]) if y > 0 else np.array([x, 0.0, 1 - x])
