"""`neckar` and `python -m neckar`: all commands, and the way of every exception to one line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Annotated

import typer
from typer.main import get_command

from neckar.jobs.commands.bench import bench
from neckar.jobs.commands.export import export
from neckar.jobs.commands.film import film
from neckar.jobs.commands.nightly import nightly
from neckar.jobs.commands.plan import plan
from neckar.jobs.commands.query import query
from neckar.jobs.commands.report import report
from neckar.jobs.commands.run import run
from neckar.jobs.commands.schema import schema
from neckar.jobs.commands.sheet import sheet
from neckar.jobs.commands.show import show
from neckar.jobs.commands.status import status
from neckar.jobs.commands.submit import submit
from neckar.jobs.commands.trials import trials
from neckar.jobs.commands.validate import validate
from neckar.jobs.commands.verify import verify
from neckar.jobs.commands.weights import weights
from neckar.jobs.exits import Exit
from neckar.jobs.output.files import abandon
from neckar.pipeline.storage.store import StoreError
from neckar.schemas.errors import UserError

app = typer.Typer(
    name="neckar",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    run,
    nightly,
    submit,
    validate,
    plan,
    status,
    query,
    show,
    report,
    sheet,
    film,
    verify,
    trials,
    export,
    bench,
    schema,
):
    app.command()(command)
app.add_typer(weights, name="weights")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"neckar {version('neckar')}")
        raise typer.Exit


@app.callback()
def neckar(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A Neural Algorithm of Artistic Style as a batch pipeline: manifests in, pictures and their losses out."""


def execute(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; no exception leaves it. Without arguments: the help."""
    program = get_command(app)
    try:
        # Not program.main: it answers a closed pipe with Python's 1, which here says that pairs failed.
        try:
            with program.make_context("neckar", list(arguments) or ["--help"]) as context:
                outcome = program.invoke(context)
        except typer.Exit as end:
            outcome = end.exit_code
        sys.stdout.flush()
    except (UserError, StoreError) as error:
        return _refuse(str(error), Exit.LATER if error.passing else Exit.BAD_INPUT)
    except typer.TyperException as error:
        return _refuse(_usage(error))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:  # `neckar query ... | head`: the reader has what it wanted
        abandon(sys.stdout)
        return Exit.OK
    except Exception as error:  # noqa: BLE001  # the outermost edge: a defect becomes one line and a file
        return _report_defect(error)
    return Exit.OK if outcome is None else int(outcome)


def main() -> None:
    """The command `neckar`: runs one command line and ends the process. SIGTERM interrupts it as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = execute(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # `execute` has told of it
            stream.flush()
    # No teardown: a thread of Arrow's that has yet to let go of a Python file aborts a process that is in it, its work
    # done (https://github.com/apache/arrow/issues/34314). What must be closed, the commands have closed.
    os._exit(code)


def _refuse(message: str, code: Exit = Exit.BAD_INPUT) -> int:
    print(message, file=sys.stderr)
    return code


def _usage(error: typer.TyperException) -> str:
    """Typer's message on one line, with the command it is about and where to look."""
    context = getattr(error, "ctx", None)  # usage errors carry one
    command = context.command_path if context else "neckar"
    message = " ".join(error.format_message().split()).rstrip(".")
    return f"{command}: {message}; see `{command} --help`"


def _report_defect(error: Exception) -> int:
    with tempfile.NamedTemporaryFile(
        "w", prefix="neckar-", suffix=".traceback", delete=False, encoding="utf-8"
    ) as file:
        file.writelines(traceback.format_exception(error))
    summary = " ".join(f"{type(error).__name__}: {error}".split())
    print(f"neckar: a defect of its own, not yours: {summary}; the traceback is in {file.name}", file=sys.stderr)
    return Exit.DEFECT
