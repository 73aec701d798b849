"""A piece of an object, on a local folder and on a real S3 server alike."""

from __future__ import annotations

import pytest

from neckar.pipeline.storage.access import open_store
from neckar.pipeline.storage.store import NotFound, Store


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "s3":
        return open_store(request.getfixturevalue("s3_uri"))
    return open_store(f"{request.getfixturevalue('tmp_path')}/run")


@pytest.mark.parametrize(
    ("start", "length"), [(0, 1), (0, 1000), (3, 4), (999, 1), (990, 100), (0, 0), (1000, 5), (5000, 5)]
)
def test_a_range_is_the_slice_of_the_whole(store: Store, start: int, length: int) -> None:
    data = bytes(range(250)) * 4
    store.put("results/part", data)
    assert store.get_range("results/part", start, length) == data[start : start + length]


def test_a_range_of_nothing_is_not_found(store: Store) -> None:
    store.put("other", b"1")
    with pytest.raises(NotFound, match="absent"):
        store.get_range("absent", 0, 10)
