"""`neckar report --serve`: a page that follows its run, for nobody but who has its address."""

import http.client
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from neckar.pipeline.report.packing import unpack
from neckar.pipeline.report.serving import RunPages, answer, serving
from neckar.pipeline.results.layout import LEASE_KEY, image_key
from neckar.pipeline.results.records import read_record, to_json
from neckar.pipeline.results.versions import open_results
from neckar.pipeline.storage.access import open_store
from neckar.schemas.run import LeaseRecord
from tests.report.conftest import expect
from tests.report.made import made_run


@pytest.fixture
def run(tmp_path):
    return made_run(tmp_path / "run", factors={"alpha": [1e-3, 1e-2]}, pending=3, sealed=False)


@pytest.fixture
def server(run):
    with serving(open_results(run)) as server:
        yield server


def request(server, path="", *, method="GET", token=None, host=None, headers=None, body=None):
    """Status, headers and body."""
    connection = http.client.HTTPConnection(*server.server_address, timeout=20)
    try:
        connection.putrequest(method, f"/{server.token if token is None else token}/{path}", skip_host=True)
        connection.putheader("Host", host or server.host)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        found = connection.getresponse()
        return found.status, dict(found.getheaders()), found.read()
    finally:
        connection.close()


def test_the_run_and_nothing_else(server):
    assert request(server)[0] == 200
    header, _ = unpack(request(server, "table")[2])
    assert len(header["ids"]) == 8
    assert request(server, "details-0000")[0] == 200
    assert request(server, "pictures/0.png")[2][:4] == b"\x89PNG"
    assert request(server, "thumbs/0.webp?1")[2][8:12] == b"WEBP"
    assert request(server, "sources/source-0000.webp")[2][8:12] == b"WEBP"
    assert b'"standing"' in request(server, "live")[2]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
def test_get_alone(server, method):
    status, headers, _ = request(server, "table", method=method, body=b"x=1" if method == "POST" else None)
    assert (status, headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize("token", ["", "x", "..", "a" * 32])
def test_the_token_is_needed(server, token):
    status, _, body = request(server, "table", token=token)
    assert status == 403
    assert server.token.encode() not in body


@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1", "127.0.0.1:1"])
def test_the_host_is_its_own_address(server, host):
    assert request(server, "table", host=host)[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        *("../run.json", "..%2frun.json", "run.json", "pictures/../run.json", "pictures/7.png", "pictures/99.png"),
        *(
            "thumbs/-1.webp",
            "details-0001",
            "details-9999",
            "sources/source-0099.webp",
            "sources/source-0000.png",
            "%00",
        ),
        *("sheets/sheet-0000.webp", "pictures/0.png/", "//", "table/x"),
    ],
)
def test_other_paths_lead_nowhere(server, path):
    assert request(server, path)[0] == 404


def test_no_other_site_is_let_in(server):
    _, headers, _ = request(server, "table", headers={"Origin": "http://evil.example"})
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_what_has_not_changed_is_not_sent_again(server):
    _, headers, body = request(server, "table")
    status, again, none = request(server, "table", headers={"If-None-Match": headers["ETag"]})
    assert (status, none, again["ETag"]) == (304, b"", headers["ETag"])
    assert request(server, "table", headers={"If-None-Match": '"other"'})[2] == body


def test_two_servers_have_two_tokens(run):
    with serving(open_results(run)) as one, serving(open_results(run)) as other:
        assert one.token != other.token
        assert len(one.token) >= 32
        assert one.server_address[0] == "127.0.0.1"


def test_pictures_that_are_gone_are_told(server, run):
    spec_hash = unpack(request(server, "details-0000")[2])[0]["columns"]["spec_hash"][0]
    (Path(run) / image_key(spec_hash)).unlink()
    status, _, body = request(server, "pictures/0.png")
    assert status == 404
    assert run.encode() in body


