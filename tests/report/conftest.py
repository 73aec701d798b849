"""A browser, and pages in it that are watched: what they log, and what they ask of anybody."""

import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from neckar.pipeline.queries.database import query
from neckar.pipeline.report.report import made_report
from neckar.pipeline.results.versions import open_results
from tests.report.made import made_run

try:
    from playwright.sync_api import expect
except ImportError:  # then `browser` skips whatever would use it
    expect = None

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Without the first it does not start as root; the others keep it from asking its maker's servers.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]


@pytest.fixture(scope="package")
def browser():
    """Debian's Chromium, for all tests of the folder."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page, everything it logged, and the addresses it asked for."""

    def __init__(self, page, url):
        self.page, self.url = page, url
        self.logged, self.asked = [], []
        page.on("console", lambda message: self.logged.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.logged.append(f"error: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, fragment=""):
        self.page.goto(f"{self.url}#{fragment}" if fragment else self.url)
        self.page.locator("html[data-ready=yes]").wait_for()
        return self.page

    def go(self, fragment):
        """Another address in the same tab."""
        self.page.evaluate("fragment => { location.hash = fragment }", fragment)
        self.page.wait_for_timeout(30)

    def fragment(self):
        return self.page.evaluate("location.hash")


@pytest.fixture
def look(browser):
    """Opens a report's file or address in a fresh tab; it may log nothing and ask for nothing but its own."""
    opened = []

    def new(where, fragment="", *, width=1280, height=800, dark=False):
        url = where if str(where).startswith("http") else Path(where).as_uri()
        scheme = "dark" if dark else "light"
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        context.set_default_timeout(15_000)
        watched = Watched(context.new_page(), url)
        opened.append((context, watched))
        watched.open(fragment)
        return watched

    yield new
    for context, watched in opened:
        context.close()
        home = watched.url.rpartition("/")[0] if watched.url.startswith("http") else "file://"
        foreign = [url for url in watched.asked if not url.startswith((home, "data:", "blob:"))]
        assert not watched.logged, watched.logged
        assert not foreign, foreign


@contextmanager
def report_of(run, **options):
    """A report of a run in a folder of its own; `index.html` of it."""
    with made_report(open_results(run), **options) as made:
        yield made.folder / "index.html"


@pytest.fixture(scope="package")
def figure_three(tmp_path_factory):
    """A run like the paper's Fig. 3 with exemplars, some of it failed, some not there yet; and its report."""
    folder = tmp_path_factory.mktemp("made")
    factors = {"alpha": [1e-5, 1e-4, 1e-3, 1e-2], "exemplar": 2}
    run = made_run(folder / "run", contents=2, styles=3, factors=factors, failing=0.2, pending=4, sealed=False)
    with report_of(run) as page:
        yield run, page


@pytest.fixture(scope="package")
def ten_thousand(tmp_path_factory):
    """A run of ten thousand pairs, and its report, a folder."""
    folder = tmp_path_factory.mktemp("made")
    factors = {"alpha": [1e-5, 1e-4, 1e-3, 1e-2], "exemplar": 25}
    run = made_run(folder / "run", contents=10, styles=10, factors=factors, size=(16, 16), evaluations=8, failing=0.02)
    with report_of(run, form="folder", beside=lambda _: None) as page:
        yield run, page


def encoded(*parts):
    return "&".join(f"{name}={_quote(value)}" for name, value in parts)


def _quote(value):
    return quote(value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))


def ask(run, sql):
    return query(open_results(run), sql).to_pylist()


def ids(page):
    """Of the tiles in sight, in the page's order."""
    return page.locator(".tile[data-pair]").evaluate_all("tiles => tiles.map(tile => tile.dataset.pair)")


def ok_pair(run):
    return ask(run, "select pair_id from results where status = 'ok' order by pair_index limit 1")[0]["pair_id"]
