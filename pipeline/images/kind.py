"""Which kind of file the bytes are, by their first bytes: names lie."""

from __future__ import annotations

from typing import Literal

from neckar.pipeline.images.samples import UnsupportedPicture

Kind = Literal["PNG", "JPEG", "WEBP", "TIFF"]

_SUPPORTED: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
)
_RAW = "a camera's raw file"
_OTHERS = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"%PDF", "a PDF"),
    (b"%!PS", "PostScript"),
    (b"8BPS", "a Photoshop document"),
    (b"\0\0\0\x0cjP", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"II\xbc", "JPEG XR"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"qoif", "a QOI"),
    (b"SIMPLE  =", "FITS"),
    (b"gimp xcf", "a GIMP document"),
    (b"\0\0\1\0", "an icon"),
    (b"IIRO", f"{_RAW} (Olympus)"),
    (b"IIU\0", f"{_RAW} (Panasonic)"),
    (b"FUJIFILMCCD-RAW", f"{_RAW} (Fujifilm)"),
    (b"FOVb", f"{_RAW} (Sigma)"),
    (b"\0MRM", f"{_RAW} (Minolta)"),
    (b"II\x1a\0\0\0HEAPCCDR", f"{_RAW} (Canon)"),
    *((b"P%d" % kind, "a Netpbm picture") for kind in range(1, 8)),
    (b"PK\3\4", "a ZIP archive"),
    (b"\x1f\x8b", "gzip-compressed"),
    (b"version https://git-lfs", "a Git LFS pointer; run git lfs pull"),
)
_HEAD_BYTES = 1024  # enough for the comments before an <svg>


def image_kind(data: bytes) -> Kind:
    """The kind of picture. Raises `UnsupportedPicture`, which says what it is instead."""
    for magic, kind in _SUPPORTED:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise UnsupportedPicture(f"is {_guess(data)}; Neckar reads PNG, JPEG, WebP and TIFF")


def _guess(data: bytes) -> str:
    for magic, name in _OTHERS:
        if data.startswith(magic):
            return name
    if data[4:11] == b"ftypcrx":
        return f"{_RAW} (Canon)"
    if data[128:132] == b"DICM":
        return "DICOM"
    if data[4:8] == b"ftyp":
        return "an AVIF, HEIC or MP4"
    head = data[:_HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head:
        return "an SVG"
    if head.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if not head.strip(b"\0"):
        return "nothing but blanks or zeros"
    printable = all(byte >= 0x20 or byte in b"\t\r\n" for byte in head)
    return "text" if printable else "no picture that Neckar knows"
