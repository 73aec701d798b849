"""Losses that go the wrong way along alpha/beta."""

from __future__ import annotations

from neckar.pipeline.stimuli.entries import Entry
from neckar.pipeline.stimuli.monotone import not_monotone
from neckar.schemas.pair import Pair
from neckar.schemas.settings import Settings


def entry(name, alpha, content, style, seed=0):
    pair = Pair(0, name, "c.png", "s.png", Settings(alpha=alpha, seed=seed))
    row = {
        "alpha_beta_ratio": alpha,
        "loss_content_png": content,
        "loss_style_png": style,
        "content_sha256": "c",
        "style_sha256": "s",
    }
    return Entry(pair, row)


def test_losses_that_follow_the_balance_are_no_news():
    assert not_monotone([entry("b", 0.1, 5.0, 9.0), entry("a", 0.01, 10.0, 3.0), entry("c", 1.0, 2.0, 20.0)]) == {}


def test_more_than_five_percent_the_wrong_way_is_told_with_its_neighbour():
    found = not_monotone([entry("a", 0.01, 10.0, 3.0), entry("b", 0.1, 10.6, 9.0), entry("c", 1.0, 10.8, 8.0)])
    assert set(found) == {"b", "c"}
    assert found["b"] == ["L_content is 6% higher than at a, which has less weight on the content"]
    assert found["c"] == ["L_style is 11% lower than at b, which has less weight on the content"]


def test_only_pairs_alike_in_all_else_are_compared():
    assert not_monotone([entry("a", 0.01, 1.0, 3.0), entry("b", 0.1, 9.0, 9.0, seed=1)]) == {}
