"""A grid of stimuli as one figure: every picture pixel by pixel, sources in the margins, labels, what is pinned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neckar.pipeline.figures.grid import Entry, Grid, Level, Panel
from neckar.pipeline.figures.page import Font, Page, PdfPages, PngPages

Kind = Literal["png", "pdf"]
Side = Literal["content", "style"]

_GAP = 6  # px between two pictures
_MARGIN = 24
_SIDES: tuple[Side, ...] = ("content", "style")


@dataclass(frozen=True)
class Pictures:
    """Where a sheet takes its pictures from.

    Attributes:
        stimulus: an ok entry's (H, W, 3) uint8.
        source: the content or style of an entry, as large as a height and a width allow; None where it is gone.
    """

    stimulus: Callable[[Entry], np.ndarray]
    source: Callable[[Side, Entry, int, int], np.ndarray | None]


@dataclass(frozen=True)
class _Sizes:
    """Of a panel, in px."""

    cell_height: int
    cell_width: int
    row_head: int
    column_head: int
    text: int

    def x(self, column: int) -> int:
        return _MARGIN + self.row_head + column * (self.cell_width + _GAP)

    def y(self, row: int) -> int:
        return _MARGIN + self.column_head + row * (self.cell_height + _GAP)


def draw_sheet(grid: Grid, pictures: Pictures, *, title: str, kind: Kind, font: Font) -> bytes:
    """The figure as a file.

    Args:
        grid: what stands where.
        pictures: reads them.
        title: of the figure, in its caption.
        kind: PNG, panels one below the other, or PDF, a page each.
        font: of its texts.

    Raises:
        UserError: it would be too large.
        StoreError, ValueError: a picture cannot be read.
    """
    stimuli = {
        entry.pair_id: pictures.stimulus(entry)
        for panel in grid.panels
        for row in panel.cells
        for entry in row
        if entry is not None and entry.status == "ok"
    }
    sizes = _sizes(grid, list(stimuli.values()), font)
    width = sizes.x(len(grid.column_levels)) - _GAP + _MARGIN
    caption = _wrapped(_caption(grid, title), width - 2 * _MARGIN, sizes.text, font)
    height = sizes.y(len(grid.row_levels)) - _GAP + _MARGIN + round(1.5 * sizes.text) * len(caption)
    pages: PngPages | PdfPages
    pages = (PngPages if kind == "png" else PdfPages)(width, [height] * len(grid.panels), font)
    for panel in grid.panels:
        _draw_heads(pages, grid, panel, sizes, pictures)
        _draw_cells(pages, panel, sizes, stimuli)
        for number, line in enumerate(caption):
            y = height - _MARGIN - 1.5 * sizes.text * (len(caption) - 1 - number)
            pages.text(_MARGIN, y, line, sizes.text)
        pages.next()
    return pages.finished()


def _sizes(grid: Grid, stimuli: Sequence[np.ndarray], font: Font) -> _Sizes:
    height = max((levels.shape[0] for levels in stimuli), default=96)
    width = max((levels.shape[1] for levels in stimuli), default=96)
    text = max(11, min(height, width) // 12)
    line = round(1.5 * text)
    labels = [label_of(level) for level in grid.row_levels] + [grid.rows or ""]
    row_text = 0 if grid.rows is None else round(max(font.width(label, text) for label in labels)) + _GAP
    beside, above = _margin_sides(grid)
    row_head = row_text + (width + _GAP if beside else 0)
    lines = (grid.columns is not None) * 2 + (grid.facet is not None) + (grid.rows is not None and above is None)
    return _Sizes(height, width, row_head, lines * line + (height + _GAP if above else 0), text)


def _margin_sides(grid: Grid) -> tuple[Side | None, Side | None]:
    """Which sources stand beside the rows and above the columns: an axis's own, else a pinned one."""
    beside = next((side for side in _SIDES if side == grid.rows), None)
    above = next((side for side in _SIDES if side == grid.columns), None)
    free = [side for side in _SIDES if side in grid.pinned and side not in (beside, above)]
    if beside is None and free:
        beside = free.pop(0)
    if above is None and free:
        above = free.pop(0)
    return beside, above


