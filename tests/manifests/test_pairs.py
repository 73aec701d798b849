"""Every pair of a manifest, resolved; and the survey that finds every mistake."""

import gc
import hashlib
import json
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neckar.pipeline.manifests.pairs import Survey, iter_pairs, survey
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.storage.access import open_store
from neckar.schemas.errors import UserError
from neckar.schemas.identifier import is_legal
from neckar.schemas.pair import Pair
from neckar.schemas.settings import NOTHING_TO_COMPUTE, Settings

HEAD = "schema_version: 1\nname: t\n"


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def row(i, **more):
    return {"id": f"p{i}", "content": "c.png", "style": "s.png", **more}


def pairs_in(name, **options):
    return list(iter_pairs(load_manifest(name, **options)))


def refusal(name, **options):
    with pytest.raises(UserError) as caught:
        survey(load_manifest(name), **options)
    return str(caught.value).splitlines()


def test_listed_then_from_the_file_then_designed(write, tmp_path):
    write(
        jobs__yaml=HEAD
        + """
settings: {alpha: 0.5, seed: 10}
pairs:
  - {id: first, content: c.png, style: sub/s.png, settings: {pooling: max}}
pairs_from: pairs.jsonl
design: {content: [c.png], style: [s.png], factors: {exemplar: 2}}
""",
        pairs__jsonl=lines({"id": "second", "content": "/abs/c.png", "style": "package:skimage/data/coffee.png"}),
    )
    base = Settings(alpha=0.5, seed=10)
    c, s = f"{tmp_path}/c.png", f"{tmp_path}/s.png"
    assert pairs_in("jobs.yaml") == [
        Pair(0, "first", c, f"{tmp_path}/sub/s.png", base.merged({"pooling": "max"})),
        Pair(1, "second", "/abs/c.png", "package:skimage/data/coffee.png", base),
        Pair(2, "c__s__exemplar-1", c, s, base, {"content": "c", "style": "s", "exemplar": "1"}),
        Pair(3, "c__s__exemplar-2", c, s, base.merged({"seed": 11}), {"content": "c", "style": "s", "exemplar": "2"}),
    ]


def test_the_kinds_of_pair(write):
    name = write(jobs__yaml=HEAD + "pairs: [{content: c.png, style: s.png}, {content: c.png}, {style: s.png}]")
    both, content, style = pairs_in(name)
    assert (both.settings.alpha, both.settings.beta) == (0.001, 1.0)
    assert (content.style, content.settings.alpha, content.settings.beta) == (None, 0.001, 0.0)
    assert (style.content, style.settings.alpha, style.settings.beta) == (None, 0.0, 1.0)


@pytest.mark.parametrize(
    ("settings", "pair", "line"),
    [
        (
            "alpha: 0",
            "content: c.png",
            "alpha: 0 in a pair without style leaves nothing to compute; make alpha positive, or add a style",
        ),
        (
            "beta: 0",
            "style: s.png",
            "beta: 0 in a pair without content leaves nothing to compute; make beta positive, or add a content",
        ),
        ("init: content", "style: s.png", "init: 'content' is no start for a pair without content"),
        ("init: style", "content: c.png", "init: 'style' is no start for a pair without style"),
    ],
)
def test_settings_that_ask_for_a_missing_image(write, settings, pair, line):
    assert refusal(write(jobs__yaml=HEAD + f"settings: {{{settings}}}\npairs: [{{{pair}}}]")) == [
        f"jobs.yaml: pairs[0].settings.{line}"
    ]


def test_an_image_to_start_from_is_made_absolute(write, tmp_path):
    name = write(jobs__yaml=HEAD + "settings: {init: starts/a.png}\npairs: [{content: c.png}]")
    assert pairs_in(name)[0].settings.init == f"{tmp_path}/starts/a.png"


