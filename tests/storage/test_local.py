"""The local folder: durable, atomic, within its root, and told plainly when the file system refuses."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from multiprocessing import get_context
from pathlib import Path

import pytest

from neckar.pipeline.storage.access import open_store, open_uri, read_uri
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import Denied, ForbiddenUri, NotFound, PreconditionFailed, TooLarge


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "run")


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_a_write_leaves_its_file_and_nothing_else(store: LocalStore, tmp_path: Path) -> None:
    store.put("a/b.png", b"1")
    store.put("a/b.png", b"2")
    store.put("a/c.png", b"3", create_only=True)
    with pytest.raises(PreconditionFailed):
        store.put("a/c.png", b"4", create_only=True)
    assert files(tmp_path / "run") == {"a/b.png", "a/c.png"}


def test_results_are_as_readable_as_any_file(store: LocalStore, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        store.put("x", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "run/x").stat().st_mode & 0o777 == 0o644


def test_lock_and_temporary_files_are_not_listed(store: LocalStore, tmp_path: Path) -> None:
    etag = store.put("lease.json", b"1")
    store.put("lease.json", b"2", if_match=etag)
    (tmp_path / "run/.neckar-tmp-0123").write_bytes(b"left behind by a killed process")
    (tmp_path / "run/.hidden").write_bytes(b"the user's own")
    assert [info.key for info in store.list()] == [".hidden", "lease.json"]


def test_a_listing_is_in_byte_order(store: LocalStore) -> None:
    keys = ["a-b", "a/b", "a/b-c/d", "a/b/c", "a0", "B", "ä", "z"]
    for key in keys:
        if key != "a/b":  # would be file and folder at once
            store.put(key, b"")
    listed = [info.key for info in store.list()]
    assert listed == sorted(listed, key=str.encode)
    assert set(listed) == set(keys) - {"a/b"}


def test_a_listing_survives_files_that_vanish(store: LocalStore, tmp_path: Path) -> None:
    for key in "abc":
        store.put(key, b"")
    listing = store.list()
    assert next(listing).key == "a"
    (tmp_path / "run/b").unlink()
    assert [info.key for info in listing] == ["c"]


CRASH = """
    import os, signal, stat, sys
    from pathlib import Path
    from neckar.pipeline.storage.local import LocalStore

    def die(descriptor):
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = die  # the data is written, its name not yet given
    LocalStore(Path(sys.argv[1])).put("run.json", b"x" * 100_000, create_only=sys.argv[2] == "create")
"""


@pytest.mark.parametrize("how", ["create", "replace"])
def test_a_process_killed_while_writing_shows_nothing(store: LocalStore, tmp_path: Path, how: str) -> None:
    if how == "replace":
        store.put("run.json", b"before")
    done = python(CRASH, str(tmp_path / "run"), how)
    assert done.returncode == -signal.SIGKILL
    assert any(name.startswith(".neckar-tmp-") for name in files(tmp_path / "run"))
    assert [info.key for info in store.list()] == (["run.json"] if how == "replace" else [])
    store.put("run.json", b"after", create_only=how == "create")
    assert store.get("run.json") == b"after"


def test_compare_and_swap_between_processes(store: LocalStore) -> None:
    store.put("counter", b"0")
    with get_context("spawn").Pool(2) as pool:
        pool.map(count_up, [store.uri] * 2, chunksize=1)
    assert store.get("counter") == b"100"


def count_up(root: str) -> None:
    store = open_store(root)
    for _ in range(50):
        while True:
            value, etag = store.get_with_etag("counter")
            try:
                store.put("counter", b"%d" % (int(value) + 1), if_match=etag)
                break
            except PreconditionFailed:
                continue


def test_without_hard_links_one_creator_wins_all_the_same(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)  # as on FAT
    store.put("x", b"1", create_only=True)
    with pytest.raises(PreconditionFailed, match="exists already"):
        store.put("x", b"2", create_only=True)
    assert store.get("x") == b"1"
    assert files(tmp_path / "run") == {"x", ".neckar-lock"}


@pytest.mark.parametrize("place", ["/proc/neckar", "/proc/self/status/run", "file/run"])
@pytest.mark.parametrize("create_only", [False, True])
def test_an_output_that_cannot_be_written_is_told(tmp_path: Path, place: str, create_only: bool) -> None:
    """Places that even root cannot write to."""
    (tmp_path / "file").write_bytes(b"a regular file")
    store = open_store(str(tmp_path / place))
    with pytest.raises(Denied, match=r"cannot be written: .*; choose an output this user can write to") as caught:
        store.put("run.json", b"1", create_only=create_only)
    assert str(caught.value).startswith(f"{tmp_path / place}/run.json: ")
    assert list(store.list()) == []
    assert store.head("run.json") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o555)
    with pytest.raises(Denied, match="Permission denied"):
        LocalStore(tmp_path / "run").put("run.json", b"1")


FULL = """
    import resource, subprocess, sys
    from pathlib import Path
    from neckar.pipeline.storage.local import LocalStore
    from neckar.pipeline.storage.store import Full

    if sys.argv[2] == "disk":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", sys.argv[1]], check=True)
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
    store = LocalStore(Path(sys.argv[1]))
    store.put("small", b"1")
    try:
        store.put("big", b"x" * 200_000, create_only=True)
    except Full as error:
        assert "free space there or choose another output" in str(error), error
        assert [info.key for info in store.list()] == ["small"]
        assert sorted(path.name for path in Path(sys.argv[1]).iterdir()) == ["small"]
        sys.exit(7)
