"""A user's mistake: one line with the place and the mend, exit code 2, nothing written."""

import json
import socket
import time
from pathlib import Path

import pytest

PAIR = "{id: a, content: package:skimage/data/coffee.png, style: package:skimage/data/rocket.jpg}"


def with_settings(settings):
    return f"schema_version: 1\nname: t\nsettings: {settings}\npairs: [{PAIR}]\n"


def with_pairs(pairs):
    return f"schema_version: 1\nname: t\npairs: {pairs}\n"


BOMB = "schema_version: 1\nname: t\na: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{c}: &{c} [{', '.join([f'*{b}'] * 9)}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True)
)

# what is wrong: (the manifest, words that must stand in the one line)
MANIFESTS = {
    "unknown key": (with_settings("{poling: max}"), ["settings", "'poling'", "'pooling'"]),
    "unknown key at the top": ("schema_version: 1\nname: t\npares: []\n" + f"pairs: [{PAIR}]", ["'pares'", "'pairs'"]),
    "wrong type": (with_settings("{size: big}"), ["settings.size", "'big'", "256"]),
    "pairs no list": (with_pairs("{a: b}"), ["pairs", "list"]),
    "no schema_version": (f"name: t\npairs: [{PAIR}]", ["schema_version"]),
    "future schema_version": (f"schema_version: 2\nname: t\npairs: [{PAIR}]", ["schema_version", "2", "1"]),
    "unknown content layer": (with_settings("{content_layers: [conv4_9]}"), ["content_layers", "'conv4_9'", "'conv4_"]),
    "unknown style layer": (
        with_settings("{style_layers: [conv1_1, con2_1]}"),
        ["style_layers", "'con2_1'", "'conv2_1'"],
    ),
    "unknown pooling": (with_settings("{pooling: avarage}"), ["settings.pooling", "'avarage'", "'average'"]),
    "unknown optimiser": (with_settings("{optimizer: lbgfs}"), ["settings.optimizer", "'lbgfs'", "'lbfgs'"]),
    "negative alpha": (with_settings("{alpha: -1.0}"), ["settings.alpha", "-1", "at least 0"]),
    "NaN alpha": (with_settings("{alpha: .nan}"), ["settings.alpha", "nan", "finite"]),
    "negative beta": (with_settings("{beta: -0.5}"), ["settings.beta", "-0.5", "at least 0"]),
    "NaN beta": (with_settings("{beta: .nan}"), ["settings.beta", "nan", "finite"]),
    "infinite beta": (with_settings("{beta: .inf}"), ["settings.beta", "inf", "finite"]),
    "alpha and beta 0": (with_settings("{alpha: 0, beta: 0}"), ["settings", "alpha and beta", "positive"]),
    "size 0": (with_settings("{size: 0}"), ["settings.size", "0", "16 to 4096"]),
    "size beyond the limit": (with_settings("{size: 5000}"), ["settings.size", "5000", "16 to 4096"]),
    "one side beyond the limit": (with_settings("{size: [256, 8192]}"), ["settings.size", "8192", "16 to 4096"]),
    "bad override": (
        with_pairs(f"[{PAIR}, {{id: b, content: x.png, style: y.png, settings: {{pooling: maxx}}}}]"),
        ["pairs[1].settings.pooling", "'maxx'", "'max'"],
    ),
    "duplicate ids": (with_pairs(f"[{PAIR}, {PAIR}]"), ["pairs[1]", "'a'", "pairs[0]"]),
    "id with a slash": (with_pairs("[{id: a/b, content: x.png, style: y.png}]"), ["pairs[0].id", "'a/b'"]),
    "id that climbs": (with_pairs("[{id: .., content: x.png, style: y.png}]"), ["pairs[0].id", "'..'"]),
    "forbidden scheme": (
        with_pairs("[{id: a, content: 'http://h/x.png', style: y.png}]"),
        ["pairs[0].content", "'http:'"],
    ),
    "no pairs": ("schema_version: 1\nname: t\n", ["pairs"]),
    "empty file": ("", ["mapping"]),
    "no mapping": ("- a\n- b\n", ["mapping"]),
    "no YAML": ("name: [unclosed\n", ["jobs.yaml"]),
    "duplicate key": (f"schema_version: 1\nname: t\nname: u\npairs: [{PAIR}]", ["'name'"]),
    "YAML bomb": (BOMB, ["alias"]),
    "Python tag": ('schema_version: 1\nname: !!python/object/apply:os.system ["touch pwned"]\n', ["tag"]),
    "unknown weights": (
        f"schema_version: 1\nname: t\nweights: oxfort\npairs: [{PAIR}]",
        ["weights", "'oxfort'", "'oxford'"],
    ),
    "weights never fetched": (
        f"schema_version: 1\nname: t\nweights: torchvision\npairs: [{PAIR}]",
        ["weights: torchvision", "vgg19-dcbb9e9d.pth", "Run: "],
    ),
    "absent weights": (
        f"schema_version: 1\nname: t\nweights: vgg.safetensors\npairs: [{PAIR}]",
        ["weights", "vgg.safetensors"],
    ),
}


