"""`neckar query`: SQL over a run's results, live or finished."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from neckar.jobs.input.arguments import RunArgument
from neckar.jobs.output.tables import Format
from neckar.schemas.errors import UserError


def query(
    run: RunArgument,
    sql: Annotated[
        str, typer.Argument(help="Over the tables results, loss_trace and, of a stimulus set, stimuli.", metavar="SQL")
    ],
    form: Annotated[Format, typer.Option("--format", help="How to write the rows.")] = Format.TABLE,
    output: Annotated[
        str | None, typer.Option(help="A file to write them to; else standard output.", metavar="FILE")
    ] = None,
) -> None:
    """Ask a run's results in SQL, e.g. "select pair_id, loss_total from results"."""
    from neckar.jobs.output import files, tables
    from neckar.pipeline.queries.database import query as ask
    from neckar.pipeline.results.versions import open_results
    from neckar.pipeline.stimuli.reading import tables_of

    if output is None and form is Format.PARQUET and sys.stdout.isatty():
        raise UserError.at("--format parquet", "a terminal cannot show it; add --output FILE or redirect it")
    reader = open_results(run)
    answer = ask(reader, sql, tables_of(reader))
    if output is None:
        tables.write(answer, form, sys.stdout.buffer)
        return
    written = io.BytesIO()
    tables.write(answer, form, written)
    files.write(output, written.getvalue())
