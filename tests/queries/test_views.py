"""The views beside `results`: the design, traces read leaf by leaf, several runs; and what a question may cost."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from neckar.pipeline.queries import canned
from neckar.pipeline.queries.database import Limits, Tables, query, query_batches
from neckar.pipeline.queries.views import run_names, views_of_all
from neckar.pipeline.results import compaction
from neckar.pipeline.results.parts import PART_ROWS, PartWriter
from neckar.pipeline.results.reading import RunReader, open_run
from neckar.pipeline.results.run import create_or_resume
from neckar.pipeline.results.success import seal
from neckar.pipeline.storage.local import LocalStore
from neckar.schemas.errors import UserError
from tests.results.samples import Watched, failed_row, ok_row, run_record

SIDES = {"content": ["a.png", "b.png"], "style": ["x.png"]}


def a_run(folder: Path, *, done: int, name: str = "neckarfront", seal_it: bool = False, **factors: object) -> RunReader:
    """Some rows of a design's pairs, named as the design names them."""
    design = SIDES | {"factors": factors}
    manifest = {"schema_version": 1, "name": name, "settings": {"size": 32}, "design": design}
    levels = [
        {"content": content, "style": "x"} | dict(zip(factors, map(str, cell), strict=True))
        for content in ("a", "b")
        for cell in cells(list(factors.values()))
    ]
    store = LocalStore(folder)
    begun = create_or_resume(store, run_record(len(levels), manifest=manifest, base=str(folder.parent)), owner="me")
    writer = PartWriter(store, begun.lease.epoch)
    for index, one in enumerate(levels[:done]):
        row = failed_row if index == 1 else ok_row
        writer.add(row(index, pair_id=pair_id(one), levels=one))
    writer.flush()
    if seal_it:
        seal(store, begun.record, begun.lease)
    return open_run(str(folder))


def cells(levels: list) -> list[tuple]:
    if not levels:
        return [()]
    return [(first, *rest) for first in levels[0] for rest in cells(levels[1:])]


def pair_id(levels: dict[str, str]) -> str:
    named = [value if name in ("content", "style") else f"{name}-{value}" for name, value in levels.items()]
    return "__".join(named)


def rows(reader: RunReader, sql: str) -> list[dict[str, object]]:
    return query(reader, sql).to_pylist()


def test_the_design_has_every_pair_and_every_factor_in_its_own_type(folder: Path) -> None:
    reader = a_run(folder, done=3, alpha=[0.001, 0.1], optimizer=["lbfgs", "adam"], seed=[1, 2])
    assert query(reader, "from design").num_rows == 16
    assert rows(reader, "select status, count(*)::int as n from design group by all order by all") == [
        {"status": "failed", "n": 1},
        {"status": "ok", "n": 2},
        {"status": "pending", "n": 13},
    ]
    types = {row["column_name"]: row["column_type"] for row in rows(reader, "describe design")}
    assert (types["alpha"], types["optimizer"], types["seed"]) == ("DOUBLE", "VARCHAR", "BIGINT")
    assert rows(reader, "select pair_id, content, alpha, seed from design where status = 'pending' limit 1") == [
        {"pair_id": "a__x__alpha-0.001__optimizer-adam__seed-2", "content": "a", "alpha": 0.001, "seed": 2}
    ]
    assert rows(reader, "select sum(seed)::int as n, max(alpha) as most from design where alpha > 0.05") == [
        {"n": 12, "most": 0.1}
    ]


def test_a_misspelt_factor_is_told_with_what_there_is(folder: Path) -> None:
    with pytest.raises(UserError, match=r'"contnet" not found.*"content"'):
        query(a_run(folder, done=1), "select contnet from design")


@pytest.mark.parametrize(
    ("levels", "kind"),
    [
        (["1", "2"], "BIGINT"),
        (["1", "2.5", "1e-3"], "DOUBLE"),
        (["007", "8"], "VARCHAR"),
        (["nan", "1"], "VARCHAR"),
        (["256", "256x192"], "VARCHAR"),
    ],
)
def test_levels_are_numbers_only_where_all_of_them_are(folder: Path, levels: list[str], kind: str) -> None:
    store = LocalStore(folder)
    begun = create_or_resume(store, run_record(len(levels)), owner="me")
    writer = PartWriter(store, begun.lease.epoch)
    for index, level in enumerate(levels):
        writer.add(ok_row(index, levels={"dose": level} if index else {"dose": level, "pair_id": "p", "Dose": "q"}))
    writer.flush()
    seal(store, begun.record, begun.lease)
    types = {row["column_name"]: row["column_type"] for row in rows(open_run(str(folder)), "describe design")}
    assert types["dose"] == kind
    assert {"pair_id_2", "Dose_2"} <= set(types)  # a name that a column has already
    assert rows(open_run(str(folder)), "select count(dose)::int as n, count(pair_id_2)::int as p from design") == [
        {"n": len(levels), "p": 1}
    ]


