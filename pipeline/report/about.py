"""What a page says of its run beside the pairs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from neckar.pipeline.report.again import manifest_again
from neckar.pipeline.report.details import BLOCK_PAIRS
from neckar.pipeline.results.reading import ResultsReader, RunReader
from neckar.schemas.errors import MENDS


def name_of(reader: ResultsReader) -> str:
    """The run's own name."""
    if isinstance(reader, RunReader):
        return reader.record.name
    return reader.store.uri.rstrip("/").rpartition("/")[2]


def about(reader: ResultsReader) -> dict[str, Any]:
    """The header of a page's table."""
    return {
        "name": name_of(reader),
        "uri": reader.store.uri,
        "block_pairs": BLOCK_PAIRS,
        "version": "",
        "again": manifest_again(reader.record) if isinstance(reader, RunReader) else None,
        "mends": {code: {"meaning": told.meaning, "mend": told.mend} for code, told in MENDS.items()},
    }


def told(reader: ResultsReader, pairs: int) -> str:
    """A line about the run: how many pairs, how far, when."""
    counts = reader.counts() if hasattr(reader, "counts") else None
    done = "" if counts is None else f", {counts.ok:,} ok, {counts.failed:,} failed, {counts.quarantined:,} quarantined"
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{pairs:,} pairs{done}, as of {now}"
