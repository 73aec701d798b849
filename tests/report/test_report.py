"""Reports as files: what form they take, what they hold, what they say of what is gone, and bad places and runs."""

import csv
import io
import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neckar.pipeline.images.encode import encode_png
from neckar.pipeline.report import report as module
from neckar.pipeline.report.report import made_report, relative
from neckar.pipeline.results.layout import image_key
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.run import create_or_resume
from neckar.pipeline.results.versions import open_results
from neckar.pipeline.storage.access import open_store
from neckar.schemas.errors import UserError
from tests.jobs.conftest import neckar  # noqa: F401  # a fixture
from tests.report.conftest import expect, report_of
from tests.report.made import made_run
from tests.results.samples import Watched, failed_row, ok_row, run_record, sha
from tests.storage.recorder import calls, recorded

ROOT = Path(__file__).parents[2]

TWELVE = {
    "alpha": [1e-3, 1e-2],
    "exemplar": 2,
    "beta": [1, 2],
    "iterations": [5, 6],
    "init_sigma": [1, 2],
    "pooling": ["average", "max"],
    "resample": ["lanczos", "bicubic"],
    "fit": ["crop"],
    "tolerance": [0],
    "optimizer": ["lbfgs"],
}  # with content and style


@pytest.fixture
def run(tmp_path):
    return made_run(tmp_path / "run", factors={"alpha": [1e-3, 1e-2]})


@pytest.mark.slow
def test_a_small_run_is_one_file_with_its_pictures_that_can_be_mailed(neckar, run, tmp_path, look):  # noqa: F811
    told = neckar("report", run)
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip() == f"{run}/report.html"
    elsewhere = tmp_path / "mailed.html"
    shutil.move(f"{run}/report.html", elsewhere)
    shutil.rmtree(run)
    shutil.rmtree(f"{run}-sources")
    page = look(elsewhere, "pair=content000__style000__alpha-0.001").page
    result = page.locator("#viewer .window img").last
    assert result.evaluate("image => image.decode().then(() => image.naturalWidth)") == 24
    page.locator("#viewer .chart[data-drawn=yes]").wait_for()


@pytest.mark.slow
def test_a_folder_beside_the_run_links_to_its_pictures_and_says_when_they_are_gone(run, tmp_path, neckar, look):  # noqa: F811
    told = neckar("report", run, "--folder")
    assert told.returncode == 0, told.stderr
    assert "links into the run" in told.stderr
    index = tmp_path / "run" / "report" / "index.html"
    assert not (index.parent / "pictures").exists()
    page = look(index, "pair=content001__style001__alpha-0.01").page
    result = page.locator("#viewer .window img").last
    assert result.evaluate("image => image.decode().then(() => image.naturalWidth)") == 24
    shutil.rmtree(tmp_path / "run" / "images")
    found = look(index, "pair=content001__style001__alpha-0.01")
    expect(found.page.locator("#viewer .warn")).to_contain_text("not beside this report")
    found.logged.clear()  # a browser tells of a file that is not there
    again = neckar("report", run, "--folder")  # over the old one
    assert "8 pictures of" in again.stderr
    page = look(index).page
    expect(page.locator(".tile").first).to_contain_text("picture cannot be read")


@pytest.mark.slow
def test_a_zip_has_all_and_opens_anywhere(run, tmp_path, neckar, look):  # noqa: F811
    told = neckar("report", run, "--folder", "--output", "lab.zip")
    assert told.returncode == 0, told.stderr
    with zipfile.ZipFile(tmp_path / "lab.zip") as archive:
        archive.extractall(tmp_path / "there")
    assert len(list((tmp_path / "there/lab/pictures").glob("*.png"))) == 8
    page = look(tmp_path / "there/lab/index.html", "pair=content000__style001__alpha-0.01").page
    assert page.locator("#viewer .window img").last.evaluate("image => image.decode().then(() => true)")


