"""A run in a notebook: `run = neckar.open_run(...)`, its tables as data frames, its pairs as pictures."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from neckar.schemas.errors import PairError, UserError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from PIL import Image

    from neckar.pipeline.results.reading import ResultsReader, RunReader
    from neckar.pipeline.results.versions import VersionReader
    from neckar.schemas.results import ResultRow
    from neckar.schemas.status import Counts

_SHOWN_PX = 256  # longest side of a picture in a notebook: what is larger is made smaller
_SHOWN = ("status", "loss_total", "loss_content", "loss_style", "iterations", "stop_reason", "seconds", "error_message")


def open_run(uri: str | PathLike[str]) -> OpenRun:
    """A run, live or finished, or a set that grows by night, to be read.

    Args:
        uri: folder or s3:// URI; of a set `datasets/NAME` or `datasets/NAME@2026-11-27`.

    Raises:
        UserError: there is none, or a record is damaged.
        StoreError: as the store says.
    """
    from neckar.pipeline.results.versions import open_results

    return OpenRun(open_results(fspath(uri)))


@dataclass(frozen=True)
class OpenRun:
    """An open run: a snapshot of what stood on the store when it was opened.

    Attributes:
        reader: its rows.
    """

    reader: RunReader | VersionReader

    @property
    def results(self) -> Question:
        """One row a pair that has a result."""
        return Question(self.reader, "from results")

    @property
    def loss_trace(self) -> Question:
        """One row an evaluation."""
        return Question(self.reader, "from loss_trace")

    @property
    def design(self) -> Question:
        """One row a pair of the manifest, done or not; every factor is a column."""
        return Question(self.reader, "from design")

    def sql(self, sql: str) -> Question:
        """One SELECT over `results`, `loss_trace`, `design` and, of a stimulus set, `stimuli`."""
        return Question(self.reader, sql)

    def pair(self, pair_id: str) -> OpenPair:
        """A pair. Raises `UserError` where it has no result."""
        return OpenPair(self.reader, self.reader.row(pair_id))

    def row(self, pair_id: str) -> ResultRow:
        """A pair's result. Raises `UserError` where it has none."""
        return self.reader.row(pair_id)

    def image(self, row: ResultRow) -> bytes:
        """The PNG of an `ok` row. Raises `NotFound` where somebody deleted it."""
        return self.reader.image(row)

    def counts(self) -> Counts:
        """Pairs by status."""
        return self.reader.counts()

    def __repr__(self) -> str:
        counts = self.counts()
        told = f"ok {counts.ok:,}, failed {counts.failed:,}, quarantined {counts.quarantined:,}"
        return f"<run {self.reader.store.uri}: {told}>"


@dataclass(frozen=True)
class Question:
    """A question about a run that is answered when its answer is taken, anew each time.

    Every method may raise `UserError`: a mistake in the SQL, or an answer that costs too much.

    Attributes:
        reader: of the run.
        text: its SQL.
    """

    reader: ResultsReader
    text: str

    def arrow(self) -> pa.Table:
        """The answer as an Arrow table."""
        from neckar.pipeline.queries.database import query

        return query(self.reader, self.text)

    def pandas(self) -> pd.DataFrame:
        """The answer as a data frame of pandas, if that is installed."""
        try:
            import pandas as pd  # noqa: F401  # Arrow needs it
        except ImportError:
            raise UserError.at("pandas()", "pandas is not installed; pip install pandas, or use .arrow()") from None
        return self.arrow().to_pandas()

    def polars(self) -> pl.DataFrame:
        """The answer as a data frame of polars, if that is installed."""
        try:
            import polars as pl
        except ImportError:
            raise UserError.at("polars()", "polars is not installed; pip install polars, or use .arrow()") from None
        frame = pl.from_arrow(self.arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    def sql(self, sql: str) -> Question:
        """Another question about the same run, over all its views."""
        return Question(self.reader, sql)


@dataclass(frozen=True)
class OpenPair:
    """A pair's result, with its pictures.

    Attributes:
        reader: of its run.
        row: all that is on record.
    """

    reader: ResultsReader
    row: ResultRow

    def image(self) -> Image.Image:
        """The result as it stands on the store, decoded.

        Raises:
            UserError: the pair has no picture.
            NotFound: somebody deleted it.
        """
        from PIL import Image

        if self.row.image_uri is None:
            raise UserError.at(f"pair {self.row.pair_id!r}", f"is {self.row.status} and has no picture")
        return Image.open(io.BytesIO(self.reader.image(self.row)))

    def trace(self) -> pa.Table:
        """One row an evaluation: iteration (from 1), total, content, style, and the style layers in use."""
        import pyarrow as pa

        trace = self.row.loss_trace
        if trace is None:
            return pa.table({"iteration": pa.array([], pa.int32()), "total": pa.array([], pa.float32())})
        columns = dict(zip(trace.columns, trace.values.T, strict=True))  # noqa: PD011  # no data frame
        return pa.table({"iteration": pa.array(range(1, len(trace.values) + 1), pa.int32()), **columns})

    def _repr_html_(self) -> str:
        """Content, style and result side by side, and the numbers: what a notebook shows of it."""
        from neckar.jobs.output.tables import text

        row = self.row
        figures = [
            _figure("content", row.content_uri, lambda: _source(row.content_uri or "")),
            _figure("style", row.style_uri, lambda: _source(row.style_uri or "")),
            _figure("result", row.image_uri, self.image),
        ]
        values: dict[str, Any] = {**row.levels, **{name: getattr(row, name) for name in _SHOWN}}
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(text(value))}</td></tr>"
            for name, value in values.items()
            if value is not None
        )
        return (
            f"<div><strong>{html.escape(row.pair_id)}</strong>"
            f"<div style='display:flex;gap:1em;flex-wrap:wrap'>{''.join(figures)}</div><table>{cells}</table></div>"
        )


def _source(uri: str) -> Image.Image:
    """A content or style picture, at the size it is shown in."""
    from PIL import Image

    from neckar.pipeline.images.decode import decode_at
    from neckar.pipeline.storage.access import read_uri

    return Image.fromarray(
        decode_at(read_uri(uri), _SHOWN_PX, "lanczos", name=uri).round().clip(0, 255).astype("uint8")
    )


def _figure(name: str, uri: str | None, picture: Any) -> str:
    """A picture with its name; what cannot be read any more is told in its place."""
    from neckar.pipeline.storage.store import StoreError

    if uri is None:
        return ""
    try:
        shown = picture().convert("RGB")
        shown.thumbnail((_SHOWN_PX, _SHOWN_PX))
        out = io.BytesIO()
        shown.save(out, format="PNG")
        data = base64.b64encode(out.getvalue()).decode()
        inside = f"<img alt='{name}: {html.escape(uri, quote=True)}' src='data:image/png;base64,{data}'>"
    except (StoreError, PairError, OSError, ValueError) as error:
        inside = f"<em>cannot be shown: {html.escape(str(error))}</em>"
    return f"<figure style='margin:0'>{inside}<figcaption>{name}</figcaption></figure>"
