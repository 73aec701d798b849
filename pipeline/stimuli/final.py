"""The final stimuli of a run: those of its set's newest version, or its pictures as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from neckar.pipeline.images.encode import read_levels
from neckar.pipeline.images.finish import seen
from neckar.pipeline.manifests.pairs import iter_pairs
from neckar.pipeline.manifests.source import loaded_again
from neckar.pipeline.results.reading import RunReader
from neckar.pipeline.stimuli.reading import newest, read_table
from neckar.pipeline.trials.stimulus import Stimulus
from neckar.schemas.errors import UserError
from neckar.schemas.pair import Pair
from neckar.schemas.stimulus_set import SetSuccess


@dataclass(frozen=True)
class FinalSet:
    """All stimuli of a complete run.

    Attributes:
        reader: the run.
        version: of the set; None where the manifest asks for neither match nor qc.
        results: rows of the run by pair id, without traces.
        rows: rows of the set's table by pair id; empty where there is none.
    """

    reader: RunReader
    version: SetSuccess | None
    results: Mapping[str, Mapping[str, Any]]
    rows: Mapping[str, Mapping[str, Any]]

    @cached_property
    def pairs(self) -> list[Pair]:
        """Every pair of the manifest, in its order."""
        return list(iter_pairs(loaded_again(self.reader.record)))

    @cached_property
    def stimuli(self) -> list[Stimulus]:
        """Those that have a picture, as trials know them."""
        found = []
        for pair in self.pairs:
            row = self.results.get(pair.pair_id)
            if row is not None and row["status"] == "ok":
                found.append(_stimulus(pair, row))
        return found

    def image_uri(self, pair_id: str) -> str:
        """Key of the final picture, relative to the run."""
        row = self.rows.get(pair_id) or self.results[pair_id]
        return str(row["image_uri"])

    def picture(self, pair_id: str) -> np.ndarray:
        """What an observer sees: (H, W, 3) float32, sRGB levels 0-255."""
        levels = read_levels(self.reader.store.get(self.image_uri(pair_id)))
        return seen(levels, self.results[pair_id]["transfer_function"] or "srgb")


def open_set(reader: RunReader) -> FinalSet:
    """The stimuli of a run.

    Raises:
        UserError: it is not complete.
        StoreError: as the store says.
    """
    if reader.success is None:
        mend = "the same neckar run makes what is missing"
        raise UserError.at(reader.store.uri, f"the run is not complete, so it is no set yet; {mend}")
    names = [name for name in reader.dataset().schema.names if name not in {"loss_trace", "_part"}]
    results = {row["pair_id"]: row for row in reader.dataset().to_table(columns=names).to_pylist()}
    version = newest(reader.store)
    rows = {} if version is None else {row["pair_id"]: row for row in read_table(reader.store, version).to_pylist()}
    return FinalSet(reader, version, results, rows)


def _stimulus(pair: Pair, row: Mapping[str, Any]) -> Stimulus:
    levels = dict(pair.levels)
    return Stimulus(
        pair.pair_id,
        pair.settings.condition,
        levels.get("content", pair.content),
        levels.get("style", pair.style),
        levels,
        row["height_px"],
        row["width_px"],
    )
