"""The second pass over a finished run: the set matched, every stimulus judged, all of it in one table.

A version of the set is what its pictures, the manifest's `match` and `qc`, and this code make of it. It stands beside
the run's own pictures, which stay; the same command finds it again, and goes on where it was interrupted.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from neckar.pipeline.images.encode import encode_png, pixel_sha256, read_levels
from neckar.pipeline.images.finish import Finished
from neckar.pipeline.photometry.luminance import light_of, luminance
from neckar.pipeline.photometry.measure import photometry
from neckar.pipeline.results.reading import RunReader
from neckar.pipeline.results.records import JSON_TYPE, read_record, to_json
from neckar.pipeline.stimuli import layout
from neckar.pipeline.stimuli.columns import SCHEMA
from neckar.pipeline.stimuli.duplicates import near_duplicates, phash
from neckar.pipeline.stimuli.entries import Entry, entries
from neckar.pipeline.stimuli.match import Matched, groups, matched, target_of
from neckar.pipeline.stimuli.monotone import not_monotone
from neckar.pipeline.stimuli.reading import versions
from neckar.pipeline.stimuli.thresholds import failed
from neckar.pipeline.storage.store import NotFound, PreconditionFailed, Store
from neckar.pipeline.synthesis.engine.host import cores
from neckar.pipeline.worker.recipe import Recipe, file_form
from neckar.schemas.errors import UserError
from neckar.schemas.manifest import Manifest
from neckar.schemas.stimulus_set import SetRecord, SetSuccess
from neckar.schemas.version import neckar_version

if TYPE_CHECKING:
    from neckar.pipeline.stimuli.likeness import Likeness  # torch: seconds

VERSION = 1  # of what the pass computes: another one makes another set of the same pictures
TOGETHER = 64  # stimuli a part: what is done again after an interruption

Progress = Callable[[str, int, int], None]  # what is done, so many of so many


@dataclass(frozen=True, slots=True)
class Tools:
    """What the pass needs of the network.

    Attributes:
        likeness: measures of stimuli.
        prepare: a pair with its pictures.
    """

    likeness: Likeness
    prepare: Callable[[Any], Recipe]


def finish_set(
    reader: RunReader, manifest: Manifest, tools: Callable[[Sequence[Entry]], Tools], progress: Progress
) -> SetSuccess:
    """Match and judge the stimuli of a complete run.

    Args:
        reader: the run.
        manifest: with `match`, `match_within` and `qc` as they are wanted now.
        tools: sets the network up; asked only when something is to be done.
        progress: told now and then.

    Raises:
        UserError: the run is not complete, or the set cannot be matched so.
        StoreError: as the store says.
    """
    if reader.success is None:
        raise UserError.at(reader.store.uri, "the run is not complete; the same neckar run makes what is missing")
    found = list(entries(reader))
    identity = _identity(manifest, found)
    record = _begun(reader.store, manifest, identity, len(found))
    done = read_record(reader.store, layout.success_key(record.version), SetSuccess)
    if done is not None:
        return done
    return _Pass(reader.store, manifest, record, found, progress).run(tools(found))


def _identity(manifest: Manifest, found: Iterable[Entry]) -> str:
    """sha256 of what a version is made of."""
    digest = hashlib.sha256()
    head = [
        VERSION,
        manifest.match.model_dump(mode="json") if manifest.match else None,
        manifest.match_within,
        manifest.qc.model_dump(mode="json") if manifest.qc else None,
    ]
    digest.update(json.dumps(head, sort_keys=True).encode())
    for entry in found:
        digest.update(json.dumps([entry.pair.pair_id, entry.row["spec_hash"], entry.row["pixel_sha256"]]).encode())
    return digest.hexdigest()


def _begun(store: Store, manifest: Manifest, identity: str, stimuli: int) -> SetRecord:
    """The record of this version: as it stands, or begun now."""
    begun = sorted(versions(store))
    for version in reversed(begun):
        record = read_record(store, layout.set_key(version), SetRecord)
        if record is not None and record.identity == identity:
            return record
    version = begun[-1] + 1 if begun else 1
    record = SetRecord(
        version=version,
        identity=identity,
        match=manifest.match.model_dump(mode="json") if manifest.match else None,
        match_within=manifest.match_within,
        qc=manifest.qc.model_dump(mode="json") if manifest.qc else None,
        stimuli=stimuli,
        neckar_version=neckar_version(),
    )
    try:
        store.put(layout.set_key(version), to_json(record), content_type=JSON_TYPE, create_only=True)
    except PreconditionFailed:  # somebody else begins a version of it now
        return _begun(store, manifest, identity, stimuli)
    return record


class _Pass:
    def __init__(
        self, store: Store, manifest: Manifest, record: SetRecord, found: list[Entry], progress: Progress
    ) -> None:
        self._store = store
        self._match = manifest.match
        self._within = manifest.match_within
        self._quality = manifest.qc
        self._record = record
        self._entries = found
        self._progress = progress
        self._targets: dict[str, Any] = {}
        self._group: dict[str, str] = {}

    def run(self, tools: Tools) -> SetSuccess:
        """Targets, then part by part, then what only the whole set tells."""
        with ThreadPoolExecutor(cores()) as hands:
            if self._match is not None:
                self._find_targets(hands)
            rows: list[dict[str, Any]] = []
            for number, first in enumerate(range(0, len(self._entries), TOGETHER)):
                rows += self._part(number, self._entries[first : first + TOGETHER], tools, hands)
                self._progress("stimuli judged", len(rows), len(self._entries))
        return self._sealed(rows)

    # --- matching ---

    def _find_targets(self, hands: ThreadPoolExecutor) -> None:
        """What every group's pictures are to have: a pass over all of them."""
        assert self._match is not None
        seen = 0
        for group, members in sorted(groups(self._entries, self._within).items()):
            self._group |= {entry.pair.pair_id: group for entry in members}

            def luminances(members: Sequence[Entry] = members) -> Iterator[np.ndarray]:
                nonlocal seen
                for first in range(0, len(members), TOGETHER):
                    for y in hands.map(self._luminance, members[first : first + TOGETHER]):
                        seen += 1
                        yield y
                    self._progress("stimuli looked at", seen, len(self._entries))

            self._targets[group] = target_of(
                self._match, group, luminances(), [file_form(entry.pair.settings) for entry in members]
            )

    def _luminance(self, entry: Entry) -> np.ndarray:
        levels = self._levels(entry)
        return luminance(light_of(levels[..., :3], entry.pair.settings.transfer_function))

    def _levels(self, entry: Entry) -> np.ndarray:
        key = entry.row["image_uri"]
        try:
            levels = read_levels(self._store.get(key))
        except (NotFound, ValueError) as error:
            mend = "neckar verify tells of others, and --repair makes them again"
            raise UserError.at(f"{self._store.uri}/{key}", f"cannot be read ({error}); {mend}") from None
        return levels

    # --- one part ---

    def _part(
        self, number: int, members: Sequence[Entry], tools: Tools, hands: ThreadPoolExecutor
    ) -> list[dict[str, Any]]:
        key = layout.work_key(self._record.version, number)
        try:
            return _rows(self._store.get(key))
        except NotFound:
            pass
        rows = []
        for entry, (levels, own) in zip(members, hands.map(self._finished, members), strict=True):
            judged = self._quality is not None and entry.pair.settings.synthesised
            rows.append(own | (tools.likeness.measure(tools.prepare(entry.pair), levels) if judged else {}))
        self._store.put(key, _parquet(rows))
        return _rows(self._store.get(key))  # as they are read after an interruption

    def _finished(self, entry: Entry) -> tuple[np.ndarray, dict[str, Any]]:
        """The final file of one stimulus, and all that it alone tells."""
        settings, form = entry.pair.settings, file_form(entry.pair.settings)
        levels = self._levels(entry)
        row: dict[str, Any] = {
            "pair_index": entry.pair.index,
            "pair_id": entry.pair.pair_id,
            "condition": settings.condition,
            **{name: entry.row[name] for name in ("image_uri", "image_sha256", "pixel_sha256", "chroma_kept")},
            **{name: entry.row[name] for name in ("copy_uri", "copy_sha256")},
        }
        if self._match is not None:
            group = self._group[entry.pair.pair_id]
            made = matched(levels, form, self._match, self._targets[group])
            levels = made.finished.levels
            row |= self._stored(entry, made) | {"match_group": group or None}
        else:
            loss = {name: entry.row[f"{name}_png"] for name in ("loss_total", "loss_content", "loss_style")}
            row |= loss
        weights = form.window(*levels.shape[:2])
        row |= asdict(photometry(levels[..., :3], transfer=form.transfer, weights=weights))
        eight = levels[..., :3]
        row["phash"] = f"{phash(eight if eight.dtype == np.uint8 else (eight >> 8).astype(np.uint8)):016x}"
        return levels, row

    def _stored(self, entry: Entry, made: Matched) -> dict[str, Any]:
        """The matched picture on the store, beside the one it was made of."""
        version, pair_id = self._record.version, entry.pair.pair_id
        record = {"pair_id": pair_id, "unmatched_spec_hash": entry.row["spec_hash"], **made.columns}
        key, finished = layout.picture_key(version, pair_id), made.finished
        data = _png(finished, record)
        self._store.put(key, data, content_type="image/png")
        columns = {
            **made.columns,
            "image_uri": key,
            "image_sha256": hashlib.sha256(data).hexdigest(),
            "pixel_sha256": pixel_sha256(finished.levels),
            "unmatched_uri": entry.row["image_uri"],
        }
        if finished.copy is not None:
            copy = encode_png(finished.copy, {}, transfer=finished.form.transfer)
            where = layout.copy_key(version, pair_id)
            self._store.put(where, copy, content_type="image/png")
            columns |= {"copy_uri": where, "copy_sha256": hashlib.sha256(copy).hexdigest()}
        return columns

    # --- the whole set ---

    def _sealed(self, rows: list[dict[str, Any]]) -> SetSuccess:
        duplicates = near_duplicates({row["pair_id"]: int(row["phash"], 16) for row in rows})
        wrong_way = not_monotone(self._entries)
        for row in rows:
            row["near_duplicates"] = duplicates.get(row["pair_id"], [])
            row["not_monotone"] = wrong_way.get(row["pair_id"], [])
            judged = failed(row, self._quality) if self._quality is not None else None
            row["qc_pass"] = None if judged is None else not judged
            row["qc_failed"] = judged or []
        data = _parquet(rows)
        self._store.put(layout.table_key(self._record.version), data)
        success = SetSuccess(
            version=self._record.version,
            identity=self._record.identity,
            sha256=hashlib.sha256(data).hexdigest(),
            stimuli=len(rows),
            passed=sum(row["qc_pass"] is True for row in rows),
            failed=sum(row["qc_pass"] is False for row in rows),
            unmatched=sum(row.get("match_forbidden_by") is not None for row in rows),
            finished_at=datetime.now(UTC),
        )
        self._store.put(layout.success_key(success.version), to_json(success), content_type=JSON_TYPE)
        return success


def _rows(data: bytes) -> list[dict[str, Any]]:
    return list(pq.read_table(io.BytesIO(data)).to_pylist())


def _parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    table = pa.Table.from_pylist([{name: row.get(name) for name in SCHEMA.names} for row in rows], SCHEMA)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue()


def _png(finished: Finished, record: Mapping[str, Any]) -> bytes:
    return encode_png(finished.levels, record, transfer=finished.form.transfer)
