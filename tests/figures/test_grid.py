"""Which stimuli stand where in a grid."""

import pytest

from neckar.pipeline.figures.grid import Entry, grid_of, levels_of
from neckar.schemas.errors import UserError


def design(**factors):
    """Every combination; ids tell it."""
    entries = [{}]
    for factor, levels in factors.items():
        entries = [entry | {factor: level} for entry in entries for level in levels]
    return [Entry("__".join(map(str, levels.values())), "ok", levels) for levels in entries]


ENTRIES = design(content=["a", "b"], style=["x", "y"], alpha=[0.1, 0.01], exemplar=[1, 2])


def ids(grid):
    return [[[entry and entry.pair_id for entry in row] for row in panel.cells] for panel in grid.panels]


def test_content_and_style_unless_told_and_the_others_pinned_to_their_first_level():
    grid = grid_of(ENTRIES)
    assert (grid.rows, grid.columns, grid.facet) == ("content", "style", None)
    assert grid.pinned == {"alpha": 0.01, "exemplar": 1}
    assert grid.choices == {"alpha": (0.01, 0.1), "exemplar": (1, 2)}
    assert ids(grid) == [[["a__x__0.01__1", "a__y__0.01__1"], ["b__x__0.01__1", "b__y__0.01__1"]]]


def test_axes_a_facet_and_pins():
    grid = grid_of(ENTRIES, rows="alpha", columns="exemplar", facet="style", pins={"content": "b"})
    assert grid.choices == {}
    assert ids(grid) == [
        [["b__x__0.01__1", "b__x__0.01__2"], ["b__x__0.1__1", "b__x__0.1__2"]],
        [["b__y__0.01__1", "b__y__0.01__2"], ["b__y__0.1__1", "b__y__0.1__2"]],
    ]


def test_a_number_may_be_pinned_as_it_is_written():
    assert grid_of(ENTRIES, pins={"alpha": "1e-2"}).pinned["alpha"] == 0.01


def test_numbers_ascend_and_words_keep_the_design_s_order():
    assert levels_of(design(alpha=[10, 2, 1], style=["z", "a"])) == {"alpha": (1, 2, 10), "style": ("z", "a")}


def test_holes_are_cells():
    grid = grid_of(ENTRIES[:-4], rows="content", columns="style", pins={"alpha": "0.1", "exemplar": "1"})
    assert ids(grid)[0][1][1] is None


def test_one_factor_or_none():
    assert grid_of(design(seed=[1, 2, 3])).columns == "seed"
    assert ids(grid_of(design(seed=[1]))) == [[["1"]]]
    assert ids(grid_of([Entry("only", "ok", {})])) == [[["only"]]]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"rows": "contnt"}, "factor contnt: .* did you mean content"),
        ({"rows": "nothing"}, "it has content, style, alpha, exemplar"),
        ({"rows": "content", "columns": "content"}, "asked for in two places"),
        ({"rows": "content", "pins": {"content": "a"}}, "asked for in two places"),
        ({"pins": {"alpha": "7"}}, r"--pin alpha=7: no such level; it has 0\.01, 0\.1"),
    ],
)
def test_mistakes(asked, told):
    with pytest.raises(UserError, match=told):
        grid_of(ENTRIES, **asked)


def test_two_pairs_of_the_same_levels_are_told():
    with pytest.raises(UserError, match="'one' and 'two' have the same levels"):
        grid_of([Entry("one", "ok", {"a": 1}), Entry("two", "ok", {"a": 1})])
