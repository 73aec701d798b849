"""PNG's own words for its colours: gAMA, cHRM, cICP."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from neckar.pipeline.images.decode import decode
from neckar.schemas.errors import ErrorCode, PairError
from tests.images.files import GREY, RGB, gradient, pillow, png, with_chunk

PIXELS = gradient(24, 32)
DISPLAY_P3 = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
SRGB = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


def gamma(exponent: float) -> bytes:
    return struct.pack(">I", round(exponent * 100_000))


def seen(data: bytes) -> np.ndarray:
    return decode(data, name="x", warn=pytest.fail)


def encoded(light: np.ndarray) -> np.ndarray:
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("exponent", [1.0, 1 / 1.8, 0.25, 0.7])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("colour", [GREY, RGB])
def test_levels_of_another_exponent_are_seen_as_their_light(exponent: float, bits: int, colour: int) -> None:
    samples = PIXELS[..., :1] if colour == GREY else PIXELS
    stored = samples.astype(np.uint16) * 257 if bits == 16 else samples
    light = (samples / 255) ** (1 / exponent)
    found = seen(with_chunk(png(stored, colour, bits), b"gAMA", gamma(exponent)))
    assert np.abs(found - encoded(light)).max() < 0.01


def test_a_linear_stimulus_of_mid_light_is_not_dark() -> None:
    flat = np.full((16, 16, 1), 113, np.uint8)
    found = seen(with_chunk(png(flat, GREY, 8), b"gAMA", gamma(1)))
    assert np.abs(found - encoded(np.float64(113 / 255))).max() < 0.01
    assert found.mean() > 176


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"gAMA", gamma(1 / 2.2))],
        [(b"gAMA", gamma(1 / 2.25))],
        [(b"cHRM", struct.pack(">8I", *SRGB))],
        [(b"gAMA", gamma(1 / 2.2)), (b"cHRM", struct.pack(">8I", *SRGB))],
        [(b"gAMA", gamma(1)), (b"sRGB", b"\0")],
        [(b"gAMA", gamma(1)), (b"cICP", bytes([1, 13, 0, 1]))],
    ],
)
def test_what_means_srgb_changes_nothing(chunks: list[tuple[bytes, bytes]]) -> None:
    data = png(PIXELS, RGB, 8)
    for kind, content in chunks:
        data = with_chunk(data, kind, content)
    assert np.array_equal(seen(data), PIXELS)


def test_wide_primaries_agree_with_the_profile_of_the_same_space() -> None:
    """Display P3 three times: as cICP, as cHRM, and through lcms with the profile that imagecodecs makes of it."""
    muted = (PIXELS // 2 + 64).astype(np.uint8)  # within sRGB
    plain = png(muted, RGB, 8)
    by_code = seen(with_chunk(plain, b"cICP", bytes([12, 13, 0, 1])))
    by_primaries = seen(with_chunk(plain, b"cHRM", struct.pack(">8I", *DISPLAY_P3)))
    x = np.linspace(0, 1, 4096)
    curve = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    profile = imagecodecs.cms_profile(
        "rgb",
        whitepoint=[0.3127, 0.3290, 1],
        primaries=[0.680, 0.320, 1, 0.265, 0.690, 1, 0.150, 0.060, 1],
        transferfunction=(curve * 65535).astype(np.uint16),
    )
    by_profile = seen(pillow(muted, "PNG", icc_profile=profile))
    assert np.abs(by_code - by_primaries).max() < 0.1
    assert np.abs(by_code - by_profile).max() < 1
    assert np.abs(by_code - muted).max() > 5


def test_a_profile_goes_before_gamma() -> None:
    data = pillow(PIXELS, "PNG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert np.array_equal(seen(with_chunk(data, b"gAMA", gamma(1))), PIXELS)


@pytest.mark.parametrize("transfer", [1, 6, 14, 15])
def test_the_curve_of_television(transfer: int) -> None:
    levels = PIXELS / 255
    light = np.where(levels < 0.081, levels / 4.5, ((levels + 0.099) / 1.099) ** (1 / 0.45))
    found = seen(with_chunk(png(PIXELS, RGB, 8), b"cICP", bytes([1, transfer, 0, 1])))
    assert np.abs(found - encoded(light)).max() < 0.01


@pytest.mark.parametrize("code", [[9, 16, 0, 1], [9, 18, 0, 1], [1, 13, 1, 1], [1, 13, 0, 0], [22, 13, 0, 1]])
def test_colours_of_films_are_refused_by_name(code: list[int]) -> None:
    with pytest.raises(PairError, match=r"its cICP chunk asks for colours that Neckar does not know") as caught:
        decode(with_chunk(png(PIXELS, RGB, 8), b"cICP", bytes(code)), name="x")
    assert caught.value.code == ErrorCode.IMAGE_UNSUPPORTED


@pytest.mark.parametrize(
    ("kind", "content", "told"),
    [
        (b"gAMA", gamma(0), "its gAMA chunk says 0, which nobody means; passed over"),
        (b"gAMA", b"\0", "its gAMA chunk says 0, which nobody means; passed over"),
        (b"cHRM", struct.pack(">8I", *[0] * 8), "its cHRM chunk has primaries that span no colours; passed over"),
        (b"cHRM", struct.pack(">8I", *[31270, 32900] * 4), "its cHRM chunk has primaries that span no colours"),
        (b"cHRM", b"abc", "its cHRM chunk has primaries that span no colours; passed over"),
    ],
)
def test_nonsense_is_told_and_passed_over(kind: bytes, content: bytes, told: str) -> None:
    warnings: list[str] = []
    found = decode(with_chunk(png(PIXELS, RGB, 8), kind, content), name="x", warn=warnings.append)
    assert np.array_equal(found, PIXELS)
    assert warnings[0].startswith(f"x: {told}")


def test_transparency_and_palettes_have_it_too() -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((16, 16), 113, np.uint8)).convert("P").save(file, "PNG")
    found = seen(with_chunk(file.getvalue(), b"gAMA", gamma(1)))
    assert np.abs(found - encoded(np.float64(113 / 255))).max() < 0.01
