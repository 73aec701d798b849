"""What every command does with a manifest first: read it and find every mistake in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neckar.schemas.errors import UserError

if TYPE_CHECKING:
    from neckar.pipeline.manifests.pairs import Survey
    from neckar.pipeline.manifests.source import LoadedManifest


def take_in(manifest: str, base: str | None, *, allow_local: bool = False) -> tuple[LoadedManifest, Survey]:
    """A manifest without mistakes, and what it asks for. Its pictures are not looked at.

    Raises:
        UserError: every mistake in it.
    """
    from neckar.pipeline.manifests.pairs import survey
    from neckar.pipeline.manifests.source import load_manifest

    loaded = load_manifest(manifest, base=base, allow_local=allow_local)
    found = survey(loaded)
    if loaded.manifest.finishes:
        from neckar.pipeline.stimuli.demands import check

        try:
            check(loaded.manifest, found)
        except UserError as error:
            raise error.below(loaded.uri) from None
    find_weights(loaded)
    return loaded, found


def output_of(loaded: LoadedManifest, output: str | None) -> str:
    """The run's absolute URI: as given, else the manifest's.

    Raises:
        UserError: neither names one.
    """
    from neckar.pipeline.storage.location import absolute

    target = absolute(output) if output is not None else loaded.output
    if target is None:
        raise UserError.at(loaded.uri, "names no output; add --output URI, or the key 'output'")
    return target


def find_weights(loaded: LoadedManifest) -> None:
    """Weights must be there; what is in them, a worker finds out."""
    from neckar.pipeline.storage.access import open_uri
    from neckar.pipeline.storage.store import StoreError
    from neckar.schemas.manifest import WEIGHTS_NAMES

    if loaded.weights == "torchvision":
        from neckar.pipeline.worker.weights import torchvision_file  # torch's start is waited for only here

        try:
            torchvision_file()
        except UserError as error:
            raise error.below(loaded.uri) from None
    if loaded.weights in WEIGHTS_NAMES:
        return
    try:
        open_uri(loaded.weights).close()
    except StoreError as error:
        raise UserError.at(f"{loaded.uri}: weights", str(error)) from error
