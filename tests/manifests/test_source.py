"""From a URI to a manifest."""

import hashlib
import json

import pytest

from neckar.pipeline.manifests import document
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.storage.access import open_store
from neckar.schemas.errors import UserError

NO_MAPPING = "not a mapping of keys to values; begin it with 'schema_version: 1' and 'name: ...'"
GOOD = "schema_version: 1\nname: t\npairs: [{content: a.jpg}]\n"


def refusal(uri, **options):
    with pytest.raises(UserError) as caught:
        load_manifest(uri, **options)
    return str(caught.value)


def test_a_manifest_and_where_it_came_from(write, tmp_path):
    loaded = load_manifest(write(jobs__yaml=GOOD))
    assert loaded.uri == "jobs.yaml"
    assert loaded.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert loaded.base == str(tmp_path)
    assert (loaded.output, loaded.weights) == (None, "oxford")
    assert loaded.manifest.pairs[0].content == "a.jpg"


def test_another_base_moves_inputs_and_leaves_the_output(write, tmp_path):
    loaded = load_manifest(write(jobs__yaml=GOOD + "output: out\nweights: w/vgg.pth\n"), base="pictures")
    assert loaded.base == str(tmp_path / "pictures")
    assert loaded.output == str(tmp_path / "out")
    assert loaded.weights == str(tmp_path / "pictures/w/vgg.pth")


def test_json_by_its_name(write):
    value = {"schema_version": 1, "name": "t", "pairs": [{"content": "a.jpg"}]}
    assert load_manifest(write(jobs__json=json.dumps(value))).manifest.name == "t"


def test_a_byte_order_mark_is_no_part_of_it(write):
    assert load_manifest(write(jobs__yaml=b"\xef\xbb\xbf" + GOOD.encode())).manifest.name == "t"


def test_numbers_without_a_dot_are_numbers(write):
    loaded = load_manifest(write(jobs__yaml=GOOD + "settings: {alpha: 1e-3, iterations: 1e3}\n"))
    assert (loaded.manifest.settings.alpha, loaded.manifest.settings.iterations) == (0.001, 1000)


def test_a_manifest_on_s3(s3_uri, tmp_path):
    open_store(s3_uri).put("jobs/a.yaml", GOOD.encode())
    loaded = load_manifest(f"{s3_uri}/jobs/a.yaml")
    assert loaded.base == f"{s3_uri}/jobs"
    assert refusal(f"{s3_uri}/jobs/b.yaml").startswith(f"{s3_uri}/jobs/b.yaml: ")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [f"jobs.yaml: empty, {NO_MAPPING}"]),
        ("- a\n", [f'jobs.yaml: ["a"], {NO_MAPPING}']),
        (GOOD + "name: u\n", ["jobs.yaml: line 4: the key 'name' stands twice; leave one out"]),
        (GOOD + "nmae: u\n", ["jobs.yaml: unknown key 'nmae'; did you mean 'name'?"]),
        (b"schema_version: 1\nname: \xff\n", ["jobs.yaml: line 2: not UTF-8 text; save it as UTF-8"]),
        (
            GOOD + "settings: {alpha: '1e-3', pooling: avarage}\n",
            [
                "jobs.yaml: settings.alpha: '1e-3' is not a number",
                "jobs.yaml: settings.pooling: 'avarage' is not a pooling; did you mean 'average'?",
            ],
        ),
    ],
    ids=str,
)
def test_a_bad_manifest_is_told_with_its_file(write, text, lines):
    assert refusal(write(jobs__yaml=text)).splitlines() == lines


def test_bad_json_is_told_with_its_place(write):
    assert refusal(write(jobs__json='{"name": NaN}')) == "jobs.json: NaN is not a JSON number; write a finite one"
    assert refusal(write(jobs__json='{\n"name" 1}')).startswith("jobs.json: not valid JSON at line 2, column 8: ")


@pytest.mark.parametrize("key", ["output", "weights"])
def test_a_forbidden_place_is_told_with_its_key(write, key):
    line = refusal(write(jobs__yaml=GOOD + f"{key}: http://host/x\n"))
    assert line.startswith(f"jobs.yaml: {key}: ")
    assert "'http" in line


def test_a_file_that_is_not_there(write):
    write(jobs__yaml=GOOD)
    assert "absent.yaml" in refusal("absent.yaml")
    assert "'ftp" in refusal("ftp://host/jobs.yaml")
    assert "'http" in refusal("jobs.yaml", base="http://host/")


def test_a_manifest_beyond_the_limit_is_refused(write, monkeypatch):
    monkeypatch.setattr(document, "SIZE_MAX_BYTES", 10)
    assert "jobs.yaml" in refusal(write(jobs__yaml=GOOD))
