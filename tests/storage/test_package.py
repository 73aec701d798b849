"""Resources of installed packages, read without running their code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neckar.pipeline.storage.access import open_store, open_uri, read_uri
from neckar.pipeline.storage.store import Denied, ForbiddenUri, NotFound


def test_a_picture_that_ships_in_a_package() -> None:
    data = read_uri("package:skimage/data/coffee.png")
    assert data.startswith(b"\x89PNG")
    with open_uri("package:skimage/data/coffee.png") as stream:
        assert stream.read() == data
    store = open_store("package:skimage/data")
    assert store.get("coffee.png") == data
    assert store.head("coffee.png").size == len(data)
    assert store.head("no-such.png") is None
    assert "coffee.png" in {info.key for info in store.list("c")}


def test_the_package_is_not_imported() -> None:
    code = "import sys; from neckar.pipeline.storage.access import read_uri; read_uri(sys.argv[1]); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "package:skimage/data/coffee.png"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert loaded.isdisjoint({"skimage", "boto3"})


def test_what_is_absent_is_told() -> None:
    with pytest.raises(NotFound, match="no package 'no_such_package' is installed"):
        read_uri("package:no_such_package/x.png")
    with pytest.raises(NotFound, match=r"no-such\.png: no such file"):
        read_uri("package:skimage/data/no-such.png")
    with pytest.raises(NotFound, match="no package 'six' is installed"):
        read_uri("package:six/x.png")  # a module, not a package


def test_a_package_is_read_only() -> None:
    store = open_store("package:skimage/data")
    assert not store.conditional_writes()
    with pytest.raises(Denied, match="read-only; choose a folder or s3://"):
        store.put("x", b"1")


def test_files_may_be_links_to_an_installers_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/0123").write_bytes(b"picture")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/__init__.py").write_text("raise AssertionError('imported')")
    (tmp_path / "pictures/picture.png").symlink_to(tmp_path / "cache/0123")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert read_uri("package:pictures/picture.png") == b"picture"


def test_keys_stay_inside_the_package() -> None:
    for uri in ("package:skimage/../six.py", "package:skimage/data/../../six.py"):
        with pytest.raises(ForbiddenUri, match="leaves its package"):
            read_uri(uri)
    with pytest.raises(ForbiddenUri):
        open_store("package:skimage/data").get("../__init__.py")
