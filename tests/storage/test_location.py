"""Which URIs name what, and which are refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neckar.pipeline.storage.access import open_store, open_uri, read_uri
from neckar.pipeline.storage.location import absolute, is_absolute, join, parent, parse
from neckar.pipeline.storage.store import ForbiddenUri, NotFound


@pytest.mark.parametrize(
    ("uri", "canonical"),
    [
        ("/a/b.png", "/a/b.png"),
        ("/a/./b//c/../d.png", "/a/b/d.png"),
        ("file:///a/b%20c.png", "/a/b c.png"),
        ("file://localhost/a/b", "/a/b"),
        ("/a/b%20c.png", "/a/b%20c.png"),
        ("/a:b/c", "/a:b/c"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://my.bucket-1/a/b c.png", "s3://my.bucket-1/a/b c.png"),
        ("S3://bucket/a/b/./c", "s3://bucket/a/b/c"),
        ("s3://bucket/a/../b", "s3://bucket/b"),
        ("package:skimage/data/coffee.png", "package:skimage/data/coffee.png"),
        ("package:skimage", "package:skimage"),
    ],
)
def test_a_location_has_one_canonical_form(uri: str, canonical: str) -> None:
    assert absolute(uri) == canonical
    assert absolute(canonical) == canonical
    assert open_store(uri).uri == canonical


def test_paths_are_relative_to_the_working_directory_and_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/leon")
    assert absolute("images/a.png") == f"{tmp_path}/images/a.png"
    assert absolute("./a:b.png") == f"{tmp_path}/a:b.png"
    assert absolute("~/a.png") == "/home/leon/a.png"
    assert absolute("~backup.png") == f"{tmp_path}/~backup.png"
    assert absolute("~leon/a.png") == f"{tmp_path}/~leon/a.png"
    assert join("s3://bucket/run", "~backup.png") == "s3://bucket/run/~backup.png"
    assert join("/data", "~/a.png") == "/home/leon/a.png"


@pytest.mark.parametrize(
    ("uri", "mend"),
    [
        ("s3://bucket/exp1//a.png", "its key has an empty part; write one slash"),
        ("exp1//a.png", "its key has an empty part; write one slash"),
        ("exp1\\a.png", "write / instead of the backslash"),
    ],
)
def test_what_would_be_another_object_is_refused_with_the_mend(uri: str, mend: str) -> None:
    with pytest.raises(ForbiddenUri, match=mend):
        join("s3://bucket/run", uri)


def test_slashes_of_a_path_are_the_file_system_s(tmp_path: Path) -> None:
    assert join("/data", "exp1//a.png") == "/data/exp1/a.png"


@pytest.mark.parametrize(
    "uri",
    [
        *("http://host/a.png", "https://user:open-sesame@host/a.png?X-Amz-Signature=open-sesame", "ftp://h/x"),
        *("data:image/png;base64,iVBORw0KGgo=", "gs://bucket/x", "s3:/bucket", "aa:b.png", "", "  ", "a\0b", "a\nb"),
        *("file://host/a.png", "file:relative.png", "file:///a%00b", "s3://", "s3://b", "s3://bu cket/x"),
        *("s3://user:open-sesame@bucket/x", "s3://bucket/../x", "s3://bucket/a/../../x"),
        *("package:", "package:/etc/passwd", "package:../x", "package:a.b/c", "package:skimage/../x"),
    ],
)
def test_anything_else_is_refused_in_one_line_without_its_secrets(uri: str) -> None:
    for ask in (parse, open_store, read_uri, open_uri, lambda u: join("/base", u)):
        with pytest.raises(ForbiddenUri) as caught:
            ask(uri)
        assert "\n" not in str(caught.value)
        assert "open-sesame" not in str(caught.value)


def test_the_message_for_a_pasted_picture_is_short() -> None:
    with pytest.raises(ForbiddenUri) as caught:
        parse("data:image/png;base64," + "A" * 1_000_000)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("uri", "answer"),
    [
        *[(uri, True) for uri in ("s3://b/c", "/a", "file:///a", "package:a/b", "http://h/x")],
        *[(uri, False) for uri in ("a/b", "a", "../a", "dir/a:b", "a:b")],
    ],
)
def test_absolute_or_relative(uri: str, answer: bool) -> None:
    assert is_absolute(uri) is answer


@pytest.mark.parametrize(
    ("base", "relative", "joined"),
    [
        ("/jobs", "images/a.png", "/jobs/images/a.png"),
        ("/jobs/night", "../images/a.png", "/jobs/images/a.png"),
        ("s3://bucket/jobs", "images/a.png", "s3://bucket/jobs/images/a.png"),
        ("s3://bucket/jobs", "../images/a.png", "s3://bucket/images/a.png"),
        ("s3://bucket", "a.png", "s3://bucket/a.png"),
        ("package:skimage", "data/coffee.png", "package:skimage/data/coffee.png"),
        ("s3://bucket/jobs", "/a.png", "/a.png"),
        ("/jobs", "s3://bucket/a.png", "s3://bucket/a.png"),
        ("/jobs", "package:skimage/data/coffee.png", "package:skimage/data/coffee.png"),
    ],
)
def test_joining(base: str, relative: str, joined: str) -> None:
    assert join(base, relative) == joined


@pytest.mark.parametrize("base", ["s3://bucket/jobs", "package:skimage/data"])
def test_joining_never_leaves_the_bucket_or_package(base: str) -> None:
    with pytest.raises(ForbiddenUri, match="leaves its"):
        join(base, "../../x")


@given(st.text(alphabet="ab./\\%2e ", max_size=12))
def test_no_relative_path_leaves_the_bucket(relative: str) -> None:
    try:
        joined = join("s3://bucket/jobs", relative)
    except ForbiddenUri:
        return
    assert joined.startswith(("s3://bucket", "/"))
    if joined.startswith("s3://"):
        assert ".." not in joined.split("/")
    else:
        assert relative.startswith("/")


def test_the_folder_of_a_manifest() -> None:
    assert parent("/jobs/night.yaml") == "/jobs"
    assert parent("s3://bucket/jobs/night.yaml") == "s3://bucket/jobs"
    assert parent("s3://bucket/night.yaml") == "s3://bucket"
    assert parent("package:skimage/data/coffee.png") == "package:skimage/data"
    assert parent("night.yaml") == os.getcwd()  # noqa: PTH109  # as the shell would say it


@pytest.mark.parametrize("uri", ["s3://bucket", "package:skimage"])
def test_a_bucket_or_package_is_no_object(uri: str) -> None:
    for read in (read_uri, open_uri):
        with pytest.raises(NotFound, match="names no object"):
            read(uri)
