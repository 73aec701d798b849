"""Runs that nobody computed, of any size: rows, pictures and sources as a run leaves them."""

from __future__ import annotations

import hashlib
import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from neckar.pipeline.images.encode import encode_png
from neckar.pipeline.manifests.pairs import iter_pairs
from neckar.pipeline.manifests.source import loaded_again
from neckar.pipeline.queries.database import query
from neckar.pipeline.results.layout import PartPlace, image_key
from neckar.pipeline.results.records import to_json
from neckar.pipeline.results.rows.arrow import rows_to_table
from neckar.pipeline.results.rows.parquet import parquet_bytes
from neckar.pipeline.results.run import create_or_resume
from neckar.pipeline.results.success import seal
from neckar.pipeline.results.versions import open_results
from neckar.pipeline.stimuli import layout
from neckar.pipeline.stimuli.columns import SCHEMA
from neckar.pipeline.storage.access import open_store
from neckar.pipeline.storage.store import Store
from neckar.schemas.errors import ErrorCode
from neckar.schemas.pair import Pair
from neckar.schemas.results import ResultRow, Trace
from neckar.schemas.stimulus_set import SetSuccess
from tests.results.samples import START, STYLE_LAYERS, failed_row, ok_row, run_record, sha

PART_PAIRS = 2500
CODES = (ErrorCode.IMAGE_MISSING, ErrorCode.NON_FINITE_LOSS)


def curve(evaluations: int, draw: np.random.Generator) -> Trace:
    """Losses that fall as losses do."""
    steps = np.arange(1, evaluations + 1)[:, None]
    start = draw.uniform(1e5, 1e8, len(STYLE_LAYERS) + 3)
    rough = np.exp(draw.normal(0, 0.02, (evaluations, len(start))))
    values = start / steps ** draw.uniform(0.5, 1.2, len(start)) * rough
    return Trace(("total", "content", "style", *STYLE_LAYERS), values.astype(np.float32))


