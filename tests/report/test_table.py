"""The table of a report has what `neckar query` has."""

import numpy as np
import pytest

from neckar.pipeline.queries.database import query
from neckar.pipeline.report.about import about
from neckar.pipeline.report.again import pairs_again
from neckar.pipeline.report.details import details_of
from neckar.pipeline.report.packing import unpack
from neckar.pipeline.report.report import made_report
from neckar.pipeline.report.table import Numbers, Words, table_of
from neckar.pipeline.results.versions import open_results
from neckar.schemas.errors import MENDS, ErrorCode
from tests.nights.made import Lab
from tests.report.made import finish_run, made_run

FACTORS = {"alpha": [1e-2, 1e-5, 1e-3], "exemplar": 2}


@pytest.fixture
def run(tmp_path):
    return made_run(tmp_path / "run", factors=FACTORS, failing=0.2, pending=5, sealed=False, pictures=False)


def values(column):
    if isinstance(column, Words):
        return [column.levels[code - 1] if code else None for code in column.codes]
    return [value if there else None for value, there in zip(column.values.tolist(), column.present, strict=True)]


def test_every_pair_in_the_manifest_s_order_with_the_views_own_values(run):
    reader = open_results(run)
    table = table_of(reader)
    wanted = query(reader, "select * from design left join results using (pair_id) order by design.pair_index")
    assert list(table.ids) == wanted.column("pair_id").to_pylist()
    checked = 0
    for name, column in table.columns.items():
        asked = {"status": "design.status", "content_uri": "design.content_uri", "style_uri": "design.style_uri"}
        told = asked.get(column.of, f'results."{column.of}"' if column.of else f'design."{name}"')
        sql = f"select {told} as value from design left join results using (pair_id) order by design.pair_index"
        found = query(reader, sql).column("value").to_pylist()
        assert values(column.values) == [
            str(v) if isinstance(column.values, Words) and v is not None else v for v in found
        ], name
        checked += 1
    assert checked > 15


def test_levels_are_in_order_and_have_their_numbers(run):
    columns = table_of(open_results(run)).columns
    assert columns["alpha"].values.levels == ("1e-05", "0.001", "0.01")
    assert columns["alpha"].values.numbers == (1e-5, 1e-3, 1e-2)
    assert columns["content"].values.numbers is None
    assert [name for name, column in columns.items() if getattr(column.values, "role", "") == "factor"] == [
        *("content", "style", "alpha", "exemplar"),
    ]


def test_a_factor_keeps_its_name_and_the_result_steps_back(tmp_path):
    run = made_run(tmp_path / "run", factors={"iterations": [5, 50], "init_sigma": [1, 2]}, pictures=False)
    columns = table_of(open_results(run)).columns
    assert columns["iterations"].of is None
    assert columns["iterations (result)"].of == "iterations"


def test_nothing_and_not_a_number_are_two_things(run):
    table = table_of(open_results(run))
    losses = table.columns["loss_total"].values
    assert isinstance(losses, Numbers)
    assert not losses.present.all()
    assert np.isnan(losses.values[~losses.present]).all()
    _, arrays = unpack(table.packed({}, {}))
    assert (arrays["loss_total present"] == losses.present).all()


def test_details_of_some_pairs_wherever_their_rows_stand(run):
    reader = open_results(run)
    table = table_of(reader)
    for first, last in ((0, 7), (7, 24)):
        header, arrays = unpack(details_of(reader, table, first, last).packed(None))
        for place in range(first, last):
            pair_id = table.ids[place]
            rows = query(reader, f"select * from results where pair_id = '{pair_id}'").to_pylist()
            told = {name: column[place - first] for name, column in header["columns"].items()}
            if not rows:
                assert set(told.values()) == {None}
                continue
            assert told["error_message"] == rows[0]["error_message"]
            assert told["spec_hash"] == rows[0]["spec_hash"]
            assert told["loss_style"] == rows[0]["loss_style"]
        shape = header["curves"]["shapes"][0]
        ok = sum(which >= 0 for which in header["curves"]["of"])
        assert len(arrays["curves"]) == ok * len(shape["series"]) * len(shape["iterations"])


def test_what_makes_a_pair_again_has_its_settings_and_no_more(run):
    reader = open_results(run)
    table = table_of(reader)
    again = pairs_again(reader, table)
    assert [pair["id"] for pair in again] == list(table.ids)
    assert again[0]["settings"] == {"alpha": 1e-2, "size": [16, 24], "iterations": 60, "precision": "float32"}
    assert about(reader, table)["again"] == {"schema_version": 1, "name": "again"}


def test_every_error_has_a_meaning_and_a_mend():
    assert set(MENDS) == set(ErrorCode)


def test_of_a_finished_set_the_final_pictures_and_what_was_judged(tmp_path):
    run = made_run(tmp_path / "run", factors={"alpha": [1e-3, 1e-2]}, failing=0.2)
    finish_run(run)
    reader = open_results(run)
    table = table_of(reader)
    rows = query(reader, "select * from stimuli order by pair_index").to_pylist()
    there = {row["pair_id"]: row for row in rows}
    for pair_id, key in zip(table.ids, table.pictures, strict=True):
        assert key == (there[pair_id]["image_uri"] if pair_id in there else None)
    judged = [there[pair_id]["content_pearson_r"] if pair_id in there else None for pair_id in table.ids]
    assert values(table.columns["content_pearson_r"].values) == judged
    assert table.columns["qc_pass"].values.levels == ("yes", "no")
    assert values(table.columns["loss_total (stimulus)"].values)[0] == 0.0
    assert table.columns["loss_total"].of == "loss_total"
    assert "ssim_content" not in table.columns  # measured of none


def test_a_set_of_several_nights(tmp_path):
    lab = Lab(tmp_path, "out")
    lab.add("c/a.png", "c/b.png", "s/x.png")
    lab.make("2026-11-20")
    lab.add("s/y.png")
    lab.make("2026-11-21")
    reader = open_results(lab.dataset)
    table = table_of(reader)
    rows = query(reader, "select pair_id, spec_hash, image_uri from results").to_pylist()
    wanted = {row["pair_id"]: row for row in rows}
    assert sorted(table.ids) == sorted(wanted)
    assert len(wanted) == 4
    header, _ = unpack(details_of(reader, table, 0, 4).packed(None))
    for place, pair_id in enumerate(table.ids):
        assert header["columns"]["spec_hash"][place] == wanted[pair_id]["spec_hash"]
        assert table.pictures[place] == wanted[pair_id]["image_uri"]
        assert table.pictures[place].startswith("runs/2026-11-2")
    assert pairs_again(reader, table) is None
    assert about(reader, table)["again"] is None
    with made_report(reader) as made:
        assert (made.pairs, made.gone) == (4, 4)  # there are no pictures here
