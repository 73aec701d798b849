"""SQL over a run: DuckDB on the Parquet files, with nothing in reach but two tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import duckdb
import pyarrow as pa

from neckar.pipeline.results.ledger import read_whole
from neckar.pipeline.results.reading import PART_COLUMN, ResultsReader
from neckar.schemas.errors import UserError

BATCH_ROWS = 16_384

_CONFIG = {
    "enable_external_access": "false",  # no files, no network, no ATTACH, no extensions
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",  # no Python variable is a table
}

_ALL = "select * from _rows"
_COUNTING = "select * from _rows anti join _superseded using ({part}, pair_id)"
# The trace is left out, so that `select *` stays small; it is the other table.
_RESULTS = "create view results as select * exclude (loss_trace, {part}){placed} from ({rows})"
# Of a version: its rows name pictures relative to the run they are of.
_PLACED = (
    " replace (({folders})[{part} + 1] || image_uri as image_uri, ({folders})[{part} + 1] || copy_uri as copy_uri)"
)
_LOSS_TRACE = "create view loss_trace as select pair_id, unnest(loss_trace, recursive := true) from ({rows})"
_LOCKS = ("set TimeZone = 'UTC'", "set lock_configuration = true")

_READING = "reading the stream registered as"  # DuckDB's words where a file did not give its rows
_ASKING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}


def query(reader: ResultsReader, sql: str, tables: Mapping[str, pa.Table] = MappingProxyType({})) -> pa.Table:
    """The answer to one SELECT over `results` and `loss_trace`, in memory. Raises as `query_batches` does."""
    return query_batches(reader, sql, tables).read_all()


def query_batches(
    reader: ResultsReader, sql: str, tables: Mapping[str, pa.Table] = MappingProxyType({})
) -> pa.RecordBatchReader:
    """The answer to one SELECT, streamed, over the run's two tables and those given beside them.

    `results` has the columns of `RESULTS_SCHEMA` but the trace, one row a pair. `loss_trace` has pair_id, iteration
    (evaluations count from 1), total, content, style and one column per VGG layer, one row an evaluation. Columns that
    are not asked for stay on the store. Times are in UTC.

    Raises:
        UserError: not one SELECT, or an error in it, in one line; also while the batches are read.
        StoreError: while the run's files are listed; one that fails later is a `UserError` with the store's words.
    """
    database = _database(reader, tables)
    try:
        _check_asks(database, sql, ("results", "loss_trace", *tables))
        answer = database.sql(sql).to_arrow_reader(BATCH_ROWS)
    except duckdb.Error as error:
        database.close()
        raise _told(reader, error) from None
    except BaseException:  # an interruption too: the database is nobody's then
        database.close()
        raise
    return pa.RecordBatchReader.from_batches(answer.schema, _batches(reader, database, answer))


def _database(reader: ResultsReader, tables: Mapping[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    """A database in memory with the two views, and no way out of it."""
    superseded = reader.superseded()
    rows = (_COUNTING if superseded.num_rows else _ALL).format(part=PART_COLUMN)
    database = duckdb.connect(":memory:", config=_CONFIG)
    database.register("_rows", reader.dataset())
    database.register("_superseded", superseded)
    for name, table in tables.items():
        database.register(name, table)
    folders = [reader.folder_of(number) for number in range(len(reader.files))]
    placed = _PLACED.format(part=PART_COLUMN, folders=folders) if any(folders) else ""
    for statement in (_RESULTS, _LOSS_TRACE):
        database.execute(statement.format(rows=rows, part=PART_COLUMN, placed=placed))
    for statement in _LOCKS:
        database.execute(statement)
    return database


def _check_asks(database: duckdb.DuckDBPyConnection, sql: str, names: Sequence[str]) -> None:
    statements = database.extract_statements(sql)
    if len(statements) != 1 or statements[0].type not in _ASKING:
        raise UserError.at("SQL", f"a run can only be read: write one SELECT over the tables {' and '.join(names)}")


def _batches(
    reader: ResultsReader, database: duckdb.DuckDBPyConnection, answer: pa.RecordBatchReader
) -> Iterator[pa.RecordBatch]:
    try:
        yield from answer
    except (OSError, pa.ArrowException, duckdb.Error) as error:  # DuckDB's errors come back through Arrow's stream
        raise _told(reader, error) from None
    finally:
        answer.close()
        database.close()


def _told(reader: ResultsReader, error: Exception) -> UserError:
    """DuckDB's message without the drawing of where in the SQL it is, or which of the run's files is damaged."""
    message = str(error).split("\n\nLINE ")[0]
    if _READING in message:  # not the SQL's fault, but DuckDB does not know the file
        for file in reader.files:
            try:
                read_whole(reader.store, file)
            except UserError as damage:
                return damage
    return UserError.at("SQL", " ".join(message.split()))
