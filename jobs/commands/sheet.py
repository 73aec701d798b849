"""`neckar sheet`: a grid of a run's stimuli as a figure."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, cast

import typer

from neckar.jobs.input.arguments import RunArgument
from neckar.schemas.errors import UserError


def sheet(
    run: RunArgument,
    output: Annotated[str, typer.Option("--output", "-o", help="The figure, .png or .pdf.", metavar="FILE")],
    rows: Annotated[str | None, typer.Option(help="The factor whose levels are rows.", metavar="FACTOR")] = None,
    cols: Annotated[str | None, typer.Option(help="The factor whose levels are columns.", metavar="FACTOR")] = None,
    facet: Annotated[
        str | None, typer.Option(help="A factor with a grid of its own for each level.", metavar="FACTOR")
    ] = None,
    pin: Annotated[
        list[str] | None,
        typer.Option(help="The level of another factor, else its first; repeatable.", metavar="FACTOR=LEVEL"),
    ] = None,
    font: Annotated[
        str | None, typer.Option(help="A TrueType file, for labels beyond Latin letters.", metavar="FILE")
    ] = None,
) -> None:
    """Draw stimuli along two factors, pixel by pixel, with labels: content and style unless told."""
    from neckar.jobs.output.files import write
    from neckar.pipeline.figures.grid import grid_of
    from neckar.pipeline.figures.page import Font
    from neckar.pipeline.figures.reading import entries_of, pictures_of
    from neckar.pipeline.figures.sheet import Kind, draw_sheet, label_of
    from neckar.pipeline.results.versions import open_results

    kind = PurePosixPath(output).suffix.lower().removeprefix(".")
    if kind not in {"png", "pdf"}:
        raise UserError.at(f"--output {output}", "end it in .png or .pdf")
    face = Font(font)
    reader = open_results(run)
    grid = grid_of(entries_of(reader), rows=rows, columns=cols, facet=facet, pins=_pins(pin or []))
    for factor, levels in grid.choices.items():
        others = ", ".join(label_of(level) for level in levels if level != grid.pinned[factor])
        told = f"{factor} is {label_of(grid.pinned[factor])}; --pin {factor}=LEVEL shows another: {others}"
        typer.echo(told, err=True)
    words = [*(label_of(level) for level in (*grid.row_levels, *grid.column_levels)), *map(str, grid.pinned.values())]
    if missing := face.lacks("".join(words)):
        typer.echo(f"the font has no {missing!r}; --font FILE takes another", err=True)
    title = reader.store.uri.rstrip("/").rpartition("/")[2]
    write(output, draw_sheet(grid, pictures_of(reader), title=title, kind=cast("Kind", kind), font=face))


def _pins(given: list[str]) -> dict[str, str]:
    pins = {}
    for text in given:
        factor, equals, level = text.partition("=")
        if not equals:
            raise UserError.at(f"--pin {text}", "write it as FACTOR=LEVEL")
        if factor in pins:
            raise UserError.at(f"--pin {text}", "the factor is pinned twice; leave one out")
        pins[factor] = level
    return pins
