"""The manifests that ship: they are valid, and say what the paper's figures say."""

from pathlib import Path

import pytest

from neckar.pipeline.manifests.pairs import iter_pairs, survey
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.storage.access import read_uri
from neckar.schemas.layers import LAYER_NAMES

FOLDER = Path(__file__).parents[2] / "jobs" / "manifests"
MANIFESTS = sorted(FOLDER.rglob("*.yaml"))
CUMULATIVE = [("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")[:n] for n in range(1, 6)]


def pairs_of(name):
    return list(iter_pairs(load_manifest(str(FOLDER / name), base="/paper")))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_shipped_manifest_is_valid_and_opens_with_a_comment(path):
    assert survey(load_manifest(str(path))).pairs > 0
    assert path.read_text().startswith("# ")


def test_the_demo_needs_nothing_but_installed_packages():
    pairs = pairs_of("demo.yaml")
    assert len(pairs) == 4
    for uri in {uri for pair in pairs for uri in (pair.content, pair.style)}:
        assert len(read_uri(uri)) > 1000


def test_fig1_content_takes_one_layer_each():
    pairs = pairs_of("paper/fig1_content.yaml")
    assert [pair.settings.content_layers for pair in pairs] == [(f"conv{block}_1",) for block in range(1, 6)]
    assert {(pair.content, pair.style, pair.settings.beta) for pair in pairs} == {("/paper/neckarfront.jpg", None, 0.0)}


def test_fig1_style_takes_ever_more_layers():
    pairs = pairs_of("paper/fig1_style.yaml")
    assert [pair.settings.style_layer_names for pair in pairs] == CUMULATIVE
    assert {(pair.content, pair.style, pair.settings.alpha) for pair in pairs} == {
        (None, "/paper/starry_night.jpg", 0.0)
    }


def test_fig2_has_the_ratios_of_its_caption():
    assert {pair.style: pair.settings.alpha / pair.settings.beta for pair in pairs_of("paper/fig2.yaml")} == {
        "/paper/shipwreck_of_the_minotaur.jpg": 1e-3,
        "/paper/starry_night.jpg": 1e-3,
        "/paper/der_schrei.jpg": 1e-3,
        "/paper/femme_nue_assise.jpg": 1e-4,
        "/paper/composition_vii.jpg": 1e-4,
    }


def test_fig3_is_a_grid_of_layers_and_ratios():
    pairs = pairs_of("paper/fig3.yaml")
    grid = [(pair.settings.style_layer_names, pair.settings.alpha) for pair in pairs]
    assert grid == [(layers, alpha) for layers in CUMULATIVE for alpha in (1e-5, 1e-4, 1e-3, 1e-2)]
    assert {(pair.content, pair.style) for pair in pairs} == {("/paper/neckarfront.jpg", "/paper/composition_vii.jpg")}


def test_every_figure_starts_from_white_noise_with_beta_1():
    for path in FOLDER.glob("paper/*.yaml"):
        for pair in pairs_of(path.relative_to(FOLDER)):
            assert pair.settings.init == "white_noise"
            assert pair.settings.pooling == "average"
            assert pair.settings.beta in {0.0, 1.0}
            assert set(pair.settings.style_layer_names) < set(LAYER_NAMES)