def test_a_picture_that_is_no_ones_of_the_run_is_not_served(run, tmp_path):
    pages = RunPages(open_results(run))
    (tmp_path / "secret.png").write_bytes(b"secret")
    for path in (f"sources/{tmp_path}/secret.png", "sources/source-0000.webp/../../secret.png"):
        assert answer(pages, path).status == 404


@contextmanager
def command(run):
    """`neckar report --serve` as a process; its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "neckar", "report", run, "--serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    try:
        yield process, process.stdout.readline().strip()
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_the_page_follows_the_run_until_it_is_complete(tmp_path, look):
    factors = {"alpha": [1e-3, 1e-2]}
    run = made_run(tmp_path / "run", factors=factors, pending=3, sealed=False)
    with command(run) as (process, url):
        tab = look(url, "view=gallery&query=style001")
        page = tab.page
        page.locator(".tile").first.wait_for()
        expect(page.locator(".filter[data-column=status]")).to_contain_text("pending")
        expect(page.locator("#live")).to_be_visible(timeout=10_000)
        made_run(tmp_path / "run", factors=factors, sealed=True)  # the rest of it
        expect(page.locator("#live")).to_have_text("The run is complete.", timeout=20_000)
        expect(page.locator(".filter[data-column=status]")).not_to_contain_text("pending")
        expect(page.get_by_label("Search")).to_have_value("style001")  # the view is as it was
        assert page.locator(".tile").count() == 4
        page.locator(".tile").first.click()
        assert (
            page.locator("#viewer .window img").last.evaluate("image => image.decode().then(() => image.naturalWidth)")
            == 24
        )
        page.locator("#viewer .chart[data-drawn=yes]").wait_for()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


@pytest.mark.slow
def test_a_view_stays_where_it_is_while_the_run_goes_on(tmp_path, look):
    made = {"contents": 40, "styles": 2, "factors": {"alpha": [1e-3, 1e-2]}}
    run = made_run(tmp_path / "run", **made, pending=3, sealed=False)
    with serving(open_results(run)) as server:
        page = look(server.url).page
        page.locator("#live").wait_for()
        page.locator(".grid").evaluate("scroller => { scroller.scrollTop = 2000 }")
        page.locator(".tile").nth(6).focus()
        chosen = page.evaluate("document.activeElement.dataset.pair")
        made_run(tmp_path / "run", **made)
        expect(page.locator("#live")).to_have_text("The run is complete.", timeout=20_000)
        expect(page.locator("#told")).to_contain_text("160 ok")
        assert page.locator(".grid").evaluate("scroller => scroller.scrollTop") == 2000
        assert page.evaluate("document.activeElement.dataset.pair") == chosen


@pytest.mark.slow
def test_pictures_that_are_gone_are_told_in_their_places(run, look):
    shutil.rmtree(f"{run}-sources")
    for file in Path(run).rglob("*.png"):
        file.unlink()
    with serving(open_results(run)) as server:
        tab = look(server.url)
        expect(tab.page.locator(".tile").first).to_contain_text("picture cannot be read")
        expect(tab.page.locator(".row-head").first).to_contain_text("content: cannot be read")
        assert tab.logged  # a browser tells of what a server has not
        tab.logged.clear()


def test_a_driver_that_is_dead_is_told(run, tmp_path):
    store = open_store(run)
    record = read_record(store, LEASE_KEY, LeaseRecord)
    past = datetime.now(UTC) - timedelta(hours=1)
    store.put(LEASE_KEY, to_json(record.model_copy(update={"released": False, "expires_at": past})))
    pages = RunPages(open_results(run))
    assert pages.live()["standing"] == "silent"
    assert "driver is silent" in pages.live()["words"]


@pytest.mark.slow
def test_the_page_says_when_its_server_has_ended(run, look):
    with command(run) as (process, url):
        tab = look(url)
        expect(tab.page.locator("#live")).to_be_visible(timeout=10_000)
        process.kill()
        expect(tab.page.locator("#live")).to_contain_text("has ended", timeout=15_000)
        tab.logged.clear()  # a browser tells of a server that does not answer
