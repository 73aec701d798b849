"""`neckar query`: SQL over the results of runs, live or finished."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neckar.jobs.input.arguments import RunArgument
from neckar.jobs.output.streams import Format
from neckar.schemas.errors import UserError

if TYPE_CHECKING:
    from neckar.pipeline.results.reading import ResultsReader

_STANDARD_INPUT = "-"


def query(  # noqa: PLR0913, PLR0917  # options
    run: RunArgument,
    sql: Annotated[
        str | None,
        typer.Argument(
            help="Over the views results, loss_trace, design and, of a stimulus set, stimuli; - reads it from standard"
            " input. Without any: what there is to ask.",
            metavar="[SQL]",
        ),
    ] = None,
    file: Annotated[str | None, typer.Option(help="A file with the SQL.", metavar="FILE")] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="Another run; repeatable. Every view then begins with a column run.", metavar="RUN"
        ),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Pairs without a picture, and why.")] = False,
    slowest: Annotated[int | None, typer.Option(help="The pictures that took longest.", min=1, metavar="N")] = None,
    worst_loss: Annotated[
        int | None, typer.Option(help="The pictures with the largest losses.", min=1, metavar="N")
    ] = None,
    summary: Annotated[
        str | None, typer.Option(help="Counts and losses by the levels of factors.", metavar="FACTOR,FACTOR")
    ] = None,
    show_sql: Annotated[
        bool, typer.Option("--show-sql", help="Print the SQL of such a question, to go on from.")
    ] = False,
    form: Annotated[
        Format | None, typer.Option("--format", help="How to write the rows; else by --output's name, else a table.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(help="A file to write them to, by its name .csv, .json, .parquet or .txt.", metavar="FILE"),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds after which to give up.", min=0.1, metavar="S")] = 600.0,
) -> None:
    """Ask a run's results in SQL, e.g. "select pair_id, loss_total from results"."""
    from neckar.jobs.output import files, overview, streams
    from neckar.pipeline.queries import canned
    from neckar.pipeline.queries.database import Limits, Tables, query_batches
    from neckar.pipeline.queries.views import views_of_all

    several = bool(with_)
    standard = [
        canned.failed(several=several) if failed else None,
        canned.slowest(slowest, several=several) if slowest is not None else None,
        canned.worst_loss(worst_loss, several=several) if worst_loss is not None else None,
        canned.summary(_factors(summary), several=several) if summary is not None else None,
    ]
    asked = _one_of([*_given(sql, file), *standard])
    if show_sql:
        if asked is None:
            raise UserError.at("--show-sql", "of which question? Add --failed, --slowest, --worst-loss or --summary")
        print(asked)
        return
    chosen = streams.format_of(output, form)
    if output is None and chosen is Format.PARQUET and sys.stdout.isatty():
        raise UserError.at("--format parquet", "a terminal cannot show it; add --output FILE or redirect it")
    readers = _opened([run, *(with_ or [])])
    views = views_of_all(readers, asked)
    if asked is None:
        overview.print_views(run, views)
        return
    tables, limits = Tables(list(readers.values()), views), Limits(timeout_s=timeout)
    with nullcontext(sys.stdout.buffer) if output is None else files.written(output) as out:
        streams.write(query_batches(tables, asked, limits), chosen, out)


def _given(sql: str | None, file: str | None) -> list[str | None]:
    """The SQL that was written, and that of a file."""
    return [sys.stdin.read() if sql == _STANDARD_INPUT else sql, None if file is None else _read_file(file)]


def _one_of(questions: list[str | None]) -> str | None:
    asked = [question for question in questions if question is not None]
    if len(asked) > 1:
        raise UserError.at("neckar query", "one question at a time: SQL, --file, or one of the others")
    return asked[0] if asked else None


def _opened(uris: list[str]) -> dict[str, ResultsReader]:
    from neckar.pipeline.queries.views import run_names
    from neckar.pipeline.results.versions import open_results

    return {name: open_results(uri) for uri, name in run_names(uris).items()}


def _factors(given: str) -> list[str]:
    factors = [name.strip() for name in given.split(",") if name.strip()]
    if not factors:
        raise UserError.at("--summary", "names no factor; write e.g. --summary content,alpha")
    return factors


def _read_file(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UserError.at(f"--file {name}", f"cannot be read ({reason}); give a file with SQL") from None
