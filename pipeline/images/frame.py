"""How a whole picture lies in pixels that may be a smaller copy of it."""

from __future__ import annotations

from dataclasses import dataclass

from neckar.pipeline.images.samples import Samples

Size = int | tuple[int, int]  # longest side, or exactly (height, width), px


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture's own size, and where it lies.

    Attributes:
        height, width: px, of the whole picture.
        top, left: of the picture in the pixels at hand, px of theirs.
        cell: px of the picture in one of theirs.
    """

    height: int
    width: int
    top: float = 0.0
    left: float = 0.0
    cell: float = 1.0

    def middle_square(self) -> Frame:
        """Of the picture cut to the square in its middle; half a pixel is left above and to the left."""
        side = min(self.height, self.width)
        down, right = (self.height - side) // 2, (self.width - side) // 2
        return Frame(side, side, self.top + down / self.cell, self.left + right / self.cell, self.cell)

    @staticmethod
    def upright(height: int, width: int, samples: Samples) -> Frame:
        """Of a file of (height, width) px once its samples are turned upright.

        What is left over at its right and bottom, less than a cell, goes where its mirrors put it.
        """
        rows, columns, _ = samples.values.shape
        below, beside = rows - height / samples.cell, columns - width / samples.cell
        turned = samples.orientation
        if turned in (5, 6, 7, 8):
            height, width, below, beside = width, height, beside, below
        top = below if turned in (3, 4, 7, 8) else 0.0
        left = beside if turned in (2, 3, 6, 7) else 0.0
        return Frame(height, width, top, left, samples.cell)
