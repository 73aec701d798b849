"""Arguments that several commands share: one spelling and one explanation each."""

from __future__ import annotations

from typing import Annotated

import typer

ManifestArgument = Annotated[str, typer.Argument(help="YAML or JSON: a path or s3:// URI.", metavar="MANIFEST")]
BaseOption = Annotated[
    str | None,
    typer.Option(help="What relative URIs are relative to; else the manifest's folder.", metavar="URI"),
]
RunArgument = Annotated[str, typer.Argument(help="The run: a folder or s3:// URI.", metavar="RUN")]


def count(text: str) -> int:
    """A number of things, at least one; for typer's `parser`."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise typer.BadParameter(f"{text!r} is not a number of them; write a whole number, 1 or more")
    return int(text)