@pytest.mark.parametrize(
    ("uri", "absolute"),
    [
        ("c.png", "{}/c.png"),
        ("./c.png", "{}/c.png"),
        ("a//b/../c.png", "{}/a/c.png"),
        ("../c.png", "{parent}/c.png"),
        ("a b,ü.png", "{}/a b,ü.png"),
        ("s3://bucket/c.png", "s3://bucket/c.png"),
    ],
)
def test_uris_are_relative_to_the_base(write, tmp_path, uri, absolute):
    name = write(jobs__yaml=HEAD + f"pairs: [{{content: '{uri}'}}]")
    found = {pairs_in(name)[0].content, pairs_in(name, base=str(tmp_path))[0].content}
    assert found == {absolute.format(tmp_path, parent=tmp_path.parent)}


def test_a_base_on_s3(write):
    name = write(jobs__yaml=HEAD + "pairs: [{content: a/c.png}]")
    assert pairs_in(name, base="s3://bucket/images/")[0].content == "s3://bucket/images/a/c.png"
    assert pairs_in(name, base="s3://bucket")[0].content == "s3://bucket/a/c.png"


def test_derived_ids_tell_content_and_stay_the_same_wherever_and_however_the_pair_is_written(write, tmp_path):
    yaml = HEAD + "pairs: [{content: i/neckarfront.jpg, style: starry night.jpg, settings: {alpha: 1, seed: 2}}]"
    (listed,) = pairs_in(write(jobs__yaml=yaml))
    name = write(
        jobs__yaml=HEAD + "pairs_from: pairs.jsonl",
        pairs__jsonl=lines(
            {"content": "i/neckarfront.jpg", "style": "starry night.jpg", "settings": {"seed": 2, "alpha": 1.0}}
        ),
    )
    (read,) = pairs_in(name, base=str(tmp_path))
    assert listed.pair_id == read.pair_id
    assert listed.pair_id.startswith("neckarfront__starry-night__")
    assert is_legal(listed.pair_id)


def test_levels_of_pairs_that_were_laid_out_elsewhere(write):
    name = write(
        jobs__yaml=HEAD + "pairs_from: pairs.jsonl",
        pairs__jsonl=lines({"content": "x.png", "levels": {"alpha": 0.5, "style": "none"}}),
    )
    assert pairs_in(name)[0].levels == {"alpha": "0.5", "style": "none"}


def test_derived_ids_differ_with_any_part(write):
    pairs = ["{content: a/x.png}", "{content: b/x.png}", "{style: a/x.png}", "{content: a/x.png, settings: {seed: 1}}"]
    found = pairs_in(write(jobs__yaml=HEAD + f"pairs: [{', '.join(pairs)}]"))
    assert len({pair.pair_id for pair in found}) == 4


def test_csv_and_parquet_say_the_same_as_json_lines(write, tmp_path):
    write(
        a__yaml=HEAD + "pairs_from: p.jsonl",
        b__yaml=HEAD + "pairs_from: p.csv",
        c__yaml=HEAD + "pairs_from: p.parquet",
        p__jsonl=lines(row(0, settings={"alpha": 0.5, "seed": 3}), {"id": "p1", "content": "c.png"}),
        p__csv="id,content,style,alpha,seed\np0,c.png,s.png,0.5,3\np1,c.png,,,\n",
    )
    table = {
        "id": ["p0", "p1"],
        "content": ["c.png"] * 2,
        "style": ["s.png", None],
        "alpha": [0.5, None],
        "seed": [3, None],
    }
    pq.write_table(pa.table(table), tmp_path / "p.parquet")
    assert pairs_in("a.yaml") == pairs_in("b.yaml") == pairs_in("c.yaml")


def test_a_pairs_file_on_s3(s3_uri):
    store = open_store(s3_uri)
    store.put("a.yaml", (HEAD + "pairs_from: sub/p.jsonl").encode())
    store.put("sub/p.jsonl", lines(row(0), row(1)).encode())
    found = pairs_in(f"{s3_uri}/a.yaml")
    assert [(pair.pair_id, pair.content) for pair in found] == [("p0", f"{s3_uri}/c.png"), ("p1", f"{s3_uri}/c.png")]


