"""The command line's surface is frozen: who changes it breaks somebody's night shift and says so here."""

from typer.main import get_command

from neckar.jobs.command_line import app
from neckar.jobs.exits import Exit

MANIFEST, RUN = "MANIFEST", "RUN"

SURFACE = {
    "run": [
        *(MANIFEST, "--output", "--workers", "--slots", "--address", "--base", "--allow-local"),
        *("--deadline", "--error-rate", "--stall", "--silence", "--retry-failed"),
    ],
    "validate": [MANIFEST, "--base", "--allow-local", "--check-images", "--elsewhere"],
    "nightly": ["CONFIG", "--date", "--dry-run", "--full", "--address", "--json", "--check", "--max-age"],
    "submit": [MANIFEST, "--address", "--output", "--base", "--follow", "--wheel"],
    "plan": [MANIFEST, "--base", "--allow-local"],
    "status": [RUN, "--watch", "--every"],
    "query": [
        *(RUN, "[SQL]", "--file", "--with", "--failed", "--slowest", "--worst-loss", "--summary", "--show-sql"),
        *("--format", "--output", "--timeout"),
    ],
    "show": [RUN, "PAIR", "--save"],
    "sheet": [RUN, "--output", "--rows", "--cols", "--facet", "--pin", "--font"],
    "report": [RUN, "--output", "--single-file", "--folder", "--zip", "--copy-images", "--serve"],
    "film": [RUN, "PAIR...", "--output", "--seconds"],
    "verify": [RUN, "--pixels", "--repair", "--address"],
    "trials": [RUN, "--output", "--manifest", "--observer"],
    "export": [RUN, "DIR", "--format", "--waivers", "--manifest"],
    "bench": ["--size", "--slots", "--precision", "--against", "--json"],
    "schema": [],
    "weights list": [],
    "weights check": ["WEIGHTS"],
    "weights convert": ["SOURCE", "DESTINATION"],
}

DEFAULTS = {
    ("report", "copy_images"): False,
    ("report", "folder"): False,
    ("report", "serve"): False,
    ("report", "single_file"): False,
    ("report", "zip_"): False,
    ("film", "seconds"): 0.8,
    ("run", "retry_failed"): False,
    ("run", "allow_local"): False,
    ("nightly", "dry_run"): False,
    ("nightly", "full"): False,
    ("nightly", "json"): False,
    ("nightly", "check"): False,
    ("submit", "follow"): False,
    ("validate", "allow_local"): False,
    ("plan", "allow_local"): False,
    ("validate", "check_images"): False,
    ("validate", "elsewhere"): False,
    ("status", "watch"): False,
    ("status", "every"): 5.0,
    ("query", "failed"): False,
    ("query", "show_sql"): False,
    ("query", "timeout"): 600.0,
    ("verify", "pixels"): False,
    ("verify", "repair"): False,
    ("trials", "output"): "trials",
    ("export", "form"): "bids",
}


def leaves(command, path=()):
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from leaves(child, (*path, name))
    else:
        yield " ".join(path), command


def spelling(parameter):
    return parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar


def commands():
    return dict(leaves(get_command(app)))


def test_commands_and_their_options():
    assert {
        path: [spelling(parameter) for parameter in command.params] for path, command in commands().items()
    } == SURFACE


def test_defaults():
    given = {
        (path, parameter.name): parameter.default
        for path, command in commands().items()
        for parameter in command.params
        if parameter.param_type_name == "option" and parameter.default is not None
    }
    assert given == DEFAULTS


def test_exit_codes():
    assert {code.name: code.value for code in Exit} == {
        "OK": 0,
        "SOME_FAILED": 1,
        "BAD_INPUT": 2,
        "LATER": 75,
        "INCOMPLETE": 3,
        "DEFECT": 70,
        "INTERRUPTED": 130,
    }


def test_every_command_and_option_says_what_it_is_for():
    for path, command in commands().items():
        assert command.help, path
        for parameter in command.params:
            assert parameter.help, f"{path} {parameter.name}"