"""


@pytest.mark.parametrize("limit", ["disk", "file size"])
def test_a_full_disk_is_told_and_shows_nothing(tmp_path: Path, limit: str) -> None:
    namespace = ["unshare", "--map-root-user", "--mount"] if limit == "disk" else []
    if namespace and subprocess.run([*namespace, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system lets users mount no file system of their own")
    done = python(FULL, str(tmp_path), limit, before=namespace)
    assert done.returncode == 7, done.stderr


def test_links_may_not_leave_the_root(store: LocalStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    store.put("images/x", b"1")
    (tmp_path / "run/folder").symlink_to(outside)
    (tmp_path / "run/file").symlink_to(outside / "secret")
    (tmp_path / "run/loop").symlink_to(tmp_path / "run")
    for key in ("folder/secret", "file"):
        for act in (store.get, store.head, lambda k: store.put(k, b"overwritten")):
            with pytest.raises(ForbiddenUri, match="symbolic link leads out"):
                act(key)
    assert (outside / "secret").read_bytes() == b"secret"
    assert [info.key for info in store.list()] == ["images/x"]


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "big disk")
    store = open_store(str(tmp_path / "run"))
    store.put("x", b"1", create_only=True)
    assert (tmp_path / "big disk/x").read_bytes() == b"1"
    assert [info.key for info in store.list()] == ["x"]


def test_a_named_file_is_read_through_links(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"1")
    (tmp_path / "link").symlink_to("target")
    assert read_uri(str(tmp_path / "link")) == b"1"
    assert read_uri((tmp_path / "link").as_uri()) == b"1"


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # nobody writes to it: a plain open would wait for ever
    for path in (tmp_path / "pipe", "/dev/zero", tmp_path):
        for read in (read_uri, open_uri):
            with pytest.raises(NotFound, match=r"is not a regular file|is a folder, not a file"):
                read(str(path))


def test_reading_tells_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    with pytest.raises(NotFound, match=f"{tmp_path}/y: no such file"):
        read_uri(str(tmp_path / "y"))
    with pytest.raises(NotFound, match="no such file"):
        read_uri(str(tmp_path / "x/y"))
    with pytest.raises(TooLarge, match="5 bytes are more than the limit of 4"):
        read_uri(str(tmp_path / "x"), limit_bytes=4)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(Denied, match="symbolic links"):
        read_uri(str(tmp_path / "loop"))


def test_a_stream_of_a_file_can_seek(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"0123456789")
    with open_uri(str(tmp_path / "x")) as stream:
        stream.seek(-3, os.SEEK_END)
        assert stream.read() == b"789"


def python(code: str, *arguments: str, before: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [*(before or []), sys.executable, "-c", textwrap.dedent(code), *arguments]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)
