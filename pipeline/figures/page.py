"""What a figure is drawn on, a PNG or a PDF: pictures pixel by pixel, texts. Lengths are in px, from the top left."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import reportlab
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from neckar.schemas.errors import UserError

Anchor = Literal["left", "middle", "right"]
INK, PALE, PAPER = (0.13, 0.13, 0.13), (0.87, 0.87, 0.87), (1.0, 1.0, 1.0)
_VERA = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
PIXELS_MAX = 250_000_000  # of a PNG: three quarters of a GB while it is drawn
PDF_PX_PER_INCH = 150.0  # of the pictures on a page of PDF, which keeps all of their pixels


class Font:
    """Text's face, and how wide it is.

    Args:
        file: of TrueType; else Bitstream Vera, which comes with reportlab and has the letters of Western Europe.

    Raises:
        UserError: the file is no font.
    """

    def __init__(self, file: str | None = None) -> None:
        try:
            self._data = Path(file or _VERA).read_bytes()
            self.at(10)
        except OSError as error:
            raise UserError.at(f"--font {file}", f"is no font ({error}); give a TrueType file") from None

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """The font in px."""
        return ImageFont.truetype(io.BytesIO(self._data), size)

    def width(self, text: str, size: int) -> float:
        """Of a text in px."""
        return float(self.at(size).getlength(text))

    def lacks(self, text: str) -> str:
        """Those letters of a text that the font has not."""
        font = self.at(24)
        blank = bytes(font.getmask("\U0010fffe"))
        return "".join(dict.fromkeys(c for c in text if not c.isspace() and bytes(font.getmask(c)) == blank))

    def registered(self) -> str:
        """Its name in a PDF."""
        name = f"neckar-{hash(self._data):x}"
        pdfmetrics.registerFont(TTFont(name, io.BytesIO(self._data)))
        return name


class Page(Protocol):
    """A page of a figure."""

    def picture(self, x: float, y: float, levels: np.ndarray) -> None:
        """Draw (H, W, 3) uint8 pixel by pixel, its top left corner at (x, y)."""

    def text(self, x: float, y: float, text: str, size: int, anchor: Anchor = "left") -> None:
        """Write a line, its middle at the height y."""

    def box(self, x: float, y: float, width: float, height: float) -> None:
        """A pale rectangle: a place without a picture."""


class PngPages:
    """Pages as one picture, one below the other.

    Raises:
        UserError: it would have too many pixels.
    """

    def __init__(self, width: int, heights: list[int], font: Font) -> None:
        pixels = width * sum(heights)
        if pixels > PIXELS_MAX:
            mend = "pin a factor with fewer levels, or write a PDF, which has a page for each facet"
            raise UserError.at("sheet", f"{width} x {sum(heights)} px are more than {PIXELS_MAX:,}; {mend}")
        self._image = Image.new("RGB", (width, sum(heights)), _level(PAPER))
        self._draw = ImageDraw.Draw(self._image)
        self._font = font
        self._heights = heights
        self._top = 0
        self._number = 0

    def next(self) -> None:
        """Go on with the next page."""
        self._top += self._heights[self._number]
        self._number += 1

    def picture(self, x: float, y: float, levels: np.ndarray) -> None:
        """See `Page`."""
        self._image.paste(Image.fromarray(levels), (round(x), self._top + round(y)))

    def text(self, x: float, y: float, text: str, size: int, anchor: Anchor = "left") -> None:
        """See `Page`."""
        at = (round(x), self._top + round(y))
        self._draw.text(at, text, _level(INK), self._font.at(size), anchor=f"{anchor[0]}m")

    def box(self, x: float, y: float, width: float, height: float) -> None:
        """See `Page`."""
        top = self._top + round(y)
        self._draw.rectangle((round(x), top, round(x + width) - 1, top + round(height) - 1), _level(PALE))

    @property
    def image(self) -> Image.Image:
        """What is drawn so far."""
        return self._image

    def finished(self) -> bytes:
        """The file."""
        out = io.BytesIO()
        self._image.save(out, format="PNG", optimize=False)
        return out.getvalue()


class PdfPages:
    """Pages of a PDF: pictures keep every pixel, texts stay texts."""

    def __init__(self, width: int, heights: list[int], font: Font) -> None:
        self._out = io.BytesIO()
        self._scale = 72.0 / PDF_PX_PER_INCH
        self._width = width
        self._heights = heights
        self._number = 0
        self._canvas = Canvas(self._out, pageCompression=1, invariant=1)  # the same figure has the same bytes
        self._font = font.registered()
        self._begin()

    def _begin(self) -> None:
        self._height = self._heights[self._number]
        self._canvas.setPageSize((self._width * self._scale, self._height * self._scale))

    def next(self) -> None:
        """Go on with the next page."""
        self._number += 1
        self._canvas.showPage()
        if self._number < len(self._heights):
            self._begin()

    def picture(self, x: float, y: float, levels: np.ndarray) -> None:
        """See `Page`."""
        height, width = (side * self._scale for side in levels.shape[:2])
        left, bottom = x * self._scale, (self._height - y) * self._scale - height
        self._canvas.drawImage(ImageReader(Image.fromarray(levels)), left, bottom, width, height)

    def text(self, x: float, y: float, text: str, size: int, anchor: Anchor = "left") -> None:
        """See `Page`."""
        self._canvas.setFont(self._font, size * self._scale)
        self._canvas.setFillColorRGB(*INK)
        write = {
            "left": self._canvas.drawString,
            "middle": self._canvas.drawCentredString,
            "right": self._canvas.drawRightString,
        }[anchor]
        write(x * self._scale, (self._height - y - 0.35 * size) * self._scale, text)

    def box(self, x: float, y: float, width: float, height: float) -> None:
        """See `Page`."""
        self._canvas.setFillColorRGB(*PALE)
        place = (x, self._height - y - height, width, height)
        self._canvas.rect(*(side * self._scale for side in place), stroke=0, fill=1)

    def finished(self) -> bytes:
        """The file."""
        self._canvas.save()
        return self._out.getvalue()


def _level(colour: tuple[float, float, float]) -> tuple[int, int, int]:
    red, green, blue = (round(255 * share) for share in colour)
    return red, green, blue
