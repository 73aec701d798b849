"""What a page says of its run beside the pairs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from neckar.pipeline.report.again import manifest_again
from neckar.pipeline.report.details import BLOCK_PAIRS
from neckar.pipeline.report.table import PairTable
from neckar.pipeline.results.reading import ResultsReader, RunReader
from neckar.schemas.errors import MENDS


def name_of(reader: ResultsReader) -> str:
    """The run's own name."""
    if isinstance(reader, RunReader):
        return reader.record.name
    return reader.store.uri.rstrip("/").rpartition("/")[2]


def about(reader: ResultsReader, table: PairTable) -> dict[str, Any]:
    """The header of a page's table."""
    return {
        "name": name_of(reader),
        "told": told(table),
        "uri": reader.store.uri,
        "block_pairs": BLOCK_PAIRS,
        "version": "",
        "again": manifest_again(reader.record) if isinstance(reader, RunReader) else None,
        "mends": {code: {"meaning": known.meaning, "mend": known.mend} for code, known in MENDS.items()},
    }


def told(table: PairTable) -> str:
    """A line about the run: how many pairs, how far, when."""
    status = table.words("status")
    tally = np.bincount(status.codes, minlength=len(status.levels) + 1)[1:]
    counts = ", ".join(f"{count:,} {level}" for level, count in zip(status.levels, tally, strict=True))
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{len(table):,} pairs{': ' if counts else ''}{counts}; as of {now}"