def contents(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def refused(process, words, code=2):
    assert process.returncode == code, process.stderr
    assert process.stdout == ""
    lines = process.stderr.splitlines()
    assert len(lines) == 1, process.stderr
    for word in words:
        assert word in lines[0], f"{word!r} is missing in: {lines[0]}"
    return lines[0]


@pytest.mark.parametrize("case", MANIFESTS)
def test_a_bad_manifest_is_refused(neckar, manifest, tmp_path, case):
    text, words = MANIFESTS[case]
    name = manifest(text)
    refused(neckar("run", name, "--output", "out"), ["jobs.yaml", *words])
    assert contents(tmp_path) == ["jobs.yaml"]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_row_40001_of_a_pairs_file_is_named(neckar, manifest, tmp_path, kind):
    name = manifest(f"schema_version: 1\nname: t\npairs_from: pairs.{kind}\n")
    with (tmp_path / f"pairs.{kind}").open("w") as file:
        if kind == "csv":
            file.write("id,content,style,alpha\n")
        for row in range(1, 40_101):
            alpha = -1.0 if row == 40_001 else 0.001
            pair = {"id": f"p{row}", "content": "c.png", "style": "s.png"}
            file.write(
                json.dumps({**pair, "settings": {"alpha": alpha}}) + "\n"
                if kind == "jsonl"
                else ",".join([*pair.values(), str(alpha)]) + "\n"
            )
    before = contents(tmp_path)
    refused(neckar("run", name, "--output", "out"), [f"pairs.{kind}", "row 40001", "alpha", "-1"])
    assert contents(tmp_path) == before


def test_every_problem_is_told_at_once(neckar, manifest):
    name = manifest(with_settings("{alpha: -1.0, pooling: avarage, iterations: 0}"))
    process = neckar("validate", name)
    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "jobs.yaml", "--output", "out", "--workers", "0"], ["--workers", "0", "1"]),
        (["run", "jobs.yaml", "--output", "out", "--workers", "two"], ["--workers", "'two'"]),
        (["run", "jobs.yaml", "--output", "out", "--slots", "0"], ["--slots", "0", "1"]),
        (["run", "jobs.yaml", "--output", "out", "--worker", "1"], ["--worker", "--workers"]),
        (["run", "jobs.yaml"], ["output", "--output"]),
        (["run", "absent.yaml", "--output", "out"], ["absent.yaml"]),
        (["run"], ["MANIFEST"]),
        (["valdate", "jobs.yaml"], ["valdate", "validate"]),
        (["status", "absent"], ["absent"]),
        (["query", "absent", "select 1"], ["absent"]),
        (["query", "absent", "select 1", "--format", "xml"], ["--format", "xml", "json"]),
        (["show", "absent", "a"], ["absent"]),
        (["weights", "check", "absent.safetensors"], ["absent.safetensors"]),
    ],
    ids=" ".join,
)
def test_a_bad_command_line_is_refused(neckar, manifest, tmp_path, arguments, words):
    manifest(with_pairs(f"[{PAIR}]"))
    refused(neckar(*arguments), words)
    assert contents(tmp_path) == ["jobs.yaml"]


def test_an_output_below_a_file_is_refused(neckar, manifest, tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    name = manifest(with_pairs(f"[{PAIR}]"))
    refused(neckar("run", name, "--output", "taken/run"), ["taken"])
    assert contents(tmp_path) == ["jobs.yaml", "taken"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system that takes no folders")
def test_an_output_nobody_can_write_is_refused(neckar, manifest):
    name = manifest(with_pairs(f"[{PAIR}]"))
    refused(neckar("run", name, "--output", "/proc/neckar"), ["/proc/neckar"])


def test_an_output_that_is_no_place_is_refused(neckar, manifest, tmp_path):
    name = manifest(with_pairs(f"[{PAIR}]"))
    refused(neckar("run", name, "--output", "gs://bucket/run"), ["gs://bucket/run", "'gs:'"])
    assert contents(tmp_path) == ["jobs.yaml"]


@pytest.mark.slow
def test_an_unreachable_endpoint_is_told_within_30_s(neckar, manifest, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "hush-hush",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        name = manifest(with_pairs(f"[{PAIR}]"))
        start = time.monotonic()
        process = neckar("run", name, "--output", "s3://bucket/run", env=environment)
        assert time.monotonic() - start < 30
    refused(process, ["s3://bucket"], code=75)  # nothing to mend: later
    assert "hush-hush" not in process.stderr
    assert contents(tmp_path) == ["jobs.yaml"]
