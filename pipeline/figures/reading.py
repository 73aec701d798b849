"""A run's pairs and pictures, as figures want them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from neckar.pipeline.figures.film import Step, Strip
from neckar.pipeline.figures.grid import Entry
from neckar.pipeline.figures.sheet import Pictures, Side
from neckar.pipeline.images.decode import decode, decode_at
from neckar.pipeline.queries.design_view import DesignView
from neckar.pipeline.queries.views import views_of
from neckar.pipeline.results.layout import snapshot_iteration, snapshots_prefix
from neckar.pipeline.results.reading import ResultsReader
from neckar.pipeline.stimuli.reading import tables_of
from neckar.pipeline.storage.access import read_uri
from neckar.pipeline.storage.store import StoreError
from neckar.schemas.errors import PairError, UserError


def entries_of(reader: ResultsReader) -> list[Entry]:
    """The pairs of the design, in its order, with their levels as numbers where all levels are.

    Raises:
        UserError: a file of the run is damaged, or its pairs file is gone.
        StoreError: as the store says.
    """
    view = views_of(reader, "design")["design"]
    assert isinstance(view, DesignView)
    rows = view.scanner().to_table().sort_by("pair_index").to_pylist()
    names = {factor.column: factor.name for factor in view.factors}
    codes = _codes(reader)
    return [
        Entry(
            row["pair_id"],
            row["status"],
            {name: row[column] for column, name in names.items() if row[column] is not None},
            codes.get(row["pair_id"]),
            {"content": row["content_uri"], "style": row["style_uri"]},
        )
        for row in rows
    ]


def strip_of(reader: ResultsReader, pair_id: str) -> Strip:
    """A pair's snapshots and its result, with their losses.

    Raises:
        UserError: there is no such pair, or it has no picture, or no snapshots.
        StoreError: as the store says.
        PairError: a picture cannot be read.
    """
    row = reader.row(pair_id)
    if row.image_uri is None:
        raise UserError.at(f"pair {pair_id!r}", f"is {row.status} and has no picture")
    losses = row.loss_trace.values[:, 0] if row.loss_trace is not None else ()
    steps = []
    for key in sorted(info.key for info in reader.store.list(snapshots_prefix(row.image_uri))):
        iteration = snapshot_iteration(key)
        if iteration is not None:
            loss = float(losses[iteration - 1]) if iteration <= len(losses) else None
            levels = _levels(decode(reader.store.get(key), name=f"{reader.store.uri}/{key}"))
            steps.append(Step(iteration, levels, loss))
    if not steps:
        mend = "write e.g. snapshots: [1, 10, 50, 100, 500] into its settings and make it in another output"
        raise UserError.at(f"pair {pair_id!r}", f"has no snapshots; {mend}")
    levels = _levels(decode(reader.image(row), name=f"{reader.store.uri}/{row.image_uri}"))
    return Strip(pair_id, (*steps, Step(row.iterations, levels, row.loss_total)))


def pictures_of(reader: ResultsReader) -> Pictures:
    """Reads a run's pictures: stimuli as an observer sees them, in sRGB of 8 bits."""
    final = _final_keys(reader)

    def stimulus(entry: Entry) -> np.ndarray:
        key = final.get(entry.pair_id) or reader.row(entry.pair_id).image_uri
        assert key is not None, entry.status
        return _levels(decode(reader.store.get(key), name=f"{reader.store.uri}/{key}"))

    def source(side: Side, entry: Entry, height_px: int, width_px: int) -> np.ndarray | None:
        """As large as there is room; None where it cannot be read."""
        uri = entry.sources.get(side)
        if uri is None:
            return None
        try:
            levels = _levels(decode_at(read_uri(uri), max(height_px, width_px), "lanczos", name=uri))
        except (StoreError, PairError):
            return None
        picture = Image.fromarray(levels)
        picture.thumbnail((width_px, height_px), Image.Resampling.LANCZOS)
        return np.asarray(picture)

    return Pictures(stimulus, source)


def _final_keys(reader: ResultsReader) -> dict[str, str]:
    """Of a finished set the keys of its final pictures, by pair."""
    table = tables_of(reader).get("stimuli")
    if table is None:
        return {}
    return dict(zip(table.column("pair_id").to_pylist(), table.column("image_uri").to_pylist(), strict=True))


def _codes(reader: ResultsReader) -> dict[str, str]:
    """Error codes of the pairs that have one."""
    view = views_of(reader, "")["results"]
    rows: Sequence[dict[str, str | None]]
    rows = view.scanner(columns=["pair_id", "error_code"]).to_table().to_pylist()
    return {str(row["pair_id"]): row["error_code"] for row in rows if row["error_code"]}


def _levels(pixels: np.ndarray) -> np.ndarray:
    rounded: np.ndarray = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return rounded
