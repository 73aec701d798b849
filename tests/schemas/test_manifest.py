"""The manifest: what is refused, and the JSON Schema as a frozen surface."""

import json

import pytest

from neckar.schemas.errors import UserError
from neckar.schemas.layers import LAYER_NAMES
from neckar.schemas.manifest import Manifest
from neckar.schemas.settings import Settings
from neckar.schemas.wording import validated

LEAST = {"schema_version": 1, "name": "t", "pairs": [{"content": "a.jpg"}]}
ID_RULE = "use at most 128 letters, digits, '.', '_' and '-', the first a letter or digit, no '..'"


def refusal(**change):
    with pytest.raises(UserError) as caught:
        validated(Manifest, {**LEAST, **change})
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ({"pares": []}, [": unknown key 'pares'; did you mean 'pairs'?"]),
        ({"schema_version": 2}, ["schema_version: 2 is not valid here; write 1"]),
        ({"name": "a/b"}, [f"name: 'a/b' is not a name for a run; {ID_RULE}"]),
        ({"name": 5}, ["name: 5 is not text; put it in quotes"]),
        (
            {"weights": "oxfort"},
            ["weights: 'oxfort' is not a network, nor the URI of its weights; did you mean 'oxford'?"],
        ),
        ({"settings": None}, ["settings: null is not a mapping of keys to values"]),
        ({"output": ""}, ["output: '' is empty; write it out, or leave the key out"]),
        ({"pairs": []}, [": there is no pair; list some under pairs, or add pairs_from or design"]),
        ({"pairs": {"a": 1}}, ['pairs: {"a": 1} is not a list']),
        ({"pairs": ["a"]}, ["pairs[0]: 'a' is not a mapping of keys to values"]),
        ({"pairs": [{"id": "a"}]}, ["pairs[0]: the pair names no image; add content, style or both"]),
        ({"pairs": [{"id": "a/b", "content": "x"}]}, [f"pairs[0].id: 'a/b' is not an id; {ID_RULE}"]),
        ({"pairs": [{"id": "..", "content": "x"}]}, [f"pairs[0].id: '..' is not an id; {ID_RULE}"]),
        ({"pairs": [{"id": 5, "content": "x"}]}, ["pairs[0].id: 5 is not text; put it in quotes"]),
        ({"pairs": [{"stlye": "x"}]}, ["pairs[0]: unknown key 'stlye'; did you mean 'style'?"]),
        (
            {"pairs_from": "pairs.txt"},
            ["pairs_from: 'pairs.txt' is not a file of pairs; write one that ends in .jsonl, .csv, .parquet"],
        ),
    ],
    ids=str,
)
def test_a_bad_manifest_is_told_with_place_and_mend(change, lines):
    assert refusal(**change) == lines


def test_what_is_missing_is_named():
    with pytest.raises(UserError) as caught:
        validated(Manifest, {"pairs": [{"content": "a.jpg"}]})
    assert [str(problem) for problem in caught.value.problems] == [
        ": the key 'schema_version' is missing; add it",
        ": the key 'name' is missing; add it",
    ]


def test_mistakes_everywhere_are_told_at_once():
    good, bad = {"content": "a.jpg"}, {"content": "a.jpg", "settings": {"pooling": "avarage", "alpha": -1}}
    assert [
        line.partition(":")[0]
        for line in refusal(pairs=[*[good] * 17, bad], settings={"size": 1}, design={"style": [1]})
    ] == [
        "settings.size",
        "pairs[17].settings.alpha",
        "pairs[17].settings.pooling",
        "design.style[0]",
    ]


# settings that came later stay out of the canonical form at their default
LATER = {
    "fit": "crop",
    "crop": "none",
    "color": "rgb",
    "bit_depth": 8,
    "transfer_function": "srgb",
    "aperture": None,
    "condition": "stylised",
    "scramble": {"space": "encoded", "range": "rescale", "weight": 1.0},
    "snapshots": [],
}


def test_a_resolved_manifest_means_the_same():
    manifest = validated(
        Manifest,
        {
            **LEAST,
            "settings": {"alpha": 1},
            "pairs": [{"content": "a.jpg", "settings": {"style_layers": ["conv1_1"], "size": [128, 64]}}],
            "design": {"style": ["x/s.jpg", "y/s.jpg"], "factors": {"exemplar": 2, "size": [[128, 64], 32]}},
        },
    )
    resolved = json.loads(json.dumps(manifest.resolved()))
    assert resolved["settings"] == {**Settings(alpha=1).canonical(), **LATER}
    assert resolved["pairs"][0]["settings"] == {"style_layers": {"conv1_1": 1.0}, "size": [128, 64]}
    assert validated(Manifest, resolved) == manifest


def keys_of(schema, name):
    return {key: part.get("default") for key, part in schema["$defs"][name]["properties"].items()}


def test_the_json_schema_keeps_its_keys_and_defaults():
    schema = Manifest.model_json_schema()
    assert {key: part.get("default") for key, part in schema["properties"].items()} == {
        "schema_version": None,
        "name": None,
        "output": None,
        "weights": "oxford",
        "settings": {**Settings().canonical(), **LATER},
        "pairs": [],
        "pairs_from": None,
        "design": None,
        "match": None,
        "match_within": [],
        "qc": None,
        "trials": [],
    }
    assert schema["required"] == ["schema_version", "name"]
    assert keys_of(schema, "PairEntry") == {
        "id": None,
        "content": None,
        "style": None,
        "settings": {},
        "levels": {},
        "extra": {},
    }
    assert keys_of(schema, "Design") == {
        "content": None,
        "style": None,
        "factors": {},
        "sources": None,
        "exclude": [],
        "sample": None,
        "seed_policy": None,
        "conditions": [],
    }
    papers = ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"]
    assert keys_of(schema, "Settings") == {**Settings().canonical(), **LATER, "style_layers": papers}
    assert list(schema["$defs"]["Design"]["properties"]["factors"]["properties"]) == [
        "exemplar",
        *Settings.model_fields,
    ]


def test_the_json_schema_lists_names_for_editors():
    settings = Manifest.model_json_schema()["$defs"]["Settings"]["properties"]
    assert settings["content_layers"]["items"]["enum"] == list(LAYER_NAMES)
    assert {key: part["enum"] for key, part in settings.items() if "enum" in part} == {
        "resample": ["lanczos", "bicubic", "bilinear"],
        "fit": ["crop", "stretch", "pad"],
        "crop": ["none", "center_square"],
        "color": ["rgb", "gray", "luminance", "match_content", "match_style"],
        "loss": ["gatys2015", "gatys_pytorch"],
        "pooling": ["average", "max"],
        "optimizer": ["lbfgs", "adam"],
        "precision": ["auto", "float32", "tf32", "bfloat16"],
        "bit_depth": [8, 16],
        "transfer_function": ["srgb", "linear"],
    }


def test_the_json_schema_describes_and_closes_every_part():
    schema = Manifest.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        assert part["additionalProperties"] is False
        assert [key for key, value in part["properties"].items() if not value.get("description")] == []
