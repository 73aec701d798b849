"""Arguments that several commands share: one spelling and one explanation each."""

from __future__ import annotations

import math
from typing import Annotated

import typer

ManifestArgument = Annotated[str, typer.Argument(help="YAML or JSON: a path or s3:// URI.", metavar="MANIFEST")]
BaseOption = Annotated[
    str | None,
    typer.Option(help="What relative URIs are relative to; else the manifest's folder.", metavar="URI"),
]
AllowLocalOption = Annotated[
    bool, typer.Option("--allow-local", help="Let a manifest from an object store name files of this machine.")
]
RunArgument = Annotated[str, typer.Argument(help="The run: a folder or s3:// URI.", metavar="RUN")]


def seconds(text: str) -> float:
    """A time, more than nothing; for typer's `parser`."""
    if (value := _number(text)) > 0.0:
        return value
    raise typer.BadParameter(f"{text!r} is no time; write seconds, e.g. 600")


def share(text: str) -> float:
    """A part of a whole, for typer's `parser`."""
    percent = text.endswith("%")
    value = _number(text.removesuffix("%")) / (100 if percent else 1)
    if 0.0 <= value <= 1.0:
        return value
    raise typer.BadParameter(f"{text!r} is no share; write e.g. 0.05 or 5%")


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def count(text: str) -> int:
    """A number of things, at least one; for typer's `parser`."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise typer.BadParameter(f"{text!r} is not a number of them; write a whole number, 1 or more")
    return int(text)


DeadlineOption = Annotated[
    float | None,
    typer.Option(parser=seconds, help="A picture that takes longer is given up; else none is.", metavar="SECONDS"),
]
ErrorRateOption = Annotated[
    float | None,
    typer.Option(
        parser=share, help="Stop when more than this share of 100 pairs or more has failed; else 50%.", metavar="SHARE"
    ),
]
StallOption = Annotated[
    float | None,
    typer.Option(parser=seconds, help="Stop when nothing has happened for so long; else 1800.", metavar="SECONDS"),
]
SilenceOption = Annotated[
    float | None,
    typer.Option(parser=seconds, help="A worker without an answer for so long is killed; else 600.", metavar="SECONDS"),
]
