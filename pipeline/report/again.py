"""What makes a pair of a run again: a manifest of this pair alone."""

from __future__ import annotations

from typing import Any

from neckar.pipeline.manifests.pairs import iter_pairs
from neckar.pipeline.manifests.source import loaded_again
from neckar.pipeline.report.table import PairTable
from neckar.pipeline.results.reading import ResultsReader, RunReader
from neckar.schemas.errors import UserError
from neckar.schemas.pair import Pair
from neckar.schemas.run import RunRecord


def pairs_again(reader: ResultsReader, table: PairTable) -> list[dict[str, Any] | None] | None:
    """Each pair as a manifest lists it, in the table's order.

    None where nobody can tell: of a set of many nights, and of a run whose pairs file is gone.

    Raises:
        StoreError: as the store says.
    """
    if not isinstance(reader, RunReader):
        return None
    found: list[dict[str, Any] | None] = [None] * len(table)
    try:
        for pair in iter_pairs(loaded_again(reader.record)):
            place = table.places.get(pair.pair_id)
            if place is not None:
                found[place] = _listed(pair, reader.record)
    except UserError:
        return None
    return found


def manifest_again(record: RunRecord) -> dict[str, Any]:
    """The manifest's own lines, without the pairs."""
    told: dict[str, Any] = {"schema_version": 1, "name": "again"}
    return told if record.weights == "oxford" else {**told, "weights": record.weights}


def _listed(pair: Pair, record: RunRecord) -> dict[str, Any]:
    settings = pair.settings.model_dump(mode="json", exclude_defaults=True)
    if pair.settings.precision == "auto":
        settings["precision"] = record.precision
    told: dict[str, Any] = {"id": pair.pair_id, "content": pair.content, "style": pair.style, "settings": settings}
    return {key: value for key, value in told.items() if value is not None}
