"""Settings: defaults, what is refused and in which words, merging, the canonical form."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neckar.schemas.errors import UserError
from neckar.schemas.layers import LAYER_NAMES
from neckar.schemas.settings import Settings

LAYERS = st.lists(st.sampled_from(LAYER_NAMES), min_size=1, unique=True)


def refusal(overrides):
    with pytest.raises(UserError) as caught:
        Settings().merged(overrides)
    return [str(problem) for problem in caught.value.problems]


def test_a_setting_of_later_days_is_in_the_canonical_form_only_where_it_says_something():
    """So a new one remakes no picture."""
    assert Settings(fit="crop").canonical() == Settings().canonical()
    assert Settings(fit="pad").canonical() == {**Settings().canonical(), "fit": "pad"}


def test_defaults_are_the_papers():
    settings = Settings()
    assert settings.canonical() == {
        "size": 256,
        "resample": "lanczos",
        "content_layers": ["conv4_2"],
        "style_layers": {"conv1_1": 0.2, "conv2_1": 0.2, "conv3_1": 0.2, "conv4_1": 0.2, "conv5_1": 0.2},
        "alpha": 0.001,
        "beta": 1.0,
        "loss": "gatys2015",
        "pooling": "average",
        "init": "white_noise",
        "init_sigma": 1.0,
        "optimizer": "lbfgs",
        "learning_rate": 5.0,
        "iterations": 500,
        "tolerance": 0.0,
        "precision": "auto",
        "seed": 0,
        "normalise_activations": False,
    }


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ({"poling": "max"}, ": unknown key 'poling'; did you mean 'pooling'?"),
        ({"pooling": "avarage"}, "pooling: 'avarage' is not a pooling; did you mean 'average'?"),
        ({"pooling": None}, "pooling: null is not a pooling; valid are average, max"),
        ({"optimizer": "lbgfs"}, "optimizer: 'lbgfs' is not an optimiser; did you mean 'lbfgs'?"),
        ({"loss": "gatys2016"}, "loss: 'gatys2016' is not a loss convention; did you mean 'gatys2015'?"),
        ({"precision": "flaot32"}, "precision: 'flaot32' is not a precision; did you mean 'float32'?"),
        ({"resample": "lanzcos"}, "resample: 'lanzcos' is not a resampling filter; did you mean 'lanczos'?"),
        (
            {"init": "whitenoise"},
            "init: 'whitenoise' is not a start, nor the URI of an image; did you mean 'white_noise'?",
        ),
        ({"alpha": -1}, "alpha: -1 is out of range; write at least 0"),
        ({"beta": -0.5}, "beta: -0.5 is out of range; write at least 0"),
        ({"alpha": math.nan}, "alpha: nan is not a finite number"),
        ({"beta": math.inf}, "beta: inf is not a finite number"),
        ({"alpha": "1e-3"}, "alpha: '1e-3' is not a number"),
        ({"alpha": True}, "alpha: true is not a number"),
        (
            {"alpha": 0, "beta": 0},
            ": alpha and beta are both 0: there is nothing to compute; make one of them positive",
        ),
        ({"size": 0}, "size: 0 is out of range; a side has 16 to 4096 px"),
        ({"size": [256, 8192]}, "size: [256, 8192] is out of range; a side has 16 to 4096 px"),
        ({"size": "a"}, "size: 'a' is not a size; write the longest side in px, e.g. 256, or [height, width]"),
        ({"size": [256]}, "size: [256] is not a size; write the longest side in px, e.g. 256, or [height, width]"),
        ({"size": True}, "size: true is not a size; write the longest side in px, e.g. 256, or [height, width]"),
        (
            {"content_layers": ["conv4_2", "conv9_1"]},
            "content_layers[1]: 'conv9_1' is not a layer; did you mean 'conv5_1'?",
        ),
        (
            {"content_layers": "conv4_2"},
            "content_layers: 'conv4_2' is not a list; write a list of layers, e.g. [conv4_2]",
        ),
        ({"content_layers": []}, "content_layers: no layer given; write a list of layers, e.g. [conv4_2]"),
        ({"style_layers": ["conv1_1", "conv1_1"]}, "style_layers[1]: 'conv1_1' stands twice; name each layer once"),
        ({"style_layers": {"con2_1": 1}}, "style_layers.con2_1: 'con2_1' is not a layer; did you mean 'conv2_1'?"),
        (
            {"style_layers": {"conv1_1": 0}},
            "style_layers.conv1_1: 0 is not a weight; write a positive number, or leave the layer out",
        ),
        ({"iterations": 0}, "iterations: 0 is out of range; write at least 1"),
        ({"iterations": 100_001}, "iterations: 100001 is out of range; write at most 100000"),
        ({"iterations": 10.5}, "iterations: 10.5 is not a whole number"),
        ({"seed": -1}, "seed: -1 is out of range; write at least 0"),
        ({"seed": 2**63}, f"seed: {2**63} is out of range; write at most {2**63 - 1}"),
        ({"learning_rate": 0}, "learning_rate: 0 is out of range; write at least 0.01"),
        ({"learning_rate": 1e300}, "learning_rate: 1e+300 is out of range; write at most 255"),
        ({"normalise_activations": "yes"}, "normalise_activations: 'yes' is not true or false"),
        ({1: 2}, "[1]: the key 1 is not text; put it in quotes"),
        ([1], ": [1] is not a mapping of keys to values"),
    ],
    ids=str,
)
def test_a_bad_value_is_told_with_place_and_mend(overrides, line):
    assert refusal(overrides) == [line]


def test_an_unknown_key_like_no_other_is_told_with_all_valid_ones():
    (line,) = refusal({"xyz": 1})
    assert all(name in line for name in Settings.model_fields)


def test_every_mistake_is_told_at_once():
    assert len(refusal({"pooling": "avarage", "alpha": -1, "style_layers": ["conv1_9", "conv9_1"], "foo": 1})) == 5


def test_a_long_value_is_cut():
    (line,) = refusal({"pooling": "x" * 10_000})
    assert len(line) < 250


def test_both_zero_is_seen_across_merging():
    content_only = Settings(beta=0.0)
    with pytest.raises(UserError, match="both 0"):
        content_only.merged({"alpha": 0})
    assert content_only.merged({"alpha": 0, "beta": 2}).beta == 2.0


def test_merging_changes_what_is_named_and_nothing_else():
    base = Settings(alpha=0.5, seed=7)
    merged = base.merged({"seed": 8, "pooling": "max"})
    assert (merged.alpha, merged.seed, merged.pooling) == (0.5, 8, "max")
    assert (base.seed, base.pooling) == (7, "average")


def test_merging_a_partial_settings_counts_what_it_sets_even_to_the_default():
    assert Settings(alpha=0.5, seed=7).merged(Settings(alpha=1e-3)).canonical() == Settings(seed=7).canonical()


@given(LAYERS)
def test_a_list_of_layers_means_equal_weights_in_the_networks_order(names):
    settings = Settings(style_layers=names)
    assert settings.style_layer_names == tuple(sorted(names, key=LAYER_NAMES.index))
    assert settings.style_weights == (1 / len(names),) * len(names)
    assert settings == Settings(style_layers=dict.fromkeys(reversed(names), 1 / len(names)))


@given(LAYERS)
def test_content_layers_keep_the_networks_order(names):
    assert Settings(content_layers=names).content_layers == tuple(sorted(names, key=LAYER_NAMES.index))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"alpha": 1}, {"alpha": 1.0}),
        ({"iterations": 1e3}, {"iterations": 1000}),
        ({"seed": 3.0}, {"seed": 3}),
        ({"size": 128.0}, {"size": 128}),
        ({"tolerance": -0.0}, {"tolerance": 0}),
        ({"style_layers": ["conv2_1", "conv1_1"]}, {"style_layers": {"conv1_1": 0.5, "conv2_1": 0.5}}),
        ({"content_layers": ["conv4_2", "conv1_1"]}, {"content_layers": ["conv1_1", "conv4_2"]}),
        ({}, Settings().canonical()),
    ],
    ids=str,
)
def test_equal_meaning_has_one_canonical_text(one, other):
    assert json.dumps(Settings(**one).canonical()) == json.dumps(Settings(**other).canonical())


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"alpha": 2e-3}, {"style_layers": {"conv1_1": 0.3}}, {"size": [256, 256]}]
)
def test_different_meaning_has_another_canonical_text(change):
    assert Settings(**change).canonical() != Settings().canonical()


def test_snapshots_are_in_order_and_change_no_identity():
    settings = Settings.model_validate({"snapshots": [50, 1, 50, 10]})
    assert settings.snapshots == (1, 10, 50)
    assert settings.canonical() == Settings().canonical()


@pytest.mark.parametrize("bad", [[0], [1.5], "10", [True], [[1]], list(range(1, 200)), [100_001]])
def test_bad_snapshots(bad):
    with pytest.raises(UserError, match="snapshots"):
        Settings().merged({"snapshots": bad})


def test_settings_survive_json_and_serve_as_keys():
    settings = Settings(size=[96, 128], style_layers={"conv1_1": 0.5})
    again = Settings.model_validate_json(json.dumps(settings.canonical()))
    assert again == settings
    assert {settings: 1}[again] == 1


def test_init_is_a_name_or_a_uri():
    assert Settings(init="content").init_uri is None
    assert Settings(init="starts/noise.png").init_uri == "starts/noise.png"