def test_what_is_too_large_for_one_file_becomes_a_folder_or_is_refused(run, monkeypatch):
    monkeypatch.setattr(module, "FILE_BYTES", 2_000_000)
    with made_report(open_results(run)) as made:
        assert (made.form, made.pictures) == ("file", "inside")
    monkeypatch.setattr(module, "FILE_BYTES", made.bytes - 5000)  # all but the pictures
    with made_report(open_results(run), beside=lambda _: run) as made:
        assert (made.form, made.pictures) == ("file", "linked")
    with made_report(open_results(run), copy_images=True) as made:
        assert (made.form, made.pictures) == ("folder", "copied")
    with (
        pytest.raises(UserError, match="--copy-images: the pictures are"),
        made_report(open_results(run), form="file", copy_images=True),
    ):
        pass
    monkeypatch.setattr(module, "FILE_BYTES", 100_000)
    with made_report(open_results(run)) as made:
        assert (made.form, made.pictures) == ("folder", "none")
    with (
        pytest.raises(UserError, match="--single-file: one file would have"),
        made_report(open_results(run), form="file"),
    ):
        pass


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--output", "run/results"], "is inside the run, among its records"),
        (["--output", "run/images/report.html"], "is inside the run, among its records"),
        (["--output", "taken.html"], "stands there and is no report"),
        (["--output", "taken"], "stands there, is not empty and is no report"),
        (["--output", "taken.html/below"], "cannot be written: .*taken.html may not be"),
        (["--output", "a.html", "--folder"], "--folder: and --output a.html, a file: which of the two"),
        (["--single-file", "--folder"], "--folder: and --single-file: which of the two"),
        (["--serve", "--zip"], "--serve: writes nothing"),
    ],
)
def test_places_where_no_report_goes(run, tmp_path, neckar, arguments, told):  # noqa: F811
    (tmp_path / "taken.html").write_text("mine")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file").write_text("mine")
    found = neckar("report", "run", *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert re.search(told, found.stderr), found.stderr
    assert (tmp_path / "taken.html").read_text() == (tmp_path / "taken/file").read_text() == "mine"
    assert not list(tmp_path.glob(".*.part"))


def test_a_run_that_is_not_there(neckar):  # noqa: F811
    found = neckar("report", "nothing")
    assert found.returncode == 2
    assert "no run and no version stands here" in found.stderr


@pytest.mark.parametrize(
    ("run", "folder", "way"),
    [
        ("/a/run", "/a/run", ""),
        ("/a/run", "/a/run/report", "../"),
        ("/a/run", "/b", "../a/run/"),
        ("s3://one/run", "s3://one/run/report", "../"),
        ("s3://one/run", "s3://two/run", None),
        ("s3://one/run", "/a", None),
    ],
)
def test_the_way_from_a_report_to_its_run(run, folder, way):
    assert relative(run, folder) == way


def test_a_run_on_s3_the_same(s3_uri, neckar, tmp_path):  # noqa: F811
    run = made_run(f"{s3_uri}/run", factors={"alpha": [1e-3]})
    told = neckar("report", run)
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip() == str(tmp_path / "neckarfront-report.html")
    told = neckar("report", run, "--folder", "--output", f"{run}/report")
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip() == f"{run}/report/index.html"
    store = open_store(run)
    keys = {info.key for info in store.list("report/")}
    assert {"report/index.html", "report/charts.js", "report/details-0000.js", "report/sheets/sheet-0000.webp"} <= keys
    assert b'content="neckar report"' in store.get("report/index.html")
    assert neckar("report", run, "--folder", "--output", f"{run}/report").returncode == 0  # over itself
    store.put("report/index.html", b"a page of somebody else's")
    refused = neckar("report", run, "--folder", "--output", f"{run}/report")
    assert "stands there and is no report" in refused.stderr


EVIL = ["</script><script>alert(1)</script>", "a\"b'c<b>&amp;", "\u202egnp.evil", "=1+1", "ünï  cøde\u2028line"]


@pytest.fixture
def hostile(tmp_path):
    """Levels, addresses and messages that would break a page that believed them."""
    pairs = [
        {
            "id": f"p{number}",
            "content": "gone.png",
            "style": "gone.png",
            "levels": {"kind": evil, "number": str(number)},
        }
        for number, evil in enumerate(EVIL)
    ]
    manifest = {"schema_version": 1, "name": "out", "pairs": pairs}
    store = open_store(str(tmp_path / "run"))
    begun = create_or_resume(store, run_record(len(pairs), manifest=manifest, base=str(tmp_path)), owner="me")
    parts = PartWriter(store, begun.lease.epoch)
    for number, evil in enumerate(EVIL):
        uris = {"content_uri": f"s3://bucket/{evil}", "style_uri": None if number % 2 else f"s3://bucket/{evil}"}
        pair = {"pair_id": f"p{number}", "levels": {"kind": evil, "number": str(number)}, **uris}
        if number == 0:
            parts.add(failed_row(number, **pair, error_message=f"{evil} {'x' * 500}"))
            continue
        store.put(image_key(sha(str(number))), encode_png(np.full((16, 16, 3), 40 * number, np.uint8), {}))
        losses = {"loss_total": float("nan"), "loss_content": float("inf")} if number == 1 else {}
        parts.add(ok_row(number, **pair, **losses, image_uri=image_key(sha(str(number))), worker=evil))
    parts.flush()
    return str(tmp_path / "run")


@pytest.mark.slow
def test_nothing_a_run_says_becomes_markup(hostile, look, tmp_path):
    with report_of(hostile) as index:
        page = look(index).page
        shown = page.locator(".tile").evaluate_all("tiles => tiles.length")
        assert shown > 0
        page.keyboard.press("l")
        for evil in EVIL:
            label = page.locator(".filter[data-column=kind] .level-words", has_text=evil.split("\u2028")[0])
            expect(label.first).to_be_attached()
        page.get_by_role("button", name="Tick these").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Save CSV").click()
        download.value.save_as(tmp_path / "made.csv")
        rows = list(csv.DictReader(io.StringIO((tmp_path / "made.csv").read_text("utf-8"), newline="")))
        assert [row["kind"] for row in rows] == [f"'{evil}" if evil.startswith("=") else evil for evil in EVIL]
        page.evaluate("location.hash = 'view=failures'")
        expect(page.locator(".messages")).to_contain_text(EVIL[0])
        page.evaluate("location.hash = 'pair=p1'")
        expect(page.locator("#viewer .values").first).to_contain_text("NaN")
        expect(page.locator("#viewer .values").first).to_contain_text("Infinity")
        expect(page.locator("#viewer")).to_contain_text("no style")
        expect(page.locator("#viewer .window").first).to_contain_text("gone: s3://bucket/a")
        assert not page.evaluate("document.querySelectorAll('b').length")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"pending": 4, "sealed": False}, "pending"),
        ({"failing": 1.0}, "failed"),
        ({"contents": 1, "styles": 1}, ""),
        ({"contents": 2, "styles": 2, "levels": False}, ""),
        ({"contents": 1, "styles": 1, "size": (300, 200)}, ""),
        ({"contents": 1, "styles": 1, "size": (4096, 64), "pool": 1}, ""),
        ({"contents": 1, "styles": 1, "factors": {"seed": list(range(500))}, "evaluations": 2}, ""),
        ({"contents": 1, "styles": 1, "factors": TWELVE}, ""),
    ],
    ids=["none done", "all failed", "one", "no design", "upright", "tall", "500 levels", "12 factors"],
)
def test_runs_of_every_shape(tmp_path, look, made, words):
    run = made_run(tmp_path / "run", **made)
    with report_of(run) as index:
        tab = look(index)
        for view in ("grid", "gallery", "failures", "set"):
            tab.go(f"view={view}")
            tab.page.wait_for_timeout(100)
            assert tab.page.locator("#view").inner_text().strip()
        tab.go("view=grid")
        expect(tab.page.locator(".tile").first).to_contain_text(words)
        tab.page.locator(".tile").first.click()
        expect(tab.page.locator("#viewer")).to_be_visible()


