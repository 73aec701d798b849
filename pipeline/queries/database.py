"""SQL over a run: DuckDB on the Parquet files, with nothing in reach but the run's views."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from neckar.pipeline.queries.view import View
from neckar.pipeline.queries.views import VIEWS, views_of
from neckar.pipeline.results.ledger import read_whole
from neckar.pipeline.results.reading import ResultsReader
from neckar.pipeline.storage.store import StoreError
from neckar.schemas.errors import UserError

BATCH_ROWS = 16_384
MEMORY_BYTES = 4_000_000_000
SPILL_BYTES = 8_000_000_000
TIMEOUT_S = 600.0

_CONFIG = {
    "enable_external_access": "false",  # no files, no network, no ATTACH, no extensions
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",  # no Python variable is a table
}
_LOCKS = ("set TimeZone = 'UTC'", "set lock_configuration = true")

_ABSENT = re.compile(r"Table with name (\S+) does not exist!")
_UNKNOWN = re.compile(r'Values list "([^"]+)" does not have a column named "([^"]+)"')
_READING = "reading the stream registered as"  # DuckDB's words where a file did not give its rows
_ASKING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
# DuckDB parts a PIVOT into two: a type of the values it finds, then the question. No other statement is parted but
# those that begin with what they write to.
_PIVOTING = re.compile(r"(\s|--[^\n]*\n|/\*.*?\*/)*(pivot|with|from|select|\()", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may cost.

    Attributes:
        timeout_s: until its last row.
        memory_bytes: of DuckDB's tables and hashes; what it needs beyond goes to disk.
        spill_bytes: on disk, in a private folder that is gone afterwards.
    """

    timeout_s: float = TIMEOUT_S
    memory_bytes: int = MEMORY_BYTES
    spill_bytes: int = SPILL_BYTES


@dataclass
class Tables:
    """What SQL is asked of.

    Attributes:
        readers: of the runs.
        views: by name.
    """

    readers: Sequence[ResultsReader]
    views: Mapping[str, ds.Dataset]


def query(reader: ResultsReader, sql: str, limits: Limits = Limits()) -> pa.Table:
    """The answer to one SELECT over a run's views, in memory. Raises as `query_batches` does."""
    return query_batches(Tables([reader], views_of(reader, sql)), sql, limits).read_all()


def query_batches(tables: Tables, sql: str, limits: Limits = Limits()) -> pa.RecordBatchReader:
    """The answer to one SELECT, streamed.

    `results` has the columns of `RESULTS_SCHEMA` but the trace, one row a pair. `loss_trace` has pair_id, iteration
    (evaluations count from 1), total, content, style and one column per VGG layer, one row an evaluation. `design` has
    one row a pair of the manifest, done or not, and a column a factor. What is not asked for stays on the store. Times
    are in UTC.

    Raises:
        UserError: not one SELECT, an error in it, or it costs too much, in one line; also while the batches are read.
        StoreError: while the run's files are listed; one that fails later is a `UserError` with the store's words.
    """
    session = _Session(tables, limits)
    try:
        _check_asks(session.database, sql, list(tables.views))
        batches = session.database.sql(sql).to_arrow_reader(BATCH_ROWS)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        session.close()
        raise session.told(error) from None
    except BaseException:  # an interruption too: the database is nobody's then
        session.close()
        raise
    return pa.RecordBatchReader.from_batches(batches.schema, _batches(session, batches))


@dataclass
class _Session:
    """A database in memory with the views, and no way out of it, until its time is up."""

    tables: Tables
    limits: Limits
    database: duckdb.DuckDBPyConnection = field(init=False)
    late: bool = False

    def __post_init__(self) -> None:
        # Gone at Python's end at the latest, where nobody reads an answer to its own.
        self._folder = tempfile.TemporaryDirectory(prefix="neckar-query-", ignore_cleanup_errors=True)
        sizes = {
            "memory_limit": f"{self.limits.memory_bytes}B",
            "temp_directory": self._folder.name,
            "max_temp_directory_size": f"{self.limits.spill_bytes}B",
        }
        self.database = duckdb.connect(":memory:", config=_CONFIG | sizes)
        for name, view in self.tables.views.items():
            self.database.register(name, view)
        for statement in _LOCKS:
            self.database.execute(statement)
        self._timer = threading.Timer(self.limits.timeout_s, self._interrupt)
        self._timer.daemon = True
        self._timer.start()

    def _interrupt(self) -> None:
        self.late = True
        self.database.interrupt()

    def close(self) -> None:
        self._timer.cancel()
        self.database.close()
        self._folder.cleanup()

    def told(self, error: Exception) -> UserError:
        """DuckDB's message without the drawing of where in the SQL it is, or which of the run's files is damaged."""
        for view in self.tables.views.values():
            if isinstance(view, View) and isinstance(view.failure, UserError | StoreError):
                return _as_told(view.failure)
        message = str(error).split("\n\nLINE ")[0]
        if self.late:
            mend = "ask for less, or give it longer with --timeout"
            return UserError.at("SQL", f"no answer in {self.limits.timeout_s:g} s; {mend}")
        if isinstance(error, duckdb.OutOfMemoryException) or message.startswith("Out of Memory Error"):
            memory, disk = self.limits.memory_bytes / 1e9, self.limits.spill_bytes / 1e9
            mend = "aggregate, or ask for fewer rows or columns"
            told = f"the answer takes more than {memory:g} GB of memory and {disk:g} of disk"
            return UserError.at("SQL", f"{told}; {mend}")
        if _READING in message:  # not the SQL's fault, but DuckDB does not know the file
            for reader in self.tables.readers:
                for file in reader.files:
                    try:
                        read_whole(reader.store, file)
                    except UserError as damage:
                        return damage
        return UserError.at("SQL", _with_names(" ".join(message.split()), self.tables.views))


def _with_names(message: str, views: Mapping[str, ds.Dataset]) -> str:
    """DuckDB's message with names of ours: it would suggest tables of its own, and no columns at all."""
    if absent := _ABSENT.search(message):
        if absent[1] in VIEWS:
            return f"this run has no {absent[1]}: no set of it is finished. There is {', '.join(views)}"
        near = get_close_matches(absent[1], VIEWS, 1) or [", ".join(views)]
        return f"{message[: absent.end()]} There is {near[0]}"
    if (unknown := _UNKNOWN.search(message)) and unknown[1] in views:
        columns = views[unknown[1]].schema.names
        near = get_close_matches(unknown[2], columns, 2) or columns
        return f'{unknown[1]} has no column "{unknown[2]}"; there is {", ".join(near)}'
    return message


def _as_told(error: UserError | StoreError) -> UserError:
    return error if isinstance(error, UserError) else UserError.at(error.uri, error.message)


def _check_asks(database: duckdb.DuckDBPyConnection, sql: str, names: Sequence[str]) -> None:
    statements = database.extract_statements(sql)
    if len(statements) == 1:
        kind = statements[0].type
        if kind in _ASKING or (kind == duckdb.StatementType.MULTI and _PIVOTING.match(sql)):
            return
    raise UserError.at("SQL", f"a run can only be read: write one SELECT over {', '.join(names)}")


def _batches(session: _Session, answer: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    try:
        yield from answer
    except (OSError, pa.ArrowException, duckdb.Error) as error:  # DuckDB's errors come back through Arrow's stream
        raise session.told(error) from None
    finally:
        answer.close()
        session.close()