def _draw_heads(page: Page, grid: Grid, panel: Panel, sizes: _Sizes, pictures: Pictures) -> None:
    line = round(1.5 * sizes.text)
    beside, above = _margin_sides(grid)
    top = _MARGIN + line // 2
    if grid.facet is not None and panel.level is not None:
        page.text(_MARGIN, top, f"{grid.facet} = {label_of(panel.level)}", sizes.text)
        top += line
    if grid.columns is not None:
        middle = (sizes.x(0) + sizes.x(len(grid.column_levels)) - _GAP) / 2
        page.text(middle, top, grid.columns, sizes.text, "middle")
        for number, level in enumerate(grid.column_levels):
            page.text(sizes.x(number) + sizes.cell_width / 2, top + line, label_of(level), sizes.text, "middle")
    if grid.rows is not None:
        page.text(_MARGIN, sizes.y(0) - line // 2 - _GAP // 2, grid.rows, sizes.text)
        for number, level in enumerate(grid.row_levels):
            page.text(_MARGIN, sizes.y(number) + sizes.cell_height / 2, label_of(level), sizes.text)
    for column in range(len(grid.column_levels)) if above else ():
        of_axis = above == grid.columns
        entry = _any([row[column] for row in panel.cells]) if of_axis else _any_of(panel)
        if entry is not None and above is not None and (of_axis or column == 0):
            _draw_source(page, pictures, above, entry, sizes.x(column), sizes.y(0) - sizes.cell_height - _GAP, sizes)
    for number, cells in enumerate(panel.cells) if beside else ():
        of_axis = beside == grid.rows
        entry = _any(cells) if of_axis else _any_of(panel)
        if entry is not None and beside is not None and (of_axis or number == 0):
            _draw_source(page, pictures, beside, entry, sizes.x(0) - sizes.cell_width - _GAP, sizes.y(number), sizes)


def _draw_source(page: Page, pictures: Pictures, side: Side, entry: Entry, x: float, y: float, sizes: _Sizes) -> None:
    """A source within a cell; one that is gone is told in its place."""
    levels = pictures.source(side, entry, sizes.cell_height, sizes.cell_width)
    if levels is None:
        page.box(x, y, sizes.cell_width, sizes.cell_height)
        page.text(x + sizes.cell_width / 2, y + sizes.cell_height / 2, f"{side}: gone", sizes.text, "middle")
        return
    height, width = levels.shape[:2]
    page.picture(x + (sizes.cell_width - width) // 2, y + (sizes.cell_height - height) // 2, levels)


def _draw_cells(page: Page, panel: Panel, sizes: _Sizes, stimuli: dict[str, np.ndarray]) -> None:
    for row, cells in enumerate(panel.cells):
        for column, entry in enumerate(cells):
            x, y = sizes.x(column), sizes.y(row)
            if entry is not None and entry.status == "ok":
                levels = stimuli[entry.pair_id]
                height, width = levels.shape[:2]
                page.picture(x + (sizes.cell_width - width) // 2, y + (sizes.cell_height - height) // 2, levels)
                continue
            page.box(x, y, sizes.cell_width, sizes.cell_height)
            middle = x + sizes.cell_width / 2, y + sizes.cell_height / 2
            page.text(*middle, "no such pair" if entry is None else entry.status, sizes.text, "middle")
            if entry is not None and entry.error_code:
                page.text(
                    middle[0], middle[1] + 1.5 * sizes.text, entry.error_code, max(9, sizes.text * 3 // 4), "middle"
                )


def _any(cells: Sequence[Entry | None]) -> Entry | None:
    return next((entry for entry in cells if entry is not None), None)


def _any_of(panel: Panel) -> Entry | None:
    return _any([entry for row in panel.cells for entry in row])


def label_of(level: Level | None) -> str:
    """A level as it is written on a figure."""
    return "" if level is None else f"{level:g}" if isinstance(level, float) else str(level)


def _caption(grid: Grid, title: str) -> str:
    pinned = ", ".join(f"{factor} = {label_of(level)}" for factor, level in grid.pinned.items())
    return f"{title}: {pinned}" if pinned else title


def _wrapped(text: str, width: float, size: int, font: Font) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and font.width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
