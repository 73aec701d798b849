"""Snapshots of pairs one after the other, all pairs in step, as a film: what an observer would have seen on the way."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from neckar.pipeline.figures.page import Font, PngPages
from neckar.schemas.errors import UserError

Kind = Literal["webp", "gif"]

PIXELS_MAX = 250_000_000  # of all frames: three quarters of a GB while they are drawn
SIDE_MAX = {"webp": 16_383, "gif": 65_535}  # px, by the format
_GAP, _MARGIN = 8, 12  # px
_LEAST_PX = 192  # of a picture's longest side on the film: smaller ones are enlarged by a whole number
_LAST = 3  # times as long as the others the last frame stands


@dataclass(frozen=True, slots=True)
class Step:
    """A picture on its way.

    Attributes:
        iteration: the evaluation that it is of; of the result how many there were.
        levels: (H, W, 3) uint8.
        loss: total, at it; None where it is not on record.
    """

    iteration: int | None
    levels: np.ndarray
    loss: float | None


@dataclass(frozen=True, slots=True)
class Strip:
    """The steps of a pair, in order; the last one is its result."""

    pair_id: str
    steps: tuple[Step, ...]

    def at(self, iteration: int | None) -> Step:
        """The step at an evaluation: the last one until then, or the first; None for the result."""
        if iteration is None:
            return self.steps[-1]
        until = [step for step in self.steps[:-1] if step.iteration is not None and step.iteration <= iteration]
        return until[-1] if until else self.steps[0]


def draw_film(strips: Sequence[Strip], *, kind: Kind, seconds: float, font: Font) -> bytes:
    """The film as a file.

    A frame for every evaluation of which some pair has a snapshot, then the results. WebP keeps every pixel; GIF has
    256 colours a frame.

    Args:
        strips: of the pairs, side by side.
        kind: of the file.
        seconds: that a frame stands.
        font: of the inscriptions.

    Raises:
        UserError: it would be too large.
    """
    iterations = sorted({step.iteration for strip in strips for step in strip.steps[:-1] if step.iteration is not None})
    _check_size(strips, len(iterations) + 1, kind)
    frames = [_frame(strips, iteration, font) for iteration in (*iterations, None)]
    standing = [round(1000 * seconds)] * len(iterations) + [round(1000 * seconds * _LAST)]
    out = io.BytesIO()
    more = {"lossless": True, "quality": 100, "method": 4} if kind == "webp" else {"optimize": False, "disposal": 1}
    frames[0].save(out, kind.upper(), save_all=True, append_images=frames[1:], duration=standing, loop=0, **more)
    return out.getvalue()


def _check_size(strips: Sequence[Strip], frames: int, kind: Kind) -> None:
    sides = [_enlarged(strip.steps[-1].levels).shape for strip in strips]
    width, height = sum(side[1] + _GAP for side in sides) + 2 * _MARGIN, max(side[0] for side in sides) + 100
    if max(width, height) > SIDE_MAX[kind]:
        told = f"{width} x {height} px are more than the {SIDE_MAX[kind]:,} a side of {kind}"
        raise UserError.at("film", f"{told}; take fewer pairs")
    if width * height * frames > PIXELS_MAX:
        told = f"{frames} frames of {width} x {height} px are more than {PIXELS_MAX:,} px"
        raise UserError.at("film", f"{told}; take fewer pairs")


def _frame(strips: Sequence[Strip], iteration: int | None, font: Font) -> Image.Image:
    """One: each pair's id, its picture, its evaluation and loss."""
    steps = [strip.at(iteration) for strip in strips]
    shown = [_enlarged(step.levels) for step in steps]
    height = max(levels.shape[0] for levels in shown)
    text = max(11, min(16, height // 14))
    line = round(1.6 * text)
    places, x = [], _MARGIN
    for levels in shown:
        places.append(x)
        x += levels.shape[1] + _GAP
    page = PngPages(x - _GAP + _MARGIN, [height + 3 * line + 2 * _MARGIN], font)
    for strip, step, levels, left in zip(strips, steps, shown, places, strict=True):
        width = levels.shape[1]
        page.text(left, _MARGIN + line // 2, _cut(strip.pair_id, width, text, font), text)
        page.picture(left, _MARGIN + line, levels)
        told = ["result" if iteration is None else f"evaluation {step.iteration:,}"]
        told.append("" if step.loss is None else f"loss {step.loss:.3e}")
        for number, words in enumerate(told):
            page.text(left, _MARGIN + line + height + line // 2 + number * line, words, text)
    return page.image


def _enlarged(levels: np.ndarray) -> np.ndarray:
    """Its pixels as squares, where it is small."""
    times = -(-_LEAST_PX // max(levels.shape[:2]))
    return levels.repeat(times, axis=0).repeat(times, axis=1)


def _cut(text: str, width: float, size: int, font: Font) -> str:
    """As much of it as there is room for: of ids the end tells more than the beginning."""
    if font.width(text, size) <= width:
        return text
    while text and font.width(f"…{text}", size) > width:
        text = text[1:]
    return f"…{text}"