def test_a_survey_counts(write):
    rows = lines(*(row(i, content=f"c{i % 3}.png") for i in range(10)))
    name = write(
        jobs__yaml=HEAD
        + "pairs_from: p.jsonl\n"
        + "design: {content: [c0.png, x.png], style: [s.png], factors: {alpha: [1, 2], exemplar: 3}}",
        p__jsonl=rows,
    )
    assert survey(load_manifest(name)) == Survey(
        pairs=22,
        levels={
            "content": {"c0": 6, "x": 6},
            "style": {"s": 12},
            "alpha": {"1": 6, "2": 6},
            "exemplar": {"1": 4, "2": 4, "3": 4},
        },
        content_images=4,
        style_images=1,
        pairs_sha256=hashlib.sha256(rows.encode()).hexdigest(),
        precisions=frozenset({"auto"}),
        sizes=frozenset({256}),
    )


@pytest.mark.parametrize(
    ("pairs", "line"),
    [
        ("[{id: a, content: x}, {id: a, content: y}]", "pairs[1].id: 'a' stands twice; the first is pairs[0]"),
        ("[{content: ftp://host/x}]", "pairs[0].content: "),
        ("[{content: x, style: s, settings: {alpha: 0, beta: 0}}]", "pairs[0].settings: alpha and beta are both 0"),
        ("[{content: x, settings: {init: 'ftp://host/x'}}]", "pairs[0].settings.init: "),
    ],
)
def test_a_bad_listed_pair_is_told_with_its_place(write, pairs, line):
    try:
        (found,) = refusal(write(jobs__yaml=HEAD + f"pairs: {pairs}"))
    except UserError as error:  # told on loading already
        found = str(error)
    assert found.startswith(f"jobs.yaml: {line}")


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        ({"settings": {"pooling": "avarage"}}, "settings.pooling: 'avarage' is not a pooling; did you mean 'average'?"),
        ({"settings": {"poling": "max"}}, "settings: unknown key 'poling'; did you mean 'pooling'?"),
        ({"settings": [1]}, "settings: [1] is not a mapping of keys to values"),
        ({"stlye": "x"}, "unknown key 'stlye'; did you mean 'style'?"),
        ({"id": "a/b"}, "id: 'a/b' is not an id; use at most 128 letters"),
        ({"id": "p0"}, "id: 'p0' stands twice; the first is row 1 of pairs.jsonl"),
        ({"id": "p1"}, "id: 'p1' stands twice; the first is row 2 of pairs.jsonl"),
        ({"content": 5}, "content: 5 is not text; put it in quotes"),
        ({"content": "ftp://host/x"}, "content: "),
        ({"content": None, "style": None}, "the pair names no image; add content, style or both"),
    ],
    ids=str,
)
def test_a_bad_row_is_named(write, bad, line):
    rows = [row(i) for i in range(60)]
    rows[40] = row(40) | bad
    name = write(jobs__yaml=HEAD + "pairs_from: pairs.jsonl", pairs__jsonl=lines(*rows))
    (found,) = refusal(name)
    assert found.startswith(f"pairs.jsonl: row 41: {line}")


def test_a_row_that_is_no_mapping_is_named(write):
    name = write(jobs__yaml=HEAD + "pairs_from: pairs.jsonl", pairs__jsonl='{"content": "a"}\n[1]\nnull\n"x"\n')
    assert refusal(name) == [
        "pairs.jsonl: row 2: [1] is not a mapping of keys to values",
        "pairs.jsonl: row 3: null is not a mapping of keys to values",
        "pairs.jsonl: row 4: 'x' is not a mapping of keys to values",
    ]


def test_every_mistake_of_a_row_is_told_at_once(write):
    bad = {"id": "a/b", "content": "x", "settings": {"alpha": -1, "size": 1}}
    good_id = {"id": "b", "content": "ftp://host/x", "style": "ftp://host/y", "settings": {"alpha": -1}}
    name = write(jobs__yaml=HEAD + "pairs_from: pairs.jsonl", pairs__jsonl=lines(bad, good_id))
    assert [line.split(": ")[1:3] for line in refusal(name)] == [
        ["row 1", "id"],
        ["row 1", "settings.size"],
        ["row 1", "settings.alpha"],
        ["row 2", "content"],
        ["row 2", "style"],
        ["row 2", "settings.alpha"],
    ]


