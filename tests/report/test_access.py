"""A report for everybody: by keyboard, by screen reader, in light and dark, on a phone."""

import pytest

from tests.report.conftest import encoded, expect, ids, ok_pair

pytestmark = pytest.mark.slow


def test_the_keyboard_does_it_all(look, figure_three):
    tab = look(figure_three[1])
    page = tab.page
    page.locator(".tile[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    focused = "document.activeElement.dataset.pair"
    chosen = page.evaluate(focused)
    assert chosen == ids(page)[4]
    expect(page.locator(".peek")).to_contain_text(chosen)
    page.keyboard.press("Enter")
    expect(page.locator("#viewer-title")).to_have_text(chosen)
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("#viewer-title")).not_to_have_text(chosen)
    page.keyboard.press("k")
    expect(page.locator("#viewer-title")).to_have_text(chosen)
    page.keyboard.press("+")
    expect(page.locator(".zoom-told")).to_have_text("150 %")
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Unpin", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).not_to_be_visible()
    assert page.evaluate(focused) == chosen  # the focus is back where it was
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == chosen
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("style001")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    first = page.evaluate(focused)
    assert "style001" in first
    page.keyboard.press("j")
    assert page.evaluate(focused) == ids(page)[1]
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="The set")).to_be_visible()


def every_view(run):
    """Addresses of all there is to see."""
    found = ok_pair(run)
    views = {view: f"view={view}" for view in ("grid", "gallery", "failures", "set")}
    return views | {"detail": encoded(("pair", found)), "compare": encoded(("compare", found), ("comparing", "1"))}


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 1280), (True, 390)])
def test_axe_finds_nothing(look, figure_three, dark, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    run, report = figure_three
    tab = look(report, dark=dark, width=width)
    for view, fragment in every_view(run).items():
        tab.go(fragment)
        tab.page.wait_for_timeout(300)
        found = axe.Axe().run(tab.page)
        assert found.violations_count == 0, (view, found.generate_report())


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_nothing_is_wider_than_the_window(look, figure_three, width):
    run, report = figure_three
    tab = look(report, width=width)
    for view, fragment in every_view(run).items():
        tab.go(fragment)
        tab.page.wait_for_timeout(200)
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, view
        over = tab.page.locator("#viewer").evaluate("dialog => dialog.scrollWidth - dialog.clientWidth")
        assert over <= 0, view


def test_every_chart_has_its_numbers_in_a_table(look, figure_three):
    page = look(figure_three[1], "view=set").page
    assert page.locator(".chart").count() > 3
    assert page.locator(".chart-box details table").count() == page.locator(".chart").count()
