"""Reading the versions of a run's stimulus set."""

from __future__ import annotations

import hashlib
import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from neckar.pipeline.results.ledger import read_columns
from neckar.pipeline.results.reading import ResultsReader
from neckar.pipeline.results.records import read_record
from neckar.pipeline.stimuli import layout
from neckar.pipeline.storage.access import open_store
from neckar.pipeline.storage.store import Store
from neckar.schemas.errors import UserError
from neckar.schemas.stimulus_set import SetSuccess


def newest(store: Store) -> SetSuccess | None:
    """The newest complete version of a run's set; None where there is none."""
    for version in sorted(versions(store), reverse=True):
        done = read_record(store, layout.success_key(version), SetSuccess)
        if done is not None:
            return done
    return None


def read_table(store: Store, success: SetSuccess) -> pa.Table:
    """The rows of a version.

    Raises:
        UserError: the file is not the one that was written.
        StoreError: as the store says.
    """
    key = layout.table_key(success.version)
    data = store.get(key)
    if hashlib.sha256(data).hexdigest() != success.sha256:
        told = "is damaged: its sha256 is not the one on record; delete its folder, and neckar run makes it again"
        raise UserError.at(f"{store.uri}/{key}", told)
    return pq.read_table(io.BytesIO(data))


def versions(store: Store) -> list[int]:
    """Those that were begun, complete or not."""
    found = (layout.set_version(info.key) for info in store.list(layout.PREFIX))
    return [version for version in found if version is not None]


def tables_of(reader: ResultsReader) -> dict[str, pa.Table]:
    """`stimuli`, where the run has a complete version of its set; of a set of many nights those of all its runs.

    Raises:
        UserError, StoreError: as `read_table`.
    """
    folders = dict.fromkeys(reader.folder_of(number) for number in range(len(reader.files)))
    tables = []
    for folder in folders:
        store = open_store(f"{reader.store.uri}/{folder}") if folder else reader.store
        success = newest(store)
        if success is not None:
            tables.append(_placed(read_table(store, success), folder))
    if not tables:
        return {}
    table = pa.concat_tables(tables)
    if any(folders):  # a version leaves out some pairs of its runs
        counting = pc.is_in(table.column("pair_id"), value_set=_counting_ids(reader))
        table = table.filter(counting)
    return {"stimuli": table}


def _counting_ids(reader: ResultsReader) -> pa.ChunkedArray:
    """Ids of the pairs whose rows count."""
    ids = [pa.chunked_array([], pa.string())]
    for file, mask in zip(reader.files, reader.counting_rows(), strict=True):
        ids.append(read_columns(reader.store, file, ["pair_id"]).column("pair_id").filter(pa.array(mask)))
    return pa.chunked_array([chunk for column in ids for chunk in column.chunks], pa.string())


def _placed(table: pa.Table, folder: str) -> pa.Table:
    """The table with its pictures' keys below a folder."""
    for name in ("image_uri", "copy_uri", "unmatched_uri") if folder else ():
        keys = pc.binary_join_element_wise(folder, table.column(name), "")
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), keys)
    return table
