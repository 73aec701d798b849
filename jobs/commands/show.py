"""`neckar show`: everything on record about one pair, and its picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from neckar.jobs.input.arguments import RunArgument
from neckar.schemas.errors import UserError

if TYPE_CHECKING:
    from neckar.schemas.results import ResultRow, Trace


_UNITS = {"px", "s"}  # short ones; the others explain more than they measure


def show(
    run: RunArgument,
    pair: Annotated[str, typer.Argument(help="The pair's id.", metavar="PAIR")],
    save: Annotated[str | None, typer.Option(help="Write the PNG to this file.", metavar="FILE")] = None,
) -> None:
    """Print every field of one pair's result, and where its picture is."""
    from neckar.jobs.output.files import write
    from neckar.pipeline.results.versions import open_results

    reader = open_results(run)
    row = reader.row(pair)
    for line in _lines(row, reader.store.uri):
        print(line)
    if save is not None:
        if row.image_uri is None:
            raise UserError.at(f"--save {save}", f"pair {pair!r} is {row.status} and has no picture")
        write(save, reader.image(row))


def _lines(row: ResultRow, run: str) -> Iterator[str]:
    """One line a field that has a value: name, value, unit."""
    from neckar.jobs.output.tables import text
    from neckar.schemas.results import RESULTS_SCHEMA

    width = max(len(name) for name in RESULTS_SCHEMA.names) + 2
    for field in RESULTS_SCHEMA:
        value = getattr(row, field.name)
        if value is None or value in ({}, ()):
            continue
        if field.name == "loss_trace":
            shown = _trace(value)
        elif field.name == "image_uri":
            shown = f"{run}/{value}"
        else:
            unit = (field.metadata or {}).get(b"unit", b"").decode()
            shown = f"{text(value)} {unit}" if unit in _UNITS else text(value)
        yield f"{field.name:<{width}}{shown}"


def _trace(trace: Trace) -> str:
    first, last = trace.values[0], trace.values[-1]
    ends = (f"{name} {first[i]:.4g} to {last[i]:.4g}" for i, name in enumerate(trace.columns))
    return f"{len(trace.values)} evaluations: {', '.join(ends)}"
