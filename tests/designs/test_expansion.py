"""The cells of a design: their names, levels and settings."""

from hypothesis import given
from hypothesis import strategies as st

from neckar.pipeline.designs.expansion import cells
from neckar.pipeline.designs.items import listed
from neckar.schemas import identifier
from neckar.schemas.design import Design


def of(design, seed=0):
    return cells(design, listed(design), seed)


def ids(design, seed=0):
    return [cell.pair_id for cell in of(design, seed)]


def test_every_value_meets_every_other_the_last_factor_fastest():
    design = Design(
        content=["images/neckarfront.jpg", "images/market.jpg"],
        style=["images/starry_night.jpg"],
        factors={"alpha": [1e-5, 0.001], "exemplar": 2},
    )
    assert ids(design) == [
        "neckarfront__starry_night__alpha-1e-5__exemplar-1",
        "neckarfront__starry_night__alpha-1e-5__exemplar-2",
        "neckarfront__starry_night__alpha-0.001__exemplar-1",
        "neckarfront__starry_night__alpha-0.001__exemplar-2",
        "market__starry_night__alpha-1e-5__exemplar-1",
        "market__starry_night__alpha-1e-5__exemplar-2",
        "market__starry_night__alpha-0.001__exemplar-1",
        "market__starry_night__alpha-0.001__exemplar-2",
    ]
    cell = list(of(design, seed=40))[3]
    assert (cell.content, cell.style) == ("images/neckarfront.jpg", "images/starry_night.jpg")
    assert cell.overrides == {"alpha": 0.001, "seed": 41}
    assert cell.levels == {"content": "neckarfront", "style": "starry_night", "alpha": "0.001", "exemplar": "2"}


def test_levels_may_be_named():
    design = Design(
        content={"front": "a/b.jpg"},
        factors={"style_layers": {"coarse": ["conv5_1"], "all": {"conv1_1": 0.5, "conv5_1": 1}}},
    )
    assert ids(design) == ["front__style_layers-coarse", "front__style_layers-all"]
    assert [cell.overrides for cell in of(design)] == [
        {"style_layers": {"conv5_1": 1.0}},
        {"style_layers": {"conv1_1": 0.5, "conv5_1": 1.0}},
    ]


def test_a_design_without_factors_crosses_images():
    assert ids(Design(content=["a.jpg", "b.jpg"], style=["c.jpg"])) == ["a__c", "b__c"]


def test_a_design_of_one_kind_of_image():
    (cell,) = of(Design(style=["c.jpg"]))
    assert (cell.content, cell.style, cell.levels) == (None, "c.jpg", {"style": "c"})


def test_namesakes_are_numbered_round_names_that_are_taken():
    design = Design(content=["x/a.jpg", "y/a.jpg", "z/a-2.jpg", "w/a.jpg"])
    assert ids(design) == ["a", "a-2", "a-2-2", "a-3"]


def test_a_long_id_is_cut_and_stays_legal_and_distinct():
    names = [f"{'x' * 45}{i}.jpg" for i in range(3)]
    found = ids(Design(content=names, style=names, factors={"init_sigma": [1, 2], "learning_rate": [1, 2]}))
    assert len(set(found)) == 36
    assert all(identifier.is_legal(pair_id) for pair_id in found)


@given(
    st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True),
    st.lists(st.floats(0, 10), min_size=1, max_size=4, unique=True),
    st.integers(1, 3),
)
def test_ids_of_cells_are_legal_and_distinct(images, sigmas, exemplars):
    design = Design(content=images, factors={"init_sigma": sigmas, "exemplar": exemplars})
    found = ids(design)
    assert len(set(found)) == len(found) == design.size == len(images) * len(sigmas) * exemplars
    assert all(identifier.is_legal(pair_id) for pair_id in found)


def test_cells_come_one_by_one():
    many = Design(content=["a.jpg"], factors={"alpha": [1, 2], "beta": list(range(1000)), "exemplar": 5000})
    assert next(of(many)).pair_id == "a__alpha-1__beta-0__exemplar-1"
