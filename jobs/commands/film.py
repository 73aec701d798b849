"""`neckar film`: snapshots of pairs as a film."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, cast

import typer

from neckar.jobs.input.arguments import RunArgument
from neckar.schemas.errors import UserError


def film(
    run: RunArgument,
    pairs: Annotated[list[str], typer.Argument(help="Ids, side by side in the film.", metavar="PAIR...")],
    output: Annotated[str, typer.Option("--output", "-o", help="The film, .webp or .gif.", metavar="FILE")],
    seconds: Annotated[float, typer.Option(help="That a frame stands.", min=0.02, max=60.0, metavar="S")] = 0.8,
) -> None:
    """Show how pictures came to be: their snapshots in step, with evaluation and loss."""
    from neckar.jobs.output.files import write
    from neckar.pipeline.figures.film import Kind, draw_film
    from neckar.pipeline.figures.page import Font
    from neckar.pipeline.figures.reading import strip_of
    from neckar.pipeline.results.versions import open_results
    from neckar.schemas.errors import PairError

    kind = PurePosixPath(output).suffix.lower().removeprefix(".")
    if kind not in {"webp", "gif"}:
        raise UserError.at(f"--output {output}", "end it in .webp, which keeps every pixel, or .gif")
    reader = open_results(run)
    try:
        strips = [strip_of(reader, pair) for pair in pairs]
    except PairError as error:
        raise UserError.at("film", f"a picture cannot be read: {error.message}") from None
    write(output, draw_film(strips, kind=cast("Kind", kind), seconds=seconds, font=Font()))
