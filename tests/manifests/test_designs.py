"""Designs from tables: rules, samples, seeds and controls, and every mistake with its table and row."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from neckar.pipeline.manifests.pairs import iter_pairs, survey
from neckar.pipeline.manifests.source import load_manifest
from neckar.schemas.errors import UserError

CONTENT = "id\tfile\tcategory\tlicense\tartist\n" + "".join(
    f"{category}{i}\tc/{category}{i}.png\t{category}\tCC0-1.0\t\n" for category in ("cat", "dog") for i in (1, 2)
)
STYLE = "id\tfile\tcategory\tlicense\tcopyright\n" + "".join(
    f"s-{category}\ts/{category}.png\t{category}\tcc-by-4.0\tSomebody\n" for category in ("cat", "dog", "bird")
)
SOURCES = {"content": "content.tsv", "style": "style.tsv"}


@pytest.fixture
def load(tmp_path):
    def load(design, *, content=CONTENT, style=STYLE, external=None, **settings):
        (tmp_path / "content.tsv").write_text(content)
        (tmp_path / "style.tsv").write_text(style)
        if external is not None:
            (tmp_path / "external.tsv").write_text(external)
        value = {"schema_version": 1, "name": "set", "settings": settings, "design": design}
        (tmp_path / "jobs.json").write_text(json.dumps(value))
        return load_manifest(str(tmp_path / "jobs.json"))

    return load


def told(load, design, **tables):
    with pytest.raises(UserError) as caught:
        survey(load(design, **tables))
    return [str(problem).partition("jobs.json: ")[2] or str(problem) for problem in caught.value.problems]


def test_every_image_of_the_tables_meets_every_other_and_their_columns_travel(load, tmp_path):
    pairs = list(iter_pairs(load({"sources": SOURCES})))
    assert len(pairs) == 12
    assert (pairs[0].pair_id, pairs[0].content) == ("cat1__s-cat", f"{tmp_path}/c/cat1.png")
    assert pairs[0].extra == {
        "content.category": "cat",
        "content.license": "CC0-1.0",
        "style.category": "cat",
        "style.license": "CC-BY-4.0",  # as SPDX writes it
        "style.copyright": "Somebody",
    }
    assert pairs[0].levels == {"content": "cat1", "style": "s-cat"}


def test_rules_drop_pairs_or_keep_them_under_their_own_condition(load):
    rule = "content.category == style.category"
    dropped = list(iter_pairs(load({"sources": SOURCES, "exclude": [rule]})))
    assert len(dropped) == 8
    assert all(pair.extra["content.category"] != pair.extra["style.category"] for pair in dropped)
    kept = list(iter_pairs(load({"sources": SOURCES, "exclude": [{"rule": rule, "keep_as": "congruent"}]})))
    assert Counter(pair.settings.condition for pair in kept) == {"stylised": 8, "congruent": 4}
    assert all((pair.levels["condition"] == pair.settings.condition) for pair in kept)
    both = [rule, "style.category == 'bird' and content.category != \"dog\""]
    assert len(list(iter_pairs(load({"sources": SOURCES, "exclude": both})))) == 6


def test_a_sample_crosses_the_factors(load):
    design = {
        "sources": SOURCES,
        "sample": {"per": ["content.category", "style.category"], "n": 1},
        "factors": {"alpha": [0.1, 0.2], "exemplar": 3},
    }
    pairs = list(iter_pairs(load(design)))
    assert len(pairs) == 2 * 3 * 1 * 2 * 3
    assert set(Counter(pair.levels["content"] for pair in pairs).values()) <= {6, 12}


def test_seeds_stay_where_a_shared_factor_moves_and_nowhere_else(load):
    factors = {"alpha": [0.1, 0.2], "exemplar": 2}
    shared = list(
        iter_pairs(load({"sources": SOURCES, "factors": factors, "seed_policy": {"shared_across": ["alpha"]}}))
    )
    by_place = {}
    for pair in shared:
        place = (pair.levels["content"], pair.levels["style"], pair.levels["exemplar"])
        by_place.setdefault(place, set()).add(pair.settings.seed)
    assert all(len(seeds) == 1 for seeds in by_place.values())
    assert len(set.union(*by_place.values())) == len(by_place) == 24
    unique = list(iter_pairs(load({"sources": SOURCES, "factors": factors, "seed_policy": "unique"})))
    assert len({pair.settings.seed for pair in unique}) == len(unique) == 48
    reversed_table = "\n".join([CONTENT.splitlines()[0], *CONTENT.splitlines()[:0:-1]]) + "\n"
    again = iter_pairs(load({"sources": SOURCES, "factors": factors, "seed_policy": "unique"}, content=reversed_table))
    assert {pair.pair_id: pair.settings.seed for pair in again} == {p.pair_id: p.settings.seed for p in unique}


def test_controls_cross_what_they_depend_on(load):
    """12 photographs, 5 layer sets, 10 exemplars, an original each, and 120 pictures from elsewhere: 732 stimuli."""
    content = "id\tfile\n" + "".join(f"c{i}\tc{i}.png\n" for i in range(12))
    external = "id\tfile\tmethod\n" + "".join(f"x{i}\tx{i}.png\tPortilla-Simoncelli\n" for i in range(120))
    layers = ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"]
    design = {
        "sources": {"style": "content.tsv"},
        "content": None,
        "factors": {"style_layers": [layers[: i + 1] for i in range(5)], "exemplar": 10},
    }
    assert survey(load(design, content=content)).pairs == 600
    design = {
        "sources": {"content": "content.tsv"},
        "factors": {"content_layers": [[layer] for layer in layers], "exemplar": 10},
        "conditions": ["stylised", "original"],
    }
    assert survey(load(design, content=content)).pairs == 612
    design["sources"] = {"content": "content.tsv", "external": "external.tsv"}
    pairs = list(iter_pairs(load(design, content=content, external=external)))
    assert len(pairs) == 732
    assert Counter(pair.levels["condition"] for pair in pairs) == {"stylised": 600, "original": 12, "external": 120}
    assert pairs[-1].extra == {"content.method": "Portilla-Simoncelli"}
    assert pairs[600].pair_id == "c0__original"


def test_every_control_of_a_small_set(load):
    conditions = ["stylised", "original", "content_only@conv4_2", "style_only@conv1_1+conv2_1", "self_transfer"]
    conditions += ["noise", "phase_scrambled", "luminance_matched_original", "original_at_scramble_gain"]
    design = {"sources": SOURCES, "conditions": conditions, "factors": {"alpha": [0.1, 0.2], "exemplar": 2}}
    found = Counter(pair.settings.condition for pair in iter_pairs(load(design)))
    assert found == {
        "stylised": 48,
        "original": 4,
        "content_only@conv4_2": 8,
        "style_only@conv1_1+conv2_1": 6,
        "self_transfer": 8,
        "noise": 8,
        "phase_scrambled": 8,
        "luminance_matched_original": 12,
        "original_at_scramble_gain": 8,
    }
    pairs = [pair for pair in iter_pairs(load(design)) if pair.settings.condition == "phase_scrambled"]
    quiet = [pair for pair in iter_pairs(load(design)) if pair.settings.condition == "original_at_scramble_gain"]
    assert [pair.settings.seed for pair in pairs] == [pair.settings.seed for pair in quiet]


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("id\tfile\na\ta.png\na\tb.png\n", "content.tsv: row 2: id: 'a' stands twice; the first is row 1"),
        ("id\tfile\na b\ta.png\n", "content.tsv: row 1: id: 'a b' is not an id"),
        ("id\tfile\na\t\n", "content.tsv: row 1: file is empty; write it"),
        ("id\tfile\na\ta.png\tx\n", "content.tsv: row 1: 3 cells under 2 columns"),
        ("id\tfile\n", "content.tsv: no image in it"),
        ("", "content.tsv: no image in it"),
        ("id\tfiles\na\tb\n", "content.tsv: no column 'file'"),
        ("id\tfile\tid\na\tb\tc\n", "content.tsv: the column 'id' stands twice"),
        (
            "id\tfile\tlicense\na\tb\tfree\n",
            "content.tsv: row 1: license: 'free' is no SPDX expression; write e.g. CC0-1.0",
        ),
        ("id\tfile\tredistributable\na\tb\tmaybe\n", "content.tsv: row 1: redistributable: 'maybe' is neither"),
        ("id\tfile\na\tftp://x/a.png\n", "content.tsv: row 1: file: "),
    ],
)
def test_a_bad_table_is_told_with_its_row(load, table, line):
    assert told(load, {"sources": SOURCES}, content=table)[0].startswith(line)


@pytest.mark.parametrize(
    ("design", "line"),
    [
        (
            {"exclude": ["content.kategory == style.category"]},
            "content.tsv: no column 'kategory'; did you mean 'category'",
        ),
        ({"exclude": ["content.artist == style.category"]}, "content.tsv: row 1: artist is empty; write it"),
        ({"exclude": ["content.category = style.category"]}, "design.exclude[0].rule: 'content.category ="),
        ({"sample": {"per": ["content.category"], "n": 9}}, "design.sample.n: the cell content.category = cat"),
        ({"sample": {"per": ["category"], "n": 1}}, "design.sample.per[0]: 'category' is not of the form"),
        (
            {"seed_policy": {"shared_across": ["alhpa"]}, "factors": {"alpha": [1]}},
            "design.seed_policy.shared_across[0]: 'alhpa' is not a factor of the design; did you mean 'alpha'?",
        ),
        ({"seed_policy": "uniq"}, "design.seed_policy: 'uniq' is not a seed policy"),
        ({"seed_policy": "unique", "factors": {"seed": [1]}}, "design.seed_policy: the seed is a factor"),
        ({"conditions": ["orignal"]}, "design.conditions[0]: 'orignal' is not a condition; did you mean 'original'?"),
        ({"conditions": ["original", "original"]}, "design.conditions: a condition stands twice"),
        ({"factors": {"condition": ["original"]}}, "design.factors.condition: conditions cross other images"),
        ({"content": ["a.png"]}, "design.content: sources.content is a table of them"),
        ({"sources": {"content": "nowhere.tsv"}}, "design.sources.content: "),
        ({"sources": {"content": "content.tsv"}, "conditions": ["style_only"]}, "design.conditions[0]: "),
        (
            {"sources": {"content": "content.tsv"}, "exclude": ["content.category == style.category"]},
            "design.exclude[0].rule: 'style.category' is a column of a table that the design does not name",
        ),
    ],
)
def test_a_bad_design_is_told_in_one_line(load, design, line):
    assert told(load, {"sources": SOURCES, **design})[0].startswith(line)


def test_a_changed_table_is_another_set(load):
    first = survey(load({"sources": SOURCES})).pairs_sha256
    assert first == survey(load({"sources": SOURCES})).pairs_sha256
    assert survey(load({"sources": SOURCES}, content=CONTENT.replace("cat1", "cat9"))).pairs_sha256 != first
