"""From a URI to a validated manifest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from neckar.pipeline.manifests.document import read_mapping
from neckar.pipeline.storage.location import absolute, is_local, join, parent
from neckar.pipeline.storage.store import StoreError
from neckar.schemas.errors import UserError
from neckar.schemas.manifest import WEIGHTS_NAMES, Manifest
from neckar.schemas.run import RunRecord
from neckar.schemas.wording import shown, validated


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedManifest:
    """A manifest and where it came from.

    Attributes:
        uri: as the user gave it: the first part of the place in every message.
        sha256: of its bytes, hex.
        base: absolute URI of the folder its relative URIs are relative to.
        output: absolute URI of the results, if it names one: relative to its own folder, whatever the base.
        weights: a name, or the absolute URI of the weights.
        manifest: what it says.
        allow_local: whether what comes from an object store may name files of this machine.
    """

    uri: str
    sha256: str
    base: str
    output: str | None
    weights: str
    manifest: Manifest
    allow_local: bool = False

    def may_name_files(self, source: str) -> bool:
        """Whether the manifest or pairs file at this URI may name files of this machine outside the base.

        One from an object store may not: whoever may write there would read this machine's files with it.
        """
        return self.allow_local or is_local(source)


def load_manifest(uri: str, *, base: str | None = None, allow_local: bool = False) -> LoadedManifest:
    """Read and validate a manifest, YAML or, where its name ends in .json, JSON.

    Args:
        uri: local path or `s3://`.
        base: the folder relative URIs are relative to; the manifest's own by default.
        allow_local: let a manifest from an object store name files of this machine.

    Raises:
        UserError: it cannot be read, or every mistake in it at once, with places like
            `jobs.yaml: pairs[17].settings.pooling`.
    """
    data, value = read_mapping(uri, "begin it with 'schema_version: 1' and 'name: ...'")
    folder = parent(uri)
    base = folder if base is None else _base(base)
    local = allow_local or is_local(uri)
    try:
        manifest = validated(Manifest, value)
    except UserError as error:
        raise error.below(uri) from None
    return LoadedManifest(
        uri=uri,
        sha256=hashlib.sha256(data).hexdigest(),
        base=base,
        output=manifest.output and resolve(folder, manifest.output, f"{uri}: output", local=local),
        weights=resolve(base, manifest.weights, f"{uri}: weights", local=local, names=WEIGHTS_NAMES),
        manifest=manifest,
        allow_local=allow_local,
    )


def _base(uri: str) -> str:
    try:
        return absolute(uri)
    except StoreError as error:
        raise UserError.at(error.uri, error.message) from None


def loaded_again(record: RunRecord) -> LoadedManifest:
    """The manifest of a run that was begun, from the run's own record. Its pairs file is where it was."""
    return LoadedManifest(
        uri=record.manifest_uri,
        sha256=record.manifest_sha256,
        base=record.base,
        output=None,
        weights=record.weights,
        manifest=validated(Manifest, record.manifest),
        allow_local=True,  # whoever began the run was asked
    )


def resolve(base: str, uri: str, place: str, *, local: bool, names: tuple[str, ...] = ()) -> str:
    """The absolute form of a URI, or one of the `names` as it is.

    Args:
        base: the folder it may be relative to.
        uri: as written.
        place: of it, for the message.
        local: whether it may name a file of this machine outside the base.
        names: what is no URI.

    Raises:
        UserError: at `place`: it leads where Neckar does not read.
    """
    if uri in names:
        return uri
    try:
        found = join(base, uri)
    except StoreError as error:
        raise UserError.at(place, str(error)) from None
    if not local and is_local(found) and not found.startswith(f"{base.rstrip('/')}/"):
        mend = "put it on the store, or add --allow-local if you trust who wrote this"
        raise UserError.at(place, f"{shown(uri)} is on this machine, and this comes from an object store; {mend}")
    return found