def test_a_pairs_file_that_is_gone_is_no_matter_unless_it_is_asked_for(folder: Path) -> None:
    store = LocalStore(folder)
    manifest = {"schema_version": 1, "name": "n", "pairs_from": "gone.jsonl"}
    begun = create_or_resume(store, run_record(2, manifest=manifest, base=str(folder.parent)), owner="me")
    writer = PartWriter(store, begun.lease.epoch)
    writer.add(ok_row(0))
    writer.flush()
    reader = open_run(str(folder))
    assert rows(reader, "show tables") == [{"name": "loss_trace"}, {"name": "results"}]
    with pytest.raises(UserError, match=r"gone\.jsonl"):
        query(reader, "from design")


@pytest.fixture
def shuffled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> RunReader:
    """Traces of two thousand pairs whose ids are in no order, in some eight row groups, on a store that counts."""
    monkeypatch.setattr(compaction, "GROUP_BYTES", 4 << 20)
    store = Watched(folder)
    pairs = 4 * PART_ROWS
    begun = create_or_resume(store, run_record(pairs), owner="me")
    writer = PartWriter(store, begun.lease.epoch)
    names = [f"pair-{number:05d}" for number in range(pairs)]
    random.Random(1).shuffle(names)
    for index, name in enumerate(names):
        writer.add(ok_row(index, pair_id=name, evaluations=200))
    writer.flush()
    seal(store, begun.record, begun.lease)
    seen = open_run(str(folder))
    return RunReader(store, seen.files, seen.record, seen.success)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("pair_id = 'pair-00007'", 200),
        ("pair_id = 'pair-00007' and iteration > 150", 50),
        ("pair_id = 'pair-00007' and total is not null", 200),
        ("pair_id in ('pair-00007', 'pair-00008') and iteration in (1, 2)", 4),
        ("pair_id = 'nobody'", 0),
        ("pair_id = 'nobody' and total > 0", 0),
        ("iteration = 200", 4 * PART_ROWS),
        ("total is null", 0),
    ],
)
def test_filters_of_the_trace(shuffled: RunReader, where: str, found: int) -> None:
    assert query(shuffled, f"from loss_trace where {where}").num_rows == found


@pytest.mark.parametrize(
    ("sql", "share"),
    [
        ("select max(total) from loss_trace", 0.20),
        ("from loss_trace where pair_id = 'pair-00007'", 0.18),
        ("select total from loss_trace where pair_id = 'pair-00007' and iteration > 3", 0.06),
        ("select total from loss_trace where pair_id = 'nobody' and iteration > 3", 0.06),
    ],
)
def test_what_a_question_about_traces_reads(shuffled: RunReader, sql: str, share: float) -> None:
    """Of 2,048 traces of 200 evaluations; those of 10,000 of 500 are in tests/bench/test_queries.py."""
    assert isinstance(shuffled.store, Watched)
    shuffled.counts()
    shuffled.store.bytes_read = 0
    query(shuffled, sql)
    assert shuffled.store.bytes_read < share * sum(file.size for file in shuffled.files)


def test_several_runs_have_a_column_that_tells_them_apart(tmp_path: Path) -> None:
    one = a_run(tmp_path / "one", done=2, seal_it=False, seed=[1, 2])
    two = a_run(tmp_path / "two", done=3, alpha=[0.5, 1.0], init=["white_noise", "style"])
    readers = {"one": one, "two": two}

    def asked(sql: str) -> list[dict[str, object]]:
        return query_batches(Tables(list(readers.values()), views_of_all(readers, sql)), sql).read_all().to_pylist()

    for view in ("results", "loss_trace", "design"):
        assert asked(f"describe {view}")[0]["column_name"] == "run"
    assert asked("select run, count(*)::int as n from results group by all order by all") == [
        {"run": "one", "n": 2},
        {"run": "two", "n": 3},
    ]
    assert asked("select run, alpha, seed, init from design where status = 'pending' and run = 'one'") == [
        {"run": "one", "alpha": None, "seed": 1, "init": None},
        {"run": "one", "alpha": None, "seed": 2, "init": None},
    ]
    assert asked("select count(*)::int as n from design where alpha is null") == [{"n": 4}]
    assert len(asked("from loss_trace where run = 'two' and iteration = 1")) == 2
    joined = "select run, count(*)::int as n from results join design using (run, pair_id) group by all order by all"
    assert [row["n"] for row in asked(joined)] == [2, 3]


