"""Names: legal ones, derived ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neckar.schemas import identifier


@pytest.mark.parametrize("name", ["a", "7", "a.b_c-d", "A" * 128])
def test_legal(name):
    assert identifier.is_legal(name)


@pytest.mark.parametrize(
    "name", ["", "a/b", "..", "a..b", ".a", "-a", "_a", "a b", "a\n", "ü", "A" * 129, "a\\b", "a\x00"]
)
def test_illegal(name):
    assert not identifier.is_legal(name)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("images/neckarfront.jpg", "neckarfront"),
        ("s3://bucket/a/der schrei.png", "der-schrei"),
        ("package:skimage/data/coffee.png", "coffee"),
        ("Tübingen.tar.gz", "Tubingen.tar"),
        ("../../x", "x"),
        ("海.jpg", "unnamed"),
        (".hidden", "hidden"),
        ("folder/", "folder"),
    ],
)
def test_stem(uri, name):
    assert identifier.stem(uri) == name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0.001, "0.001"),
        (1e-5, "1e-5"),
        (1e20, "1e20"),
        (1.0, "1"),
        (1, "1"),
        (True, "true"),
        ("white_noise", "white_noise"),
        ("starts/a.png", "a"),
        ([256, 192], "256x192"),
        (["conv1_1", "conv2_1"], "conv1_1-conv2_1"),
        ({"conv1_1": 0.5, "conv2_1": 1}, "conv1_1-0.5-conv2_1-1"),
    ],
)
def test_level_name(value, name):
    assert identifier.level_name(value) == name


@given(st.text())
def test_a_derived_name_is_legal(text):
    assert identifier.is_legal(identifier.stem(text))
    assert identifier.is_legal(identifier.slug(text))
    assert identifier.is_legal(identifier.level_name(text))


@given(st.lists(st.text(), min_size=1, max_size=12))
def test_a_joined_name_is_legal(texts):
    assert identifier.is_legal(identifier.joined([identifier.slug(text) for text in texts]))


def test_what_is_cut_stays_distinct():
    pieces = ["a" * 50] * 3
    one, other = identifier.joined([*pieces, "x"]), identifier.joined([*pieces, "y"])
    assert one != other
    assert len(one) == len(other) == 128
