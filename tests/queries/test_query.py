"""SQL over a run: two tables, only what is asked for leaves the store, and nothing else is in reach."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from neckar.pipeline.queries.database import BATCH_ROWS, Tables, query, query_batches
from neckar.pipeline.queries.views import views_of
from neckar.pipeline.results.parts import PART_ROWS, PartWriter
from neckar.pipeline.results.reading import RunReader, open_run
from neckar.pipeline.results.run import create_or_resume
from neckar.pipeline.results.success import seal
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import Store
from neckar.schemas.errors import UserError
from neckar.schemas.layers import LAYER_NAMES
from neckar.schemas.results import RESULTS_SCHEMA
from tests.results.samples import STYLE_LAYERS, Watched, failed_row, ok_row, run_record

PAIRS = 6
EVALUATIONS = 40


def make(store: Store, *, finished: bool) -> None:
    """Six pairs over two epochs: pair 4 failed at first, pair 5 failed for good, pair 1 was made twice."""
    begun = create_or_resume(store, run_record(PAIRS), owner="first")
    writer = PartWriter(store, begun.lease.epoch)
    for row in [*(ok_row(index, evaluations=EVALUATIONS) for index in range(4)), failed_row(4), failed_row(5)]:
        writer.add(row)
    writer.flush()
    begun.lease.release()
    resumed = create_or_resume(store, run_record(PAIRS), owner="second")
    writer = PartWriter(store, resumed.lease.epoch)
    for index in (1, 4):
        writer.add(ok_row(index, evaluations=EVALUATIONS, attempts=2))
    writer.flush()
    if finished:
        seal(store, resumed.record, resumed.lease)


@pytest.fixture(scope="module", params=["live", "finished"])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunReader:
    store = LocalStore(tmp_path_factory.mktemp("query") / "run")
    make(store, finished=request.param == "finished")
    return open_run(store.uri)


def rows(reader: RunReader, sql: str) -> list[dict[str, object]]:
    answer: list[dict[str, object]] = query(reader, sql).to_pylist()
    return answer


def test_results_has_one_row_a_pair(reader: RunReader) -> None:
    assert rows(reader, "select pair_id, status, attempts from results order by pair_index") == [
        {"pair_id": f"pair-{index:05d}", "status": status, "attempts": attempts}
        for index, status, attempts in [
            (0, "ok", 1), (1, "ok", 2), (2, "ok", 1), (3, "ok", 1), (4, "ok", 2), (5, "failed", 1),
        ]
    ]  # fmt: skip
    assert rows(reader, "select status, count(*) as n from results group by all order by n") == [
        {"status": "failed", "n": 1},
        {"status": "ok", "n": 5},
    ]


def test_results_has_every_column_but_the_trace(reader: RunReader) -> None:
    names = [name for name in RESULTS_SCHEMA.names if name != "loss_trace"]
    assert query(reader, "select * from results").column_names == names


def test_loss_trace_has_one_row_an_evaluation(reader: RunReader) -> None:
    answer = query(reader, "select * from loss_trace order by pair_id, iteration")
    assert answer.column_names == ["pair_id", "iteration", "total", "content", "style", *LAYER_NAMES]
    assert answer.num_rows == 5 * EVALUATIONS
    assert answer.column("iteration").to_pylist()[:EVALUATIONS] == list(range(1, EVALUATIONS + 1))
    trace = ok_row(0, evaluations=EVALUATIONS).loss_trace
    assert trace is not None
    first = answer.slice(0, EVALUATIONS)
    for number, name in enumerate(trace.columns):
        assert first.column(name).to_pylist() == trace.values[:, number].tolist()
    assert all(first.column(name).null_count == EVALUATIONS for name in set(LAYER_NAMES) - set(STYLE_LAYERS))


def test_the_two_tables_join(reader: RunReader) -> None:
    sql = """
        select pair_id, arg_max(total, iteration) as last from loss_trace join results using (pair_id)
        where seed = 3 group by all
    """
    trace = ok_row(3, evaluations=EVALUATIONS).loss_trace
    assert trace is not None
    assert rows(reader, sql) == [{"pair_id": "pair-00003", "last": float(trace.values[-1, 0])}]


def test_times_are_utc_and_maps_have_keys(reader: RunReader) -> None:
    sql = "select finished_at, levels['exemplar'] as exemplar, hour(finished_at) as hour from results where seed = 2"
    assert rows(reader, sql) == [
        {"finished_at": datetime(2026, 1, 2, 3, 4, 7, 678901, tzinfo=UTC), "exemplar": "2", "hour": 3}
    ]


def test_a_run_without_rows_answers_with_none(folder: Path) -> None:
    store = LocalStore(folder)
    create_or_resume(store, run_record(1), owner="first")
    live = open_run(store.uri)
    assert rows(live, "select * from results") == []
    assert rows(live, "select max(total) as worst from loss_trace") == [{"worst": None}]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from '{file}'",
        "select * from read_text('{file}')",
        "select * from read_csv('{file}')",
        "select * from parquet_scan('{file}')",
        "select * from glob('{folder}/*')",
        "select * from sniff_csv('{file}')",
        "copy results to '{folder}/stolen.csv'",
        "copy (select 1) to '{folder}/stolen.csv'",
        "export database '{folder}/stolen'",
        "attach '{folder}/stolen.db'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "pragma enable_profiling",
        "create table mine as select 1",
        "create or replace view results as select 1",
        "drop view results",
        "delete from results",
        "insert into results values (1)",
        "call pragma_version()",
        "prepare mine as select 1",
        "select 1; select 2",
        "select 1; copy (select 1) to '{folder}/stolen.csv'",
        "",
        "-- nothing",
    ],
)
def test_sql_reads_the_run_and_nothing_else(reader: RunReader, tmp_path: Path, sql: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("secret\n42\n")
    with pytest.raises(UserError) as refused:
        query(reader, sql.format(file=secret, folder=tmp_path))
    assert [problem.place for problem in refused.value.problems] == ["SQL"]
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == [secret]


def test_python_variables_are_no_tables(reader: RunReader) -> None:
    secret = pa.table({"secret": [42]})
    assert secret.num_rows
    with pytest.raises(UserError, match="Table with name secret does not exist"):
        query(reader, "select * from secret")


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("selec 1", 'SQL: Parser Error: syntax error at or near "selec"'),
        ("select loss from results", 'SQL: Binder Error: Referenced column "loss" not found'),
        ("select * from stimuli", "this run has no stimuli: no set of it is finished. There is results, loss_trace"),
        ("select * from resulst", "Table with name resulst does not exist! There is results"),
        ("select status::int from results", "SQL: Conversion Error: Could not convert string"),
        ("select error('no such luck') from results", "no such luck"),
    ],
)
def test_a_mistake_in_sql_is_one_line(reader: RunReader, sql: str, told: str) -> None:
    with pytest.raises(UserError) as refused:
        query(reader, sql)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_explain_and_describe_are_questions_too(reader: RunReader) -> None:
    assert query(reader, "explain select * from results").num_rows == 1
    assert query(reader, "describe results").num_rows == len(RESULTS_SCHEMA) - 1


def test_an_answer_comes_in_batches_and_a_late_mistake_is_still_one_line(reader: RunReader) -> None:
    tables = Tables([reader], views_of(reader, ""))
    assert next(iter(query_batches(tables, "select * from range(1000000)"))).num_rows <= BATCH_ROWS
    late = f"select case when i = {10 * BATCH_ROWS} then error('late') else i end from range({20 * BATCH_ROWS}) t(i)"
    with pytest.raises(UserError, match="SQL: Invalid Input Error: late"):
        for _ in query_batches(tables, late):
            pass


@pytest.fixture
def watched(folder: Path, request: pytest.FixtureRequest) -> RunReader:
    """A run whose store counts what is read; live, with a superseded row, or finished."""
    store = Watched(folder)
    begun = create_or_resume(store, run_record(2 * PART_ROWS), owner="first")
    writer = PartWriter(store, begun.lease.epoch)
    for index in range(2 * PART_ROWS):
        writer.add(ok_row(index, evaluations=100))
    writer.add(failed_row(0))
    writer.flush()
    if request.param == "finished":
        seal(store, begun.record, begun.lease)
    seen = open_run(store.uri)
    return RunReader(store, seen.files, seen.record, seen.success)


@pytest.mark.parametrize("watched", ["live", "finished"], indirect=True)
def test_what_is_not_asked_for_stays_on_the_store(watched: RunReader) -> None:
    store = watched.store
    assert isinstance(store, Watched)
    everything = sum(file.size for file in watched.files)
    watched.counts()
    for sql, pairs in [
        ("select pair_id, loss_total from results", 2 * PART_ROWS),
        ("select pair_id, loss_total from results where status = 'ok' and pair_id >= 'pair-01000'", 24),
        ("select count(*) from results", 1),
    ]:
        store.bytes_read = 0
        assert query(watched, sql).num_rows == pairs
        assert store.bytes_read < everything / 8
    store.bytes_read = 0
    assert query(watched, "select max(total) from loss_trace").num_rows == 1
    assert store.bytes_read < everything / 5


@pytest.mark.parametrize("watched", ["live"], indirect=True)
def test_a_filter_on_the_pair_skips_whole_parts_of_traces(watched: RunReader) -> None:
    store = watched.store
    assert isinstance(store, Watched)
    watched.counts()
    store.bytes_read = 0
    assert query(watched, "select * from loss_trace where pair_id = 'pair-00007'").num_rows == 100
    assert store.bytes_read < 0.6 * sum(file.size for file in watched.files)


@pytest.mark.slow
def test_a_run_on_s3_is_asked_through_ranged_reads(s3_uri: str) -> None:
    from neckar.pipeline.storage.access import open_store

    store = open_store(s3_uri)
    make(store, finished=False)
    live = open_run(s3_uri)
    assert rows(live, "select count(*) as n, sum(attempts) as attempts from results") == [{"n": 6, "attempts": 8}]
    assert query(live, "select * from loss_trace").num_rows == 5 * EVALUATIONS


QUESTIONS = (
    "select * from results order by pair_index",
    "select pair_id, max(total), count(*) from loss_trace group by 1 order by 1",
    "select count(*), sum(loss_total) from results where status = 'ok' and pair_index > 2",
)


@pytest.mark.parametrize("finished", [False, True])
def test_a_flipped_bit_never_changes_an_answer(folder: Path, finished: bool) -> None:
    """It is told with the file's name, or it is in a place that says nothing. Of the bits half are of the footer."""
    store = LocalStore(folder)
    make(store, finished=finished)
    reader = open_run(store.uri)
    key = reader.files[0].key
    data = store.get(key)
    true = [query(reader, sql) for sql in QUESTIONS]
    rng = random.Random(0)
    footer_bits = 8 * int.from_bytes(data[-8:-4], "little")
    told: list[str] = []
    for number in range(40):
        bits = footer_bits if number % 2 else 8 * len(data)
        bit = 8 * len(data) - 1 - rng.randrange(bits)
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        store.put(key, bytes(flipped))
        for sql, answer in zip(QUESTIONS, true, strict=True):
            try:
                assert query(open_run(store.uri), sql).equals(answer), f"bit {bit}: {sql}"
            except UserError as error:
                told.append(str(error))
    assert len(told) > 60
    assert [text for text in told if f"{key}: is no readable part" not in text] == []
