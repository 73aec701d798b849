"""A report in a browser, from disk: what it shows is what the run has, by pointer, by keyboard and by address."""

import csv
import io
import itertools
import json
import re
from urllib.parse import parse_qsl

import pytest

from tests.report.conftest import ask, encoded, expect, ids, ok_pair

pytestmark = pytest.mark.slow


def test_the_grid_has_axes_pins_holes_and_failures(look, figure_three):
    run, report = figure_three
    tab = look(report)
    page = tab.page
    expect(page.locator(".count")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Rows", exact=True)).to_have_value("content")
    expect(page.get_by_role("combobox", name="Columns", exact=True)).to_have_value("style")
    shown = ids(page)
    wanted = ask(run, "select pair_id from design where alpha = 1e-5 and exemplar = 1 order by pair_index")
    assert shown == [row["pair_id"] for row in wanted]
    page.get_by_role("combobox", name="alpha", exact=True).select_option("0.01")  # a pin
    wanted = ask(run, "select pair_id, status from design where alpha = 1e-2 and exemplar = 1 order by pair_index")
    expect(page.locator(".tile").first).to_have_attribute("data-pair", wanted[0]["pair_id"])
    assert ids(page) == [row["pair_id"] for row in wanted]
    page.get_by_role("combobox", name="Rows", exact=True).select_option("exemplar")
    expect(page.get_by_role("combobox", name="Rows", exact=True)).to_have_value("exemplar")
    page.get_by_role("combobox", name="Columns", exact=True).select_option("alpha")
    page.get_by_role("combobox", name="Panels", exact=True).select_option("style")
    sql = "select pair_id, status from design where content = 'content000' order by style, exemplar, alpha"
    wanted = ask(run, sql)
    expect(page.locator(".tile").nth(4)).to_have_attribute("data-pair", wanted[4]["pair_id"])
    page.set_viewport_size({"width": 1280, "height": 2400})
    expect(page.locator(".tile")).to_have_count(len(wanted))
    assert ids(page) == [row["pair_id"] for row in wanted]
    for row in wanted:
        tile = page.locator(f".tile[data-pair='{row['pair_id']}']")
        if row["status"] != "ok":
            expect(tile).to_contain_text(row["status"])
    told = [json.loads(v) for n, v in _parts(tab.fragment()) if n == "pin"]
    assert told == [["alpha", "0.01"]]
    assert {n: v for n, v in _parts(tab.fragment()) if n != "pin"} == {
        "rows": "exemplar",
        "cols": "alpha",
        "facet": "style",
    }


def _parts(fragment):
    return parse_qsl(fragment.removeprefix("#"))


def test_exemplars_stand_in_the_margins(look, figure_three):
    page = look(figure_three[1]).page
    expect(page.locator(".row-head img")).to_have_count(2)
    expect(page.locator(".column-head img")).to_have_count(3)
    expect(page.locator(".row-head img").first).to_have_attribute("alt", "content: content000.png")
    assert page.locator(".row-head img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def test_filters_combine_and_the_count_is_that_of_sql(look, figure_three):
    run, report = figure_three
    page = look(report, "view=gallery").page
    total = len(ask(run, "select 1 from design"))
    expect(page.locator(".count")).to_have_text(f"{total} of {total} pairs")
    page.locator(".filter[data-column=alpha] summary").click()
    page.locator(".filter[data-column=alpha]").get_by_label("0.001").check()
    page.locator(".filter[data-column=status]").get_by_label("ok").check()
    wanted = ask(run, "select pair_id from design where alpha = 1e-3 and status = 'ok' order by pair_index")
    expect(page.locator(".count")).to_have_text(f"{len(wanted)} of {total} pairs")
    assert ids(page) == [row["pair_id"] for row in wanted]
    page.get_by_label("Search").fill("STYLE001 content000")
    chosen = "alpha = 1e-3 and status = 'ok' and style = 'style001' and content = 'content000'"
    wanted = ask(run, f"select pair_id from design where {chosen}")
    expect(page.locator(".count")).to_have_text(f"{len(wanted)} of {total} pairs")
    page.get_by_role("button", name="Clear all filters").click()
    middle = ask(run, "select median(loss_total) as value from results")[0]["value"]
    page.get_by_label("at least").fill(repr(middle))
    page.get_by_label("at least").press("Enter")
    wanted = ask(run, f"select count(*) as pairs from results where loss_total >= {middle!r}")[0]["pairs"]
    expect(page.locator(".count")).to_have_text(f"{wanted} of {total} pairs")


def test_a_part_of_the_histogram_is_chosen_with_the_pointer(look, figure_three):
    run, report = figure_three
    tab = look(report, "view=gallery")
    page = tab.page
    chart = page.locator(".brush .chart[data-drawn=yes]")
    chart.wait_for()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.98, box["y"] + 60, steps=5)
    page.mouse.up()
    expect(page.get_by_label("at least")).not_to_have_value("")
    (_, least, most) = next(json.loads(value) for name, value in _parts(tab.fragment()) if name == "range")
    pairs = ask(run, f"select count(*) as n from results where loss_total between {least!r} and {most!r}")[0]["n"]
    assert 0 < pairs < len(ask(run, "select 1 from results"))
    expect(page.locator(".count")).to_contain_text(f"{pairs} of ")


def test_the_order_is_sql_s(look, ten_thousand):
    run, report = ten_thousand
    tab = look(report, "view=gallery")
    page = tab.page
    for column, down in itertools.product(
        ["loss_total", "seconds", "alpha", "style", "pair_id", "error_code"], [False, True]
    ):
        of = {"alpha": "design.", "style": "design.", "pair_id": ""}.get(column, "results.")
        way = "desc" if down else "asc"
        order = f"{of}{column} {way} nulls last, design.pair_index"
        wanted = [
            row["pair_id"]
            for row in ask(run, f"select pair_id from design join results using (pair_id) order by {order}")
        ]
        tab.go(encoded(("view", "gallery"), ("sort", column)) + ("&down=1" if down else ""))
        page.locator(".gallery").evaluate("scroller => { scroller.scrollTop = 0 }")
        expect(page.locator(".tile").first).to_have_attribute("data-pair", wanted[0])
        shown = ids(page)
        assert shown == wanted[: len(shown)], (column, down)
        page.locator(".gallery").evaluate("scroller => { scroller.scrollTop = scroller.scrollHeight }")
        expect(page.locator(".tile").last).to_have_attribute("data-pair", wanted[-1])
        shown = ids(page)
        assert shown == wanted[-len(shown) :], (column, down)


def test_few_tiles_are_in_the_page_however_many_pairs(look, ten_thousand):
    tab = look(ten_thousand[1], width=1920, height=1080)
    counts = []
    for fragment in ("", "view=gallery&size=48", "rows=exemplar&cols=content&facet=style&size=48"):
        tab.go(fragment)
        for share in (0, 0.3, 1):
            scroller = tab.page.locator(".scroll").last
            scroller.evaluate(f"scroller => {{ scroller.scrollTop = scroller.scrollHeight * {share} }}")
            tab.page.wait_for_timeout(50)
            counts.append(tab.page.locator(".tile").count())
    assert min(counts) > 0
    assert max(counts) <= 400


def test_an_address_brings_the_view_back_in_another_tab(look, figure_three):
    _, report = figure_three
    tab = look(report)
    page = tab.page
    page.get_by_role("combobox", name="Rows", exact=True).select_option("alpha")
    page.get_by_role("button", name="Gallery").click()
    page.get_by_label("Search").fill("style001")
    page.get_by_role("combobox", name="Sort by", exact=True).select_option("loss_total")
    page.get_by_role("button", name="↑ ascending").click()
    page.locator(".tile").nth(2).click()
    page.locator("#viewer[open]").wait_for()
    title = page.locator("#viewer-title").text_content()
    other = look(report, tab.fragment().removeprefix("#")).page
    expect(other.locator("#viewer-title")).to_have_text(title)
    expect(other.get_by_label("Search")).to_have_value("style001")
    expect(other.get_by_role("combobox", name="Sort by", exact=True)).to_have_value("loss_total")
    assert ids(other) == ids(page)
    other.keyboard.press("Escape")
    other.get_by_role("button", name="Grid").click()
    expect(other.get_by_role("combobox", name="Rows", exact=True)).to_have_value("alpha")
    other.go_back()  # controls follow the address
    expect(other.get_by_label("Search")).to_have_value("style001")


def test_an_address_that_means_nothing_shows_what_there_is(look, figure_three):
    tab = look(figure_three[1])
    for fragment in (
        "view=nothing&pair=nobody&rows=none",
        "is=%5B1&range=%5B%22a%22%5D&pin=7&sort=zz",
        "compare=a+b&size=x&brush=q",
        "%%%",
    ):
        tab.go(fragment)
        expect(tab.page.locator(".tile").first).to_be_visible()


def test_every_number_of_a_pair_is_query_s(look, figure_three):
    run, report = figure_three
    row = ask(run, "select * from results where status = 'ok' order by loss_total desc limit 1")[0]
    page = look(report, encoded(("pair", row["pair_id"]))).page
    page.locator("#viewer .values").nth(2).wait_for()
    told = dict(
        page.locator("#viewer .values tr").evaluate_all(
            "rows => rows.map(row => [row.querySelector('th').textContent, row.querySelector('td').textContent])"
        )
    )
    for name in ("loss_total", "loss_content", "loss_style", "loss_total_png", "seconds", "iterations", "beta"):
        assert float(told[name]) == row[name], name
    for name in ("spec_hash", "image_sha256", "content_sha256", "init", "image_uri"):
        assert told[name] == row[name], name
    assert json.loads(told["style_layers"]) == row["style_layers"]
    trace = ask(run, f"select iteration, total, conv1_1 from loss_trace where pair_id = '{row['pair_id']}' order by 1")
    page.locator("#viewer .chart-box summary").click()
    cells = page.locator("#viewer .chart-box tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    by_iteration = {row["iteration"]: row for row in trace}
    assert (int(cells[0][0]), int(cells[-1][0])) == (1, len(trace))
    for (
        iteration,
        total,
        *_,
    ) in cells:
        assert float(total) == pytest.approx(by_iteration[int(iteration)]["total"], rel=5e-4)  # told in four digits


def test_summaries_are_sql_s(look, figure_three):
    run, report = figure_three
    page = look(report, "view=set").page
    sql = """select min(loss_total) as a, quantile_cont(loss_total, .25) as b, median(loss_total) as c,
             quantile_cont(loss_total, .75) as d, max(loss_total) as e, avg(loss_total) as f from results"""
    wanted = list(ask(run, sql)[0].values())
    table = page.locator("table", has=page.get_by_text("Summary of loss_total"))
    shown = table.locator("[data-value]").evaluate_all("cells => cells.map(cell => Number(cell.dataset.value))")
    assert shown == pytest.approx(wanted, rel=1e-12)
    chart = page.get_by_role("img", name=re.compile("loss_total along alpha"))
    chart.scroll_into_view_if_needed()
    expect(chart).to_have_attribute("data-drawn", "yes")
    along = page.locator("table", has=page.get_by_text("loss_total at each alpha"))
    both = "design join results using (pair_id)"
    sql = f"select avg(loss_total) as mean from {both} group by design.alpha order by design.alpha"
    means = [row["mean"] for row in ask(run, sql)]
    shown = along.locator("tr").evaluate_all(
        "rows => rows.slice(1).map(row => Number([...row.querySelectorAll('[data-value]')].pop().dataset.value))"
    )
    assert shown == pytest.approx(means, rel=1e-12)


def test_failures_stand_by_code_with_their_mend_and_messages(look, figure_three):
    run, report = figure_three
    page = look(report, "view=failures").page
    groups = ask(run, "select error_code, count(*) as n from results where status <> 'ok' group by 1")
    expect(page.locator(".failure")).to_have_count(len(groups))
    for group in groups:
        section = page.locator(".failure", has=page.get_by_role("heading", name=group["error_code"].replace("_", " ")))
        expect(section).to_contain_text(f"{group['n']} pair")
        expect(section).to_contain_text("Mend:")
        messages = ask(run, f"select pair_id, error_message from results where error_code = '{group['error_code']}'")
        for row in messages[:5]:
            expect(section).to_contain_text(row["error_message"])
    expect(page.get_by_text("4 pairs pending")).to_be_visible()
    page.locator(".failure").first.get_by_role("button", name="Show them in the gallery").click()
    expect(page.locator(".count")).to_contain_text(f"{max(group['n'] for group in groups)} of ")


def test_the_slider_parts_result_and_content(look, figure_three):
    run, report = figure_three
    page = look(report, encoded(("pair", ok_pair(run)))).page
    page.get_by_text("Result over content").focus()
    page.keyboard.press("Enter")
    slider = page.get_by_label("Part of the result over the content")
    slider.focus()
    above = page.locator(".stack .above")
    before = above.evaluate("image => image.style.clipPath")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert above.evaluate("image => image.style.clipPath") != before
    assert slider.input_value() == "55"
    assert above.evaluate("image => image.naturalWidth") == 24


def test_pictures_are_enlarged_together_and_keep_their_pixels(look, figure_three):
    run, report = figure_three
    page = look(report, encoded(("pair", ok_pair(run)))).page
    windows = page.locator("#viewer .window")
    expect(windows).to_have_count(3)
    page.locator("#viewer .window img").last.evaluate("image => image.decode()")
    for _ in range(3):
        page.get_by_role("button", name="Larger").click()
    result = windows.last
    expect(result.locator("img")).to_have_class("pixels")
    result.evaluate("window_ => { window_.scrollLeft = window_.scrollWidth }")
    page.wait_for_timeout(100)
    shares = windows.evaluate_all("all => all.map(one => one.scrollLeft / (one.scrollWidth - one.clientWidth))")
    assert shares == pytest.approx([1, 1, 1], abs=0.02)
    sides = windows.evaluate_all("all => all.map(one => one.offsetWidth)")
    assert len(set(sides)) == 1


def test_up_to_six_pairs_are_compared(look, figure_three):
    run, report = figure_three
    found = [
        row["pair_id"]
        for row in ask(run, "select pair_id from results where status = 'ok' order by pair_index limit 7")
    ]
    page = look(report, encoded(("compare", " ".join(found)), ("comparing", "1"))).page
    expect(page.locator("#viewer .window")).to_have_count(6)
    page.locator("#viewer .chart").scroll_into_view_if_needed()
    expect(page.locator("#viewer .chart[data-drawn=yes]")).to_be_visible()
    expect(page.locator("#viewer table", has=page.get_by_text("Where they differ"))).to_contain_text("loss_total")
    page.get_by_role("button", name=f"Unpin {found[0]}").click()
    expect(page.locator("#viewer .window")).to_have_count(5)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Compare 5")).to_be_visible()


def test_neighbours_along_each_factor(look, figure_three):
    _, report = figure_three
    page = look(report, encoded(("pair", "content000__style001__alpha-0.001__exemplar-1"))).page
    row = page.locator(".neighbours", has=page.get_by_role("heading", name=re.compile("^alpha"))).locator(".neighbour")
    expect(row).to_have_count(2)
    expect(row.first).to_contain_text("0.0001")
    row.last.click()
    expect(page.locator("#viewer-title")).to_have_text("content000__style001__alpha-0.01__exemplar-1")


def test_ticked_pairs_become_ids_and_csv(look, figure_three, tmp_path):
    run, report = figure_three
    page = look(report, "view=gallery&query=style002").page
    page.get_by_role("button", name="Tick these").click()
    sql = "select pair_id, loss_total from design left join results using (pair_id) where style = 'style002'"
    wanted = ask(run, f"{sql} order by design.pair_index")
    expect(page.locator("#chosen")).to_contain_text(f"{len(wanted)} pairs ticked")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save CSV").click()
    download.value.save_as(tmp_path / "made.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "made.csv").read_text("utf-8"))))
    assert [row["pair_id"] for row in rows] == [row["pair_id"] for row in wanted]
    assert [float(row["loss_total"]) if row["loss_total"] else None for row in rows] == [
        row["loss_total"] for row in wanted
    ]
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy ids").click()
    expect(page.locator("#announce")).to_have_text("ids copied")
    assert page.evaluate("navigator.clipboard.readText()").split("\n") == [row["pair_id"] for row in wanted]
