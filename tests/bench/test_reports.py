"""What a report costs: to make, to open, to filter, to sort; and its bytes.

Run: pytest -m bench -s tests/bench/test_reports.py
"""

import statistics
import time
from contextlib import contextmanager

import pytest

from neckar.pipeline.report.report import made_report
from neckar.pipeline.results.versions import open_results
from tests.report.conftest import browser  # noqa: F401  # a fixture
from tests.report.made import made_run

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3000)]

FACTORS = {"alpha": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}
PICTURES = {"size": (192, 256), "evaluations": 500, "failing": 0.02}
AGAIN = 7  # times that each step is taken

# From a change of the address to the frame after the page has answered it.
CHANGE = """fragment => new Promise(resolve => {
  const begun = performance.now();
  const answer = () => setTimeout(() => resolve(performance.now() - begun));
  addEventListener("hashchange", () => requestAnimationFrame(answer), { once: true });
  location.hash = fragment;
})"""
READY = """new MutationObserver(() => {
  if (document.documentElement.dataset.ready && !window.ready) window.ready = performance.now();
}).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-ready"] });"""


@contextmanager
def timed_report(folder, contents, exemplars, **more):
    run = made_run(folder, contents=contents, styles=10, factors={**FACTORS, "exemplar": exemplars}, **more)
    begun = time.perf_counter()
    with made_report(open_results(run), form="folder", beside=lambda _: f"{run}/report") as made:
        seconds = time.perf_counter() - begun
        sizes = {
            name: sum(file.stat().st_size for file in made.folder.glob(pattern)) / 1e6
            for name, pattern in {"thumbnails": "sheets/*", "page": "index.html", "curves": "details-*"}.items()
        }
        told = ", ".join(f"{name} {size:.1f} MB" for name, size in sizes.items())
        print(f"\n{made.pairs:,} pairs: made in {seconds:.1f} s; {told}")
        yield made


def test_a_thousand(tmp_path):
    with timed_report(tmp_path / "run", 10, 2, **PICTURES):
        pass


def test_ten_thousand_in_a_browser(tmp_path, browser):  # noqa: F811
    with timed_report(tmp_path / "run", 10, 20, **PICTURES) as made:
        _use(browser, made)


def test_a_hundred_thousand_in_a_browser(tmp_path, browser):  # noqa: F811
    with timed_report(tmp_path / "run", 20, 100, evaluations=2, pictures=False) as made:
        _use(browser, made)


def _use(browser, made):  # noqa: F811
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.add_init_script(READY)
    paints, usable = [], []
    for _ in range(AGAIN):
        page.goto("about:blank")
        page.goto((made.folder / "index.html").as_uri())
        page.locator("html[data-ready=yes]").wait_for()
        usable.append(page.evaluate("window.ready"))
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"))
    page.wait_for_timeout(2000)
    page.evaluate(CHANGE, "view=gallery")
    page.locator(".brush .chart[data-drawn=yes]").wait_for()
    page.wait_for_timeout(1000)
    told = {"first paint": paints, "usable": usable}
    told["filter"] = [_change(page, f"view=gallery&query=style00{n}") for n in range(AGAIN)]
    columns = ["loss_total", "seconds", "pair_id", "loss_style", "alpha", "loss_content", "style"]
    told["sort"] = [_change(page, f"view=gallery&sort={column}") for column in columns]
    told["detail"] = [_detail(page, n) for n in range(AGAIN)]
    for name, times in told.items():
        print(f"{name}: {statistics.median(times):.0f} ms (to {max(times):.0f})")
    page.close()


def _change(page, fragment):
    elapsed = page.evaluate(CHANGE, fragment)
    page.wait_for_timeout(600)
    return elapsed


def _detail(page, number):
    begun = time.perf_counter()
    page.evaluate(f"document.querySelectorAll('.gallery button.tile:not(.hole)')[{number}].click()")
    page.locator("#viewer .chart[data-drawn=yes]").wait_for()
    elapsed = 1000 * (time.perf_counter() - begun)
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    return elapsed
