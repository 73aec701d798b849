"""From the URI of a nightly configuration to one that may be gone by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neckar.pipeline.manifests.document import read_mapping
from neckar.pipeline.manifests.source import resolve
from neckar.pipeline.storage.location import is_local, parent
from neckar.schemas.errors import Problem, UserError
from neckar.schemas.manifest import WEIGHTS_NAMES
from neckar.schemas.nightly import NightlyConfig
from neckar.schemas.wording import validated


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A configuration and where it came from; all URIs absolute.

    Attributes:
        uri: as the user gave it.
        base: the folder its relative URIs are relative to.
        dataset: the set: `datasets/NAME` below its store.
        sources: "content" and "style" to their folders.
        weights: a name, or a URI.
        config: what it says.
    """

    uri: str
    base: str
    dataset: str
    sources: dict[str, list[str]]
    weights: str
    config: NightlyConfig

    def deciding(self) -> dict[str, Any]:
        """What decides which pairs a night makes, as JSON, URIs absolute."""
        return {**self.config.deciding(), "sources": self.sources, "weights": self.weights}


def load_config(uri: str) -> LoadedConfig:
    """Read and validate a configuration.

    Args:
        uri: local path or `s3://`.

    Raises:
        UserError: it cannot be read, or every mistake in it, with places like `night.yaml: gates.ok`.
        Unavailable: its store does not answer.
    """
    _, value = read_mapping(uri, "begin it with 'name: ...', 'store: ...' and 'sources: ...'")
    try:
        config = validated(NightlyConfig, value)
    except UserError as error:
        raise error.below(uri) from None
    base, local = parent(uri), is_local(uri)
    problems: list[Problem] = []

    def absolute(found: str, place: str, names: tuple[str, ...] = ()) -> str:
        try:
            return resolve(base, found, f"{uri}: {place}", local=local, names=names)
        except UserError as error:
            problems.extend(error.problems)
            return found

    store = absolute(config.store, "store").rstrip("/")
    sides = {"content": config.sources.content, "style": config.sources.style}
    sources = {
        side: [absolute(folder, f"sources.{side}[{i}]") for i, folder in enumerate(folders)]
        for side, folders in sides.items()
    }
    weights = absolute(config.weights, "weights", WEIGHTS_NAMES)
    if problems:
        raise UserError(problems)
    return LoadedConfig(
        uri=uri,
        base=base,
        dataset=f"{store}/datasets/{config.name}",
        sources=sources,
        weights=weights,
        config=config,
    )