def picture(height: int, width: int, draw: np.random.Generator) -> np.ndarray:
    """Blots in colours: (height, width, 3) uint8."""
    small = draw.integers(0, 256, (max(2, height // 6), max(2, width // 6), 3), np.uint8)
    blots = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    return np.clip(blots + draw.integers(-20, 21, blots.shape), 0, 255).astype(np.uint8)


def made_run(  # noqa: PLR0913
    folder: str | Path,
    *,
    contents: int = 2,
    styles: int = 2,
    factors: dict[str, list] | None = None,
    size: tuple[int, int] = (16, 24),
    evaluations: int = 60,
    failing: float = 0.0,
    pending: int = 0,
    sealed: bool = True,
    pictures: bool = True,
    pool: int = 50,
    levels: bool = True,
) -> str:
    """A run of a full factorial; its URI.

    Args:
        folder: URI of it, or a path; sources stand beside it.
        contents, styles: how many pictures of each.
        factors: besides.
        size: height and width of the stimuli.
        evaluations: of each.
        failing: share of the pairs that fail.
        pending: pairs at the end that have no row.
        sealed: whether it is complete.
        pictures: whether the stimuli stand on the store.
        pool: how many different stimuli there are.
        levels: whether it is a design; else its pairs are listed.
    """
    draw = np.random.default_rng(7)
    store = open_store(str(folder))
    manifest = {"schema_version": 1, "name": "made", "settings": {"size": list(size), "iterations": evaluations}}
    sources = open_store(f"{store.uri}-sources")
    names = {"content": _sources(sources, "content", contents, draw), "style": _sources(sources, "style", styles, draw)}
    if levels:
        manifest["design"] = names | ({"factors": factors} if factors else {})
    else:
        both = itertools.product(names["content"], names["style"])
        manifest["pairs"] = [{"content": content, "style": style} for content, style in both]
    record = run_record(1, manifest=manifest, base=sources.uri)
    pairs = list(iter_pairs(loaded_again(record)))
    begun = create_or_resume(store, record.model_copy(update={"pairs": len(pairs)}), owner="me")
    files = [encode_png(picture(*size, draw), {}) for _ in range(pool)] if pictures else []
    curves = [curve(evaluations, draw) for _ in range(pool)]
    done = pairs[: len(pairs) - pending]
    for sequence, first in enumerate(range(0, len(done), PART_PAIRS)):
        rows = []
        for pair in done[first : first + PART_PAIRS]:
            if draw.random() < failing:
                rows.append(_failed(pair))
                continue
            rows.append(_ok(pair, size, curves[pair.index % pool], draw))
            if files:
                store.put(rows[-1].image_uri, files[pair.index % pool])
        store.put(PartPlace(begun.lease.epoch, sequence).key, parquet_bytes(rows_to_table(rows)))
    if sealed:
        seal(store, begun.record.model_copy(update={"pairs": len(done)}), begun.lease)
    else:
        begun.lease.release()
    return store.uri


def _sources(store: Store, side: str, count: int, draw: np.random.Generator) -> list[str]:
    """So many pictures of a side on a store; their names."""
    names = [f"{side}{number:03d}.png" for number in range(count)]
    for name in names:
        store.put(name, encode_png(picture(60, 90, draw), {}))
    return names


def _of(pair: Pair) -> dict[str, Any]:
    return {"pair_id": pair.pair_id, "levels": pair.levels, "content_uri": pair.content, "style_uri": pair.style}


def _failed(pair: Pair) -> ResultRow:
    code = CODES[pair.index % 2]
    return failed_row(pair.index, **_of(pair), error_code=code, error_message=f"{pair.content}: {code}")


def _ok(pair: Pair, size: tuple[int, int], like: Trace, draw: np.random.Generator) -> ResultRow:
    """A row whose losses go as those of a trace, each by a factor of its own."""
    scales = np.exp(draw.normal(0, 1, like.values.shape[1])).astype(np.float32)
    trace = Trace(like.columns, like.values * scales)
    total, content, style = map(float, trace.values[-1, :3])
    losses = {"loss_total": total, "loss_content": content, "loss_style": style, "loss_total_png": total * 1.01}
    hashes = {name: sha(f"{pair.pair_id} {name}") for name in ("spec_hash", "image_sha256", "pixel_sha256")}
    return ok_row(
        pair.index,
        **_of(pair),
        **losses,
        **hashes,
        loss_trace=trace,
        image_uri=image_key(hashes["spec_hash"]),
        height_px=size[0],
        width_px=size[1],
        iterations=len(trace.values),
        seconds=float(draw.uniform(5, 9)),
        seed=pair.settings.seed,
    )


def finish_run(run: str) -> np.ndarray:
    """A finished set of a run, as its second pass leaves it: one final picture for all, which is returned."""
    store = open_store(run)
    reader = open_results(run)
    rows = query(reader, "select pair_index, pair_id from results where status = 'ok' order by pair_index").to_pylist()
    final = picture(16, 24, np.random.default_rng(99))
    table = []
    for number, row in enumerate(rows):
        store.put(layout.picture_key(1, row["pair_id"]), encode_png(final, {}))
        passed = number % 2 == 0
        judged = {"qc_pass": passed, "qc_failed": [] if passed else ["clipped: .2"], "content_pearson_r": number / 10}
        made = {
            "image_uri": layout.picture_key(1, row["pair_id"]),
            "loss_total": float(number),
            "condition": "stylised",
        }
        table.append(row | judged | made)
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(table, schema=SCHEMA), out)
    store.put(layout.table_key(1), out.getvalue())
    success = SetSuccess(
        version=1,
        identity="made",
        sha256=hashlib.sha256(out.getvalue()).hexdigest(),
        stimuli=len(table),
        passed=len(table) // 2,
        failed=len(table) // 2,
        unmatched=0,
        finished_at=START,
    )
    store.put(layout.set_key(1), b"{}")
    store.put(layout.success_key(1), to_json(success))
    return final
