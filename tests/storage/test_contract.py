"""What every store promises, on a local folder and on a real S3 server alike."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from neckar.pipeline.storage.access import open_store, read_uri
from neckar.pipeline.storage.store import ForbiddenUri, NotFound, PreconditionFailed, Store, TooLarge


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.slow)])
def uri(request: pytest.FixtureRequest) -> str:
    if request.param == "s3":
        return request.getfixturevalue("s3_uri")
    return f"{request.getfixturevalue('tmp_path')}/run"


@pytest.fixture
def store(uri: str) -> Store:
    return open_store(uri)


def test_what_was_put_is_got(store: Store) -> None:
    data = bytes(range(256)) * 1000
    etag = store.put("images/ab/picture.png", data, content_type="image/png")
    assert store.get("images/ab/picture.png") == data
    assert store.get_with_etag("images/ab/picture.png") == (data, etag)


def test_an_empty_object_is_an_object(store: Store) -> None:
    store.put("empty", b"")
    assert store.get("empty") == b""
    found = store.head("empty")
    assert found is not None
    assert found.size == 0


def test_a_put_replaces(store: Store) -> None:
    first = store.put("run.json", b"first, and longer")
    second = store.put("run.json", b"second")
    assert store.get("run.json") == b"second"
    assert first != second


def test_head_tells_size_etag_and_time(store: Store) -> None:
    etag = store.put("a/b.bin", b"12345")
    found = store.head("a/b.bin")
    assert found is not None
    assert (found.key, found.size, found.etag) == ("a/b.bin", 5, etag)
    assert abs(datetime.now(UTC) - found.modified) < timedelta(minutes=5)


def test_what_is_absent_is_not_found(store: Store) -> None:
    store.put("folder/object", b"1")
    for key in ("nothing", "folder/nothing", "folder", "folder/object/below"):
        assert store.head(key) is None
        with pytest.raises(NotFound, match=key):
            store.get(key)
        with pytest.raises(NotFound):
            store.get_with_etag(key)


def test_a_reader_may_set_a_limit(store: Store) -> None:
    store.put("big", b"x" * 1000)
    assert len(store.get("big", limit_bytes=1000)) == 1000
    with pytest.raises(TooLarge, match="1,000 bytes are more than the limit of 999"):
        store.get("big", limit_bytes=999)


def test_a_piece_of_an_object(store: Store) -> None:
    store.put("part.parquet", bytes(range(200)))
    assert store.get_range("part.parquet", 0, 4) == bytes(range(4))
    assert store.get_range("part.parquet", 190, 10) == bytes(range(190, 200))
    assert store.get_range("part.parquet", 190, 100) == bytes(range(190, 200))
    assert store.get_range("part.parquet", 200, 5) == b""
    assert store.get_range("part.parquet", 1000, 5) == b""
    assert store.get_range("part.parquet", 7, 0) == b""
    with pytest.raises(NotFound):
        store.get_range("nothing", 0, 4)


def test_create_only_refuses_what_exists(store: Store) -> None:
    etag = store.put("run.json", b"mine", create_only=True)
    with pytest.raises(PreconditionFailed, match=r"run\.json"):
        store.put("run.json", b"other", create_only=True)
    assert store.get_with_etag("run.json") == (b"mine", etag)


def test_if_match_writes_only_over_what_was_read(store: Store) -> None:
    first = store.put("lease.json", b"epoch 1")
    second = store.put("lease.json", b"epoch 2", if_match=first)
    with pytest.raises(PreconditionFailed, match=r"lease\.json"):
        store.put("lease.json", b"zombie", if_match=first)
    assert store.get_with_etag("lease.json") == (b"epoch 2", second)
    store.put("lease.json", b"epoch 3", if_match=second)
    assert store.get("lease.json") == b"epoch 3"


def test_if_match_refuses_what_is_gone(store: Store) -> None:
    etag = store.put("elsewhere", b"1")
    with pytest.raises(PreconditionFailed, match=r"lease\.json"):
        store.put("lease.json", b"1", if_match=etag)
    assert store.head("lease.json") is None


def test_one_of_several_creators_wins(store: Store) -> None:
    writers = 4 if store.uri.startswith("s3:") else 8  # SeaweedFS settles four quickly
    assert store.conditional_writes()
    for turn in range(3):
        outcomes = race(writers, lambda i, key=f"part-{turn}": store.put(key, b"writer %d" % i, create_only=True))
        winners = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, str)]
        assert len(winners) == 1, outcomes
        assert all(isinstance(outcome, (str, PreconditionFailed)) for outcome in outcomes), outcomes
        assert store.get(f"part-{turn}") == b"writer %d" % winners[0]


def test_compare_and_swap_loses_no_increment(store: Store) -> None:
    store.put("counter", b"0")
    lost = []

    def increment(_: int) -> None:
        for _turn in range(3):
            while True:
                value, etag = store.get_with_etag("counter")
                try:
                    store.put("counter", b"%d" % (int(value) + 1), if_match=etag)
                except PreconditionFailed as error:
                    lost.append(error)
                else:
                    break

    outcomes = race(3, increment)
    assert outcomes == [None] * 3
    assert store.get("counter") == b"9"


def race(writers: int, act) -> list[object]:
    """All at once, as far as threads can; what each returned or raised."""
    line = Barrier(writers)

    def run(i: int) -> object:
        line.wait()
        try:
            return act(i)
        except Exception as error:  # noqa: BLE001  # the outcome is what the tests look at
            return error

    with ThreadPoolExecutor(writers) as pool:
        return list(pool.map(run, range(writers)))


def test_a_listing_has_every_key_below_its_prefix(store: Store) -> None:
    parts = {"results/part-1.parquet": 2, "results/part-2.parquet": 3}
    sizes = {"run.json": 1, "results-old/x": 4, "images/aa/b.png": 5, **parts}
    for key, size in sizes.items():
        store.put(key, b"x" * size, create_only=True)
    assert {info.key: info.size for info in store.list()} == sizes
    assert {info.key for info in store.list("results/")} == set(parts)
    assert {info.key for info in store.list("results")} == {key for key in sizes if key.startswith("results")}
    assert {info.key for info in store.list("results/part-2")} == {"results/part-2.parquet"}
    assert list(store.list("nothing/")) == []
    assert list(store.list("run.json/")) == []


def test_an_empty_root_lists_nothing(store: Store) -> None:
    assert list(store.list()) == []


def test_keys_may_have_spaces_and_any_script(store: Store) -> None:
    for key in ("a b+c%20d.png", "Neckarfront Tübingen.png", "星月夜/œuvre & co.png", "q?x=1#y.png"):
        store.put(key, key.encode())
        assert store.get(key) == key.encode()
        assert [info.key for info in store.list(key)] == [key]


def test_a_root_inside_another_sees_the_same_objects(store: Store, uri: str) -> None:
    store.put("a/b/c", b"1")
    inner = open_store(f"{uri}/a")
    assert inner.uri == f"{store.uri}/a"
    assert inner.get("b/c") == b"1"
    assert [info.key for info in inner.list()] == ["b/c"]
    assert read_uri(f"{uri}/a/b/c") == b"1"


BAD_KEYS = [
    *("", "/etc/passwd", "..", "../up", "a/../../up", "a/./b", "a//b", "a/", "a\\b", "..\\up", "a\nb", "a\0b"),
    *("x" * 256, "a/" * 600 + "b", ".neckar-tmp-1", "a/.neckar-lock", "\ud800"),
]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_cannot_leave_the_root(tmp_path, key: str) -> None:
    store = open_store(str(tmp_path / "run"))
    for act in (store.get, store.head, store.get_with_etag, lambda k: store.put(k, b"1")):
        with pytest.raises(ForbiddenUri):
            act(key)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_cannot_leave_the_prefix(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # refused before anything is asked
    store = open_store("s3://bucket/run")
    for act in (store.get, store.head, store.get_with_etag, lambda k: store.put(k, b"1", create_only=True)):
        with pytest.raises(ForbiddenUri):
            act(key)


@pytest.mark.parametrize("prefix", ["/", "../", "a/../b", "a\\", ".."])
def test_a_listing_cannot_leave_the_root(store: Store, prefix: str) -> None:
    with pytest.raises(ForbiddenUri):
        store.list(prefix)


def test_a_store_travels_to_another_process(store: Store) -> None:
    store.put("x", b"1", create_only=True)
    copy = pickle.loads(pickle.dumps(store))
    assert copy.uri == store.uri
    assert copy.get("x") == b"1"
    assert copy.conditional_writes()


def test_errors_travel_to_another_process(store: Store) -> None:
    with pytest.raises(NotFound) as caught:
        store.get("nothing")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.code) == (NotFound, str(caught.value), caught.value.code)
