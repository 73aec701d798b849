"""Reading the versions of a run's stimulus set."""

from __future__ import annotations

import hashlib
import io

import pyarrow as pa
import pyarrow.parquet as pq

from neckar.pipeline.results.reading import RunReader
from neckar.pipeline.results.records import read_record
from neckar.pipeline.stimuli import layout
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


def tables_of(reader: RunReader) -> dict[str, pa.Table]:
    """`stimuli`, where the run has a complete version of its set.

    Raises:
        UserError, StoreError: as `read_table`.
    """
    success = newest(reader.store)
    return {} if success is None else {"stimuli": read_table(reader.store, success)}
