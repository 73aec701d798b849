"""The stimuli of a finished run: every pair that has a picture, with its row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from neckar.pipeline.manifests.pairs import iter_pairs
from neckar.pipeline.manifests.source import loaded_again
from neckar.pipeline.results.reading import RunReader
from neckar.schemas.pair import Pair

COLUMNS = (
    "pair_id", "status", "spec_hash", "image_uri", "image_sha256", "pixel_sha256", "copy_uri", "copy_sha256",
    "precision", "chroma_kept", "loss_total_png", "loss_content_png", "loss_style_png", "alpha_beta_ratio", "seed",
    "content_sha256", "style_sha256",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One stimulus.

    Attributes:
        pair: from the manifest.
        row: of its result, `COLUMNS`.
    """

    pair: Pair
    row: Mapping[str, Any]

    def level(self, name: str) -> str | None:
        """Of a factor, or what a table says of its images; None where it has neither."""
        return self.pair.levels.get(name, self.pair.extra.get(name))


def entries(reader: RunReader) -> Iterator[Entry]:
    """In the manifest's order. Raises `UserError` where the manifest's files are gone or changed."""
    rows = {row["pair_id"]: row for row in reader.dataset().to_table(columns=list(COLUMNS)).to_pylist()}
    for pair in iter_pairs(loaded_again(reader.record)):
        row = rows.get(pair.pair_id)
        if row is not None and row["status"] == "ok":
            yield Entry(pair, row)