def test_a_report_of_no_pairs(tmp_path, look):
    store = open_store(str(tmp_path / "run"))
    manifest = {"schema_version": 1, "name": "out", "pairs_from": "pairs.csv"}
    (tmp_path / "pairs.csv").write_text("content,style\n")
    create_or_resume(store, run_record(0, manifest=manifest, base=str(tmp_path)), owner="me")
    with report_of(store.uri) as index:
        tab = look(index)
        for view in ("grid", "gallery", "failures", "set"):
            tab.go(f"view={view}")
            tab.page.wait_for_timeout(50)
            assert tab.page.locator("#view").inner_text().strip()


def test_no_code_of_others_is_in_the_repository():
    from importlib.resources import files

    page = files("neckar.pipeline.report") / "page"
    sizes = {file.name: len(file.read_text("utf-8")) for file in page.iterdir() if file.is_file()}
    assert max(sizes.values()) < 20_000
    assert (
        max(len(line) for file in page.iterdir() if file.is_file() for line in file.read_text("utf-8").splitlines())
        < 500
    )


def test_the_policy_lets_nothing_in(run):
    with report_of(run) as index:
        head = index.read_text("utf-8")[:4000]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', head)[1].replace("&#39;", "'")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'none'"
    assert "unsafe" not in rules["script-src"]


def test_every_picture_is_read_once_and_rows_hardly_more_often(tmp_path):
    run = made_run(tmp_path / "run", factors={"exemplar": 300}, evaluations=100)
    store = Watched(Path(run))
    reader = replace(open_results(run), store=store)
    rows = sum(file.size for file in reader.files)
    pictures = sum(file.stat().st_size for file in Path(run).rglob("*.png"))
    with made_report(reader, form="folder") as made:
        assert made.pairs == 1200
    assert pictures + rows <= store.bytes_read <= pictures + 1.5 * rows  # who counts, the table, the details


def test_requests_on_s3_are_one_a_picture_and_few_besides(s3_uri, tmp_path):
    run = made_run(f"{s3_uri}/run", factors={"alpha": [1e-3, 1e-2]})
    environment = recorded(tmp_path, str(ROOT))
    command = [sys.executable, "-m", "neckar", "report", run, "--output", str(tmp_path / "made.html")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    asked = list(calls(tmp_path))
    assert Counter(operation for operation, url in asked if "/run/images/" in url) == {"GetObject": 8}
    assert len(asked) < 8 + 40