def test_mistakes_beyond_the_limit_are_counted(write):
    rows = lines(*(row(i, settings={"alpha": -1}) for i in range(1000)))
    found = refusal(write(jobs__yaml=HEAD + "pairs_from: p.jsonl", p__jsonl=rows), problem_limit=3)
    assert found == [
        *(f"p.jsonl: row {i}: settings.alpha: -1 is out of range; write at least 0" for i in (1, 2, 3)),
        "jobs.yaml: ... and 997 more problems",
    ]


def test_iteration_stops_at_the_first_mistake(write):
    name = write(jobs__yaml=HEAD + "pairs_from: p.jsonl", p__jsonl=lines(row(0), row(0), row(1)))
    found = iter_pairs(load_manifest(name))
    assert next(found).pair_id == "p0"
    with pytest.raises(UserError, match="row 2: id: 'p0' stands twice"):
        next(found)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_pairs_file_without_rows_is_refused(write, text):
    assert refusal(write(jobs__yaml=HEAD + "pairs_from: p.jsonl", p__jsonl=text)) == [
        "jobs.yaml: there is no pair; p.jsonl has no row"
    ]


def test_a_pairs_file_that_is_not_there(write):
    (line,) = refusal(write(jobs__yaml=HEAD + "pairs_from: absent.jsonl"))
    assert line.startswith("jobs.yaml: pairs_from: ")
    assert "absent.jsonl" in line


def test_mistakes_in_factors_are_told_once_whatever_the_number_of_images(write):
    images = ", ".join(f"c{i}.png" for i in range(20))
    name = write(
        jobs__yaml=HEAD + f"design: {{content: [{images}], style: [s.png], factors: {{alpha: [0, 1], beta: [0, 1]}}}}"
    )
    assert refusal(name) == [f"jobs.yaml: design: c0__s__alpha-0__beta-0: settings: {NOTHING_TO_COMPUTE}"]


def test_a_forbidden_image_of_a_design_is_told_once(write):
    name = write(jobs__yaml=HEAD + "design: {content: [a.png, 'ftp://host/b.png'], style: [s.png, t.png]}")
    (line,) = refusal(name)
    assert line.startswith("jobs.yaml: design.content.b: ")


def test_exemplars_beyond_the_last_seed_are_told(write):
    name = write(
        jobs__yaml=HEAD + f"settings: {{seed: {2**63 - 1}}}\ndesign: {{content: [a.png], factors: {{exemplar: 2}}}}"
    )
    (line,) = refusal(name)
    assert line.startswith(f"jobs.yaml: design: a__exemplar-2: settings.seed: {2**63} is out of range")


def test_ids_that_meet_across_sources_are_told(write):
    name = write(
        jobs__yaml=HEAD
        + "pairs: [{id: a__b, content: x}]\npairs_from: p.jsonl\n"
        + "design: {content: [a.png], style: [b.png, c__d.png, c.png]}",
        p__jsonl=lines(row(0), row(1, id="a__c")),
    )
    assert [line.partition("; ")[2] for line in refusal(name)] == [
        "the first is pairs[0]",
        "the first is row 2 of p.jsonl",
    ]


def test_cells_whose_joined_names_meet_are_told(write):
    name = write(jobs__yaml=HEAD + "design: {content: [a.png, a__b.png], style: [b__c.png, c.png]}")
    (line,) = refusal(name)
    assert line.startswith(
        "jobs.yaml: design: a__b__c: id: 'a__b__c' stands twice; the first is another cell; name the"
    )


def test_pairs_are_never_held(write, monkeypatch):
    """Peak memory grows with the hashes of the ids alone, some 150 bytes a pair; pairs would take 2000 each."""
    monkeypatch.setattr("neckar.pipeline.manifests.resolution.CACHED_SETTINGS_MAX", 100)
    count = 5000
    rows = lines(*(row(i, settings={"seed": i, "style_layers": ["conv1_1", "conv2_1"]}) for i in range(count)))
    loaded = load_manifest(write(jobs__yaml=HEAD + "pairs_from: p.jsonl", p__jsonl=rows))
    gc.collect()
    tracemalloc.start()
    try:
        assert sum(1 for _ in iter_pairs(loaded)) == count
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 400 * count
