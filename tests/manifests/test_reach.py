"""What a manifest from an object store may name: nothing of this machine, unless the user says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from neckar.pipeline.manifests.pairs import iter_pairs, survey
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.storage.access import open_store
from neckar.schemas.errors import UserError

pytestmark = pytest.mark.slow

HEAD = "schema_version: 1\nname: far\n"
PAIR = "pairs: [{{id: a, content: {content}, style: package:skimage/data/coffee.png}}]\n"
ROW = '{"id": "a", "content": "/etc/passwd", "style": "b.png"}\n'


@pytest.fixture
def put(s3_uri):
    def put(name: str, text: str) -> str:
        open_store(s3_uri).put(name, text.encode())
        return f"{s3_uri}/{name}"

    return put


@pytest.mark.parametrize("content", ["/etc/passwd", "file:///etc/passwd", "~/secret.png"])
def test_a_file_of_this_machine_is_refused(put, content: str) -> None:
    uri = put("jobs.yaml", HEAD + PAIR.format(content=content))
    with pytest.raises(UserError, match=r"pairs\[0\]\.content: .* is on this machine, .* add --allow-local"):
        survey(load_manifest(uri))
    assert survey(load_manifest(uri, allow_local=True)).pairs == 1


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("output: /tmp/there", "output"),
        ("weights: /etc/passwd.pth", "weights"),
        ("settings: {init: /etc/passwd}", "settings.init"),
        ("pairs_from: /etc/pairs.csv", "pairs_from"),
    ],
)
def test_so_is_one_named_elsewhere(put, line: str, place: str) -> None:
    uri = put("jobs.yaml", HEAD + PAIR.format(content="a.png") + line + "\n")
    with pytest.raises(UserError, match=rf"{place}: .* is on this machine"):
        survey(load_manifest(uri))


def test_a_base_that_the_user_gave_may_be_read_and_nothing_beside_it(put, tmp_path: Path) -> None:
    inside = load_manifest(put("jobs.yaml", HEAD + PAIR.format(content="a/b.png")), base=str(tmp_path))
    assert next(iter_pairs(inside)).content == f"{tmp_path}/a/b.png"
    outside = load_manifest(put("jobs.yaml", HEAD + PAIR.format(content="../b.png")), base=str(tmp_path))
    with pytest.raises(UserError, match="is on this machine"):
        survey(outside)


def test_rows_from_an_object_store_may_name_no_more_than_a_manifest_from_there(put, tmp_path: Path) -> None:
    manifest = tmp_path / "jobs.yaml"
    manifest.write_text(f"{HEAD}pairs_from: {put('rows.jsonl', ROW)}\n")
    with pytest.raises(UserError, match=r"row 1: content: .* is on this machine"):
        survey(load_manifest(str(manifest)))
    assert survey(load_manifest(str(manifest), allow_local=True)).pairs == 1
    (tmp_path / "rows.jsonl").write_text(ROW)
    manifest.write_text(f"{HEAD}pairs_from: rows.jsonl\n")
    assert survey(load_manifest(str(manifest))).pairs == 1
