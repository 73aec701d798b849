"""Embedded profiles and inks end as sRGB."""

from __future__ import annotations

import io
import logging
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from neckar.pipeline.images.decode import decode
from tests.images.files import RGB, encoded, gradient, ink_profile, pillow, png, tiff

PIXELS = gradient()
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
ADOBE = imagecodecs.cms_profile("adobergb")
LINEAR_GREY = imagecodecs.cms_profile("gray", whitepoint=[0.3457, 0.3585, 1.0], gamma=1.0)


def by_lcms_in_8_bits(pixels: np.ndarray, profile: bytes) -> np.ndarray:
    """The referee: Pillow's own colour management."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    image = ImageCms.profileToProfile(Image.fromarray(pixels), source, SRGB, renderingIntent=intent, outputMode="RGB")
    assert image is not None
    return np.asarray(image).astype(float)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_wide_gamut_picture_is_seen_in_its_own_colours(kind: str) -> None:
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    plain = pillow(PIXELS, kind, **options)
    stored = decode(plain, name="x").astype(np.uint8)
    found = decode(pillow(PIXELS, kind, icc_profile=ADOBE, **options), name="x")
    assert np.abs(found - by_lcms_in_8_bits(stored, ADOBE)).max() < 1.5
    assert np.abs(found - stored).max() > 10


def test_profiles_keep_16_bits() -> None:
    deep = PIXELS.astype(np.uint16) * 257
    in_png = decode(png(deep, RGB, 16, extra=encoded(b"iCCP", b"adobe\0\0" + zlib.compress(ADOBE))), name="x")
    in_tiff = decode(tiff(deep, iccprofile=ADOBE), name="x")
    in_8_bits = decode(pillow(PIXELS, "PNG", icc_profile=ADOBE), name="x")
    assert np.abs(in_png - in_8_bits).max() < 0.02
    assert np.array_equal(in_png, in_tiff)
    finer = decode(tiff(deep + np.uint16(128) * (deep < 65000), iccprofile=ADOBE), name="x")
    assert 0.1 < (finer - in_tiff).mean() < 0.9


@pytest.mark.parametrize("profile", [SRGB.tobytes(), imagecodecs.cms_profile("srgb")])
def test_srgb_under_any_name_changes_nothing(profile: bytes) -> None:
    assert np.array_equal(decode(pillow(PIXELS, "PNG", icc_profile=profile), name="x"), PIXELS)
    assert np.array_equal(decode(pillow(PIXELS[..., 0], "PNG", icc_profile=profile), name="x"), PIXELS[..., [0, 0, 0]])


def test_grey_has_profiles_too() -> None:
    """A linear .21404 is seen as middle grey."""
    data = pillow(np.full((16, 16), round(0.21404 * 255), np.uint8), "PNG", icc_profile=LINEAR_GREY)
    found = decode(data, name="x")
    assert np.abs(found - 127.5).max() < 1
    assert np.ptp(found) < 0.1


def test_transparency_is_applied_after_the_profile() -> None:
    clear = np.dstack([PIXELS, np.zeros(PIXELS.shape[:2], np.uint8)])
    assert (decode(pillow(clear, "PNG", icc_profile=ADOBE), name="x") == 128).all()


@pytest.mark.parametrize("profile", [b"garbage", ADOBE[:200] + bytes(300), LINEAR_GREY, b"\0" * 128])
def test_an_unusable_profile_is_passed_over_with_a_warning(profile: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = decode(pillow(PIXELS, "PNG", icc_profile=profile), name="s3://bucket/x.png")
    assert np.array_equal(found, PIXELS)
    assert ["s3://bucket/x.png: its colour profile" in record.message for record in caplog.records] == [True]


@pytest.mark.parametrize("depth", [8, 16])
def test_ink_without_a_profile(depth: int) -> None:
    """Each ink takes away its own colour, black all of them."""
    cmyk = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 255, 0], [0, 0, 0, 255], [0, 0, 0, 51]]])
    expected = [[255, 255, 255], [0, 255, 255], [255, 0, 255], [255, 255, 0], [0, 0, 0], [204, 204, 204]]
    stored = (cmyk * (257 if depth == 16 else 1)).astype(np.uint16 if depth == 16 else np.uint8)
    found = decode(tiff(stored, photometric="separated"), name="x")
    assert found[0].tolist() == expected


def test_photoshop_s_inverted_cmyk_jpeg() -> None:
    stored = Image.fromarray(PIXELS).convert("CMYK")
    data = pillow(PIXELS, "JPEG", "CMYK", quality=100, subsampling=0)
    assert b"Adobe" in data[:200]
    found = decode(data, name="x")
    assert np.abs(found - np.asarray(stored.convert("RGB"))).mean() < 2


@pytest.mark.parametrize("depth", [8, 16])
def test_ink_with_its_press_s_profile(depth: int) -> None:
    cmyk = np.zeros((16, 16, 4), np.uint8)
    cmyk[:, 8:, 0] = 255  # cyan, which this press prints reddish
    stored = cmyk.astype(np.uint16) * 257 if depth == 16 else cmyk
    found = decode(tiff(stored, photometric="separated", iccprofile=ink_profile()), name="x")
    assert (found[:, :8] > 250).all()
    red, green, blue = found[0, 12]
    assert red > green + 50
    assert red > blue + 20
