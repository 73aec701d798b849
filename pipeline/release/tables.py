"""Text tables of a release."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def tsv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Tab-separated, as BIDS has it."""
    return _table(header, rows, "\t")


def comma_separated(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Comma-separated."""
    return _table(header, rows, ",")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
