"""Samples of a design: so many a cell, every image as often as its like, whatever the order of the tables."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neckar.pipeline.designs.items import Item
from neckar.pipeline.designs.sample import sampled
from neckar.schemas.errors import UserError
from neckar.schemas.sampling import Sample

PER = ["content.category", "style.category"]


def items(kind, categories, each):
    count = each if isinstance(each, list) else [each] * categories
    return [
        Item(f"{kind}{category:02}-{i}", f"{kind}{category}-{i}.png", {"category": f"k{category:02}"})
        for category in range(categories)
        for i in range(count[category])
    ]


def couples(contents, styles):
    return [(content, style) for content in contents for style in styles]


def uses(drawn):
    return Counter(content.id for content, _ in drawn), Counter(style.id for _, style in drawn)


def test_a_published_set_balanced():
    """16 x 16 categories, 5 a cell, of 160 photographs and 48 artworks (Geirhos et al. 2019: 4-13 and 17-37 uses)."""
    contents, styles = items("c", 16, 10), items("s", 16, 3)
    drawn = sampled(couples(contents, styles), Sample(per=PER, n=5), seed=0)
    assert len(drawn) == len({(c.id, s.id) for c, s in drawn}) == 1280
    assert sum(c.attributes["category"] == s.attributes["category"] for c, s in drawn) == 80
    assert set(Counter((c.attributes["category"], s.attributes["category"]) for c, s in drawn).values()) == {5}
    of_contents, of_styles = uses(drawn)
    assert set(of_contents.values()) == {8}
    assert set(of_styles.values()) == {26, 27}


def test_no_order_of_lines_changes_the_sample_and_another_seed_does():
    contents, styles = items("c", 4, 6), items("s", 4, 3)
    shuffled = couples(contents, styles)
    random.Random(1).shuffle(shuffled)
    sample = Sample(per=PER, n=4)

    def names(drawn):
        return {(c.id, s.id) for c, s in drawn}

    first = names(sampled(couples(contents, styles), sample, seed=0))
    assert names(sampled(shuffled, sample, seed=0)) == first
    assert names(sampled(couples(contents, styles), sample, seed=1)) != first


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=5),
    st.lists(st.integers(1, 7), min_size=1, max_size=5),
    st.integers(1, 9),
    st.integers(0, 3),
)
def test_images_of_one_category_are_used_equally_often_to_within_one(of_contents, of_styles, n, seed):
    contents, styles = items("c", len(of_contents), of_contents), items("s", len(of_styles), of_styles)
    n = min(n, min(of_contents) * min(of_styles))
    drawn = sampled(couples(contents, styles), Sample(per=PER, n=n), seed)
    assert len(drawn) == n * len(of_contents) * len(of_styles)
    for kind, counts in zip((contents, styles), uses(drawn), strict=True):
        for category in {item.attributes["category"] for item in kind}:
            found = [counts[item.id] for item in kind if item.attributes["category"] == category]
            assert max(found) - min(found) <= 1


def test_cells_may_be_of_one_kind_of_image():
    contents, styles = items("c", 1, 12), items("s", 3, 4)
    drawn = sampled(couples(contents, styles), Sample(per=["style.category"], n=8), seed=0)
    of_contents, of_styles = uses(drawn)
    assert set(of_contents.values()) == {2}
    assert set(of_styles.values()) == {2}


def test_more_than_a_cell_has_is_told_with_the_cell():
    contents, styles = items("c", 2, [3, 1]), items("s", 2, 2)
    with pytest.raises(UserError) as caught:
        sampled(couples(contents, styles), Sample(per=PER, n=3), seed=0)
    (problem,) = caught.value.problems
    assert problem.place == "sample.n"
    assert "the cell content.category = k01, style.category = k00 has 2 pairs, fewer than 3" in problem.message


def test_a_balance_that_cannot_be_is_told_and_can_be_waived():
    """One photograph meets a single artwork, its like meet all."""
    contents, styles = items("c", 1, 3), items("s", 1, 6)
    left = [(c, s) for c, s in couples(contents, styles) if c is not contents[0] or s is styles[0]]
    with pytest.raises(UserError, match="no balance of content images"):
        sampled(left, Sample(per=PER, n=10), seed=0)
    assert len(sampled(left, Sample(per=PER, n=10, balance="none"), seed=0)) == 10