def test_names_of_several_runs() -> None:
    assert run_names(["out/a", "s3://b/c"]) == {"out/a": "a", "s3://b/c": "c"}
    assert run_names(["x/night", "y/night/"]) == {"x/night": "x/night", "y/night/": "y/night"}
    with pytest.raises(UserError, match="is given twice"):
        run_names(["a", "a"])


@pytest.mark.parametrize("several", [False, True])
def test_canned_questions_and_examples_have_answers(folder: Path, several: bool) -> None:
    reader = a_run(folder, done=8, seed=[1, 2], alpha=[0.5, 1.5, 2.5])
    readers = {"one": reader, "two": reader} if several else {"one": reader}
    summary = canned.summary(["alpha", "content"], several=several)
    questions = [
        canned.failed(several=several),
        canned.slowest(3, several=several),
        canned.worst_loss(3, several=several),
        summary,
        *(canned.examples(["alpha", "seed"]) + canned.examples([]) if not several else ()),
    ]
    for sql in questions:
        answer = query_batches(Tables([reader], views_of_all(readers, sql)), sql).read_all()
        assert answer.num_rows, sql
        assert (answer.column_names[0] == "run") == several, sql
    counted = query_batches(Tables([reader], views_of_all(readers, summary)), summary).read_all().to_pylist()[:3]
    assert [(row["alpha"], row["content"]) for row in counted] == [(0.5, "a"), (0.5, "b"), (1.5, "a")]
    assert [(row["pairs"], row["ok"], row["failed"], row["pending"]) for row in counted] == [
        (2, 2, 0, 0),
        (2, 1, 0, 1),
        (2, 1, 1, 0),
    ]


def test_pivot(folder: Path) -> None:
    reader = a_run(folder, done=8, seed=[1, 2], alpha=[1.0, 2.0])
    sql = "pivot (from design join results using (pair_id)) on seed using count(*)::int group by content order by all"
    assert rows(reader, sql) == [{"content": "a", "1": 2, "2": 2}, {"content": "b", "1": 2, "2": 2}]
    for refused in ("create table x as pivot design on seed", "pivot design on seed; select 1"):
        with pytest.raises(UserError, match="can only be read"):
            query(reader, refused)


def test_only_the_views_are_shown_and_suggested(folder: Path) -> None:
    reader = a_run(folder, done=1)
    assert [row["name"] for row in rows(reader, "show tables")] == ["design", "loss_trace", "results"]
    for name, near in (("desgn", "design"), ("t", "results, loss_trace"), ("pairs", "results, loss_trace")):
        with pytest.raises(UserError, match=f"Table with name {name} does not exist! There is {near}"):
            query(reader, f"from {name}")


def test_an_endless_question_ends(folder: Path) -> None:
    reader = a_run(folder, done=1)
    begun = time.monotonic()
    with pytest.raises(UserError, match=r"no answer in 0\.5 s; .*--timeout"):
        query(reader, "select sum(a.range * b.range) from range(1000000) a, range(1000000) b", Limits(timeout_s=0.5))
    assert time.monotonic() - begun < 60


def test_memory_and_disk_have_their_limits(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = a_run(folder, done=1)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    monkeypatch.chdir(tmp_path)
    sql = "select range, md5(range::varchar) as a, md5((range + 1)::varchar) as b from range(3000000) order by b"
    assert query(reader, sql, Limits(memory_bytes=100_000_000)).num_rows == 3_000_000  # on disk meanwhile
    with pytest.raises(UserError, match=r"more than 0\.06 GB of memory and 0\.02 of disk; aggregate"):
        query(reader, sql, Limits(memory_bytes=60_000_000, spill_bytes=20_000_000))
    assert list(scratch.iterdir()) == []
    assert not (tmp_path / ".tmp").exists()
