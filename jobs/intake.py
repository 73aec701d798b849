"""What every command does with a manifest first: read it and find every mistake in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import UserError

if TYPE_CHECKING:
    from pipeline.manifests.pairs import Survey
    from pipeline.manifests.source import LoadedManifest


def take_in(manifest: str, base: str | None, *, allow_local: bool = False) -> tuple[LoadedManifest, Survey]:
    """A manifest without mistakes, and what it asks for. Its pictures are not looked at.

    Raises:
        UserError: every mistake in it.
    """
    from pipeline.manifests.pairs import survey
    from pipeline.manifests.source import load_manifest

    loaded = load_manifest(manifest, base=base, allow_local=allow_local)
    found = survey(loaded)
    _find_weights(loaded)
    return loaded, found


def _find_weights(loaded: LoadedManifest) -> None:
    """Weights must be there; what is in them, a worker finds out."""
    from pipeline.storage.access import open_uri
    from pipeline.storage.store import StoreError
    from schemas.manifest import WEIGHTS_NAMES

    if loaded.weights == "torchvision":
        from pipeline.weights import torchvision_file  # torch's start is waited for only here

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
