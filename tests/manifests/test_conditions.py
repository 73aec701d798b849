"""Which images a pair of each condition names, and what a condition makes of its settings."""

from __future__ import annotations

import json

import pytest

from neckar.pipeline.manifests.pairs import iter_pairs, survey
from neckar.pipeline.manifests.source import load_manifest
from neckar.schemas.errors import UserError
from neckar.schemas.settings import Settings
from neckar.schemas.wording import validated


def loaded(folder, *pairs, **settings):
    value = {"schema_version": 1, "name": "set", "settings": settings, "pairs": list(pairs)}
    (folder / "jobs.json").write_text(json.dumps(value))
    return load_manifest(str(folder / "jobs.json"))


def of(condition, **images):
    return {**images, "settings": {"condition": condition}}


def test_layers_behind_the_at_are_the_settings_layers(tmp_path):
    content_only, style_only, plain = iter_pairs(
        loaded(
            tmp_path,
            of("content_only@conv1_1", content="a.png"),
            of("style_only@conv3_1+conv1_1", style="b.png"),
            of("content_only", content="a.png"),
        )
    )
    assert (content_only.settings.content_layers, content_only.settings.beta) == (("conv1_1",), 0.0)
    assert style_only.settings.style_layers == {"conv1_1": 0.5, "conv3_1": 0.5}
    assert style_only.settings.condition == "style_only@conv1_1+conv3_1"  # in the network's order
    assert plain.settings.content_layers == ("conv4_2",)


def test_a_self_transfer_has_its_content_as_style(tmp_path):
    (pair,) = iter_pairs(loaded(tmp_path, of("self_transfer", content="a.png")))
    assert pair.style == pair.content
    assert pair.settings.beta == 1.0


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        (of("original", content="a.png", style="b.png"), "'original' is made without a style; leave the style out of"),
        (of("original", style="b.png"), "'original' is made of a content; add it to the pair"),
        (of("noise", style="b.png"), "'noise' is made of a content"),
        (of("style_only", content="a.png"), "'style_only' is made without a content"),
        (of("self_transfer", content="a.png", style="b.png"), "'self_transfer' is made without a style"),
        (of("luminance_matched_original", content="a.png"), "is made of a style; add it"),
        (of("external", content="a.png", style="b.png"), "'external' is made without a style"),
    ],
)
def test_a_pair_with_other_images_is_told(tmp_path, pair, told):
    with pytest.raises(UserError) as caught:
        survey(loaded(tmp_path, pair))
    assert any(told in problem.message for problem in caught.value.problems), caught.value.problems
    assert caught.value.problems[0].place.endswith("pairs[0].settings.condition")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("orignal", "did you mean 'original'?"),
        ("original@conv1_1", "original has no layers; write original"),
        ("content_only@conv1_7", "'conv1_7' is not a layer; did you mean 'conv1_2'?"),
        ("style_only@conv1_1+conv1_1", "names a layer twice"),
        ("style_only@", "'' is not a layer"),
        (3, "3 is not a condition"),
    ],
)
def test_a_condition_that_is_none_is_told(condition, told):
    with pytest.raises(UserError) as caught:
        validated(Settings, {"condition": condition})
    assert told in caught.value.problems[0].message
