"""`neckar validate`: every problem of a manifest at once, before any compute."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from neckar.jobs.input.arguments import AllowLocalOption, BaseOption, ManifestArgument
from neckar.schemas.errors import Problem, UserError

if TYPE_CHECKING:
    from neckar.pipeline.manifests.source import LoadedManifest

_READERS = 4  # each holds one decoded picture


def validate(
    manifest: ManifestArgument,
    base: BaseOption = None,
    allow_local: AllowLocalOption = False,
    check_images: Annotated[bool, typer.Option("--check-images", help="Open every picture as well.")] = False,
    elsewhere: Annotated[
        bool, typer.Option("--elsewhere", help="It will run on other machines: what this one cannot is no problem.")
    ] = False,
) -> None:
    """Tell every problem of a manifest at once, before any compute."""
    from neckar.jobs.input.intake import take_in
    from neckar.jobs.measure.feasible import refuse_impossible

    loaded, found = take_in(manifest, base, allow_local=allow_local)
    if not elsewhere:
        refuse_impossible(loaded, found, sizes=False)
    opened = f", {_open_images(loaded):,} pictures opened" if check_images else ""
    print(f"{manifest}: {found.pairs:,} pairs{opened}; no problem found")


def _open_images(loaded: LoadedManifest) -> int:
    """Decode every distinct picture, each once.

    Raises:
        UserError: every picture that a run could not use.
    """
    from concurrent.futures import ThreadPoolExecutor

    images = dict.fromkeys(_images(loaded))
    with ThreadPoolExecutor(_READERS) as readers:
        problems = [problem for problem in readers.map(_problem, images) if problem]
    if problems:
        raise UserError(problems)
    return len(images)


def _images(loaded: LoadedManifest) -> Iterator[str]:
    from neckar.pipeline.manifests.pairs import iter_pairs

    for pair in iter_pairs(loaded):
        yield from (uri for uri in (pair.content, pair.style, pair.settings.init_uri) if uri is not None)


def _problem(uri: str) -> Problem | None:
    from neckar.pipeline.images.decode import check
    from neckar.pipeline.storage.access import read_uri
    from neckar.pipeline.storage.store import StoreError
    from neckar.schemas.errors import PairError

    try:
        check(read_uri(uri), name=uri, warn=lambda told: print(f"warning: {told}", file=sys.stderr))
    except StoreError as error:
        return Problem(error.uri, error.message)
    except PairError as error:
        return Problem(uri, error.message.removeprefix(f"{uri}: "))
    return None
