"""Blocks of columns: what goes in comes out, to the last bit."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neckar.pipeline.report.details import CURVE_POINTS, points
from neckar.pipeline.report.packing import codes, differences, pack, unpack


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.uint32, np.uint16, np.uint8])
def test_arrays_come_out_as_they_went_in(kind):
    values = np.frombuffer(np.random.default_rng(1).bytes(800), kind)
    header, found = unpack(pack({"name": "ü </script>"}, {"one": values, "none": values[:0], "two": values[:3]}))
    assert header == {"name": "ü </script>"}
    for name, length in (("one", len(values)), ("none", 0), ("two", 3)):
        assert found[name].dtype == kind
        assert found[name].tobytes() == values[:length].tobytes()


def test_a_block_is_the_same_bytes_every_time():
    assert pack({"a": 1}, {"b": np.arange(3.0)}) == pack({"a": 1}, {"b": np.arange(3.0)})


def test_what_json_cannot_tell_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        pack({"loss": float("nan")}, {})


def test_half_a_surrogate_pair_is_told_somehow():
    header, _ = unpack(pack({"name": "a\udcff"}, {}))
    assert header == {"name": "a?"}


@given(arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 20)), elements=st.floats(width=32)))
def test_differences_of_bits_give_the_curves_back(curves):
    folded = differences(curves).astype(np.uint64)
    steps = (folded >> 1) ^ ((folded & 1) * 0xFFFFFFFF)  # as the page undoes it
    bits = np.cumsum(steps, axis=-1).astype(np.uint32)
    assert bits.tobytes() == curves.tobytes()


def test_differences_of_a_falling_curve_have_few_high_bits():
    curve = (1e8 / np.arange(1, 49)).astype(np.float32)
    assert np.median(differences(curve)[1:]) < 2**24


@pytest.mark.parametrize("evaluations", [1, 2, CURVE_POINTS, CURVE_POINTS + 1, 500, 10_000])
def test_a_curve_has_its_first_and_its_last_evaluation(evaluations):
    found = points(evaluations)
    assert (found[0], found[-1]) == (0, evaluations - 1)
    assert len(found) <= CURVE_POINTS
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize(("levels", "kind"), [(255, np.uint8), (256, np.uint16), (70_000, np.uint32)])
def test_codes_take_the_smallest_type_that_has_them(levels, kind):
    assert codes(np.array([0, levels]), levels).dtype == kind


def test_the_header_tells_where_arrays_stand():
    import gzip

    data = gzip.decompress(pack({}, {"a": np.arange(5, dtype=np.uint8), "b": np.arange(2.0)}))
    start = 4 + int.from_bytes(data[:4], "little")
    assert start % 8 == 0
    assert [place["offset"] for place in json.loads(data[4:start])["arrays"]] == [0, 8]
