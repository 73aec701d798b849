"""Seeds from places in the design."""

from __future__ import annotations

from neckar.pipeline.designs.seeds import coordinate_seed

PLACE = {"content": "a", "style": "b", "alpha": "0.1", "exemplar": "1", "condition": "stylised"}


def test_a_seed_is_that_of_its_place_whatever_the_order():
    assert coordinate_seed(0, PLACE) == coordinate_seed(0, dict(reversed(PLACE.items())))
    assert 0 <= coordinate_seed(0, PLACE) < 2**63
    assert len({coordinate_seed(0, {**PLACE, factor: "other"}) for factor in PLACE} | {coordinate_seed(0, PLACE)}) == 6
    assert coordinate_seed(1, PLACE) != coordinate_seed(0, PLACE)


def test_what_is_shared_does_not_count():
    moved = {**PLACE, "alpha": "0.9"}
    assert coordinate_seed(0, moved, ["alpha"]) == coordinate_seed(0, PLACE, ["alpha"])
    assert coordinate_seed(0, {**moved, "style": "c"}, ["alpha"]) != coordinate_seed(0, PLACE, ["alpha"])


def test_a_seed_is_for_ever():
    """Frozen: another number remakes every published set."""
    assert coordinate_seed(0, {"content": "a", "style": "b"}) == 7088314893658507907
