"""Keys: what people and other programs find in a run's folder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neckar.pipeline.results.layout import PartPlace, compact_key, image_key, spec_hash_of
from tests.results.samples import sha

places = st.builds(PartPlace, st.integers(1, 99_999), st.integers(0, 999_999))


def test_keys_are_as_documented() -> None:
    assert PartPlace(2, 17).key == "results/part-00002-000017.parquet"
    assert compact_key(2, 3) == "compact/part-00002-0003.parquet"
    spec = sha("spec")
    assert image_key(spec) == f"images/{spec[:2]}/{spec}.png"


@given(places)
def test_a_key_names_its_place(place: PartPlace) -> None:
    assert PartPlace.of(place.key) == place


@given(st.lists(places))
def test_a_listing_is_in_the_order_of_writing(written: list[PartPlace]) -> None:
    assert [place.key for place in sorted(written)] == sorted(place.key for place in written)


def test_numbers_longer_than_their_zeros_still_count() -> None:
    assert PartPlace.of(PartPlace(123_456, 12_345_678).key) == (123_456, 12_345_678)


def test_foreign_files_are_no_parts() -> None:
    for key in ("results/part-1-2.parquet", "results/part-00001-000002.parquet.tmp", "results/notes.txt"):
        assert PartPlace.of(key) is None


def test_an_image_key_gives_its_spec_hash_back() -> None:
    assert spec_hash_of(image_key(sha("spec"))) == sha("spec")
    for key in ("images/ab/short.png", f"images/zz/{sha('spec')}.png", f"images/ab/{sha('spec')}.jpg"):
        assert spec_hash_of(key) is None
