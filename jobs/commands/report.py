"""`neckar report`: a run as a page that opens from disk, or one that is served while the run goes on."""

from __future__ import annotations

import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from neckar.jobs.input.arguments import RunArgument
from neckar.schemas.errors import UserError

if TYPE_CHECKING:
    from neckar.pipeline.report.report import Form, Made
    from neckar.pipeline.results.reading import ResultsReader


def report(
    run: RunArgument,
    output: Annotated[
        str | None,
        typer.Option(
            help="A .html file, or a folder; else report.html or report/ in the run, of one on S3 NAME-report here.",
            metavar="PATH",
        ),
    ] = None,
    single_file: Annotated[
        bool, typer.Option("--single-file", help="One file, to be mailed; else one up to 25 MB, then a folder.")
    ] = False,
    folder: Annotated[bool, typer.Option("--folder", help="A folder, whatever its size.")] = False,
    zip_: Annotated[bool, typer.Option("--zip", help="Packed as .zip, with its pictures.")] = False,
    copy_images: Annotated[
        bool, typer.Option("--copy-images", help="Whole pictures in the report, else links where they are many.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the page on this machine, and let it follow the run.")
    ] = False,
) -> None:
    """Make a page of a run: grid, gallery, curves, failures, statistics."""
    from neckar.pipeline.report.about import name_of
    from neckar.pipeline.report.report import made_report
    from neckar.pipeline.results.versions import open_results

    if serve:
        if output or single_file or folder or zip_ or copy_images:
            raise UserError.at("--serve", "writes nothing; leave the other options out")
        _serve(run)
        return
    from neckar.jobs.output.report_place import ReportPlace
    from neckar.jobs.output.steps import steps

    form = _form(output, single_file=single_file, folder=folder)
    zip_ = zip_ or (output is not None and output.endswith(".zip"))
    reader = open_results(run)
    place = ReportPlace.of(reader.store.uri, name_of(reader), output, zip_=zip_)
    place.check(form)
    try:
        with (
            steps("report", sys.stderr) as tell,
            made_report(reader, form=form, copy_images=copy_images or zip_, beside=place.beside, tell=tell) as made,
        ):
            written = place.write(made)
    except OSError as error:
        told = f"the report cannot be made there ({error.strerror}); set TMPDIR to a folder with room"
        raise UserError.at(tempfile.gettempdir(), told) from None
    print(written)
    for line in _told(reader, made):
        print(line, file=sys.stderr)


def _form(output: str | None, *, single_file: bool, folder: bool) -> Form | None:
    """What was asked for; a name that ends in .html asks for one file."""
    html = output is not None and output.endswith(".html")
    if folder and (single_file or html):
        other = "--single-file" if single_file else f"--output {output}, a file"
        raise UserError.at("--folder", f"and {other}: which of the two?")
    if single_file or html:
        return "file"
    return "folder" if folder or (output is not None and not output.endswith(".zip")) else None


def _told(reader: ResultsReader, made: Made) -> list[str]:
    told = [f"{made.pairs:,} pairs, {made.bytes / 1e6:,.1f} MB"]
    if made.gone:
        told.append(f"{made.gone:,} pictures of {reader.store.uri} cannot be read; the report says so in their places")
    if made.pictures == "linked":
        told.append("whole pictures are links into the run: move both together, or add --copy-images")
    elif made.pictures == "none":
        told.append("whole pictures are not in it: add --copy-images")
    return told


def _serve(run: str) -> None:
    from neckar.pipeline.report.serving import serving
    from neckar.pipeline.results.versions import open_results

    with serving(open_results(run)) as server:
        print(server.url, flush=True)
        print("Ctrl-C ends it", file=sys.stderr)
        threading.Event().wait()
